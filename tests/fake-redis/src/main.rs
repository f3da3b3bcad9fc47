//! Serves until it is killed: for trying a client by hand.

use std::process::ExitCode;

use fake_redis::{Builder, FakeRedis, Hello};

const USAGE: &str = "\
usage: fake-redis [OPTIONS]

  --port N             a TCP port of 127.0.0.1 (default: a free one)
  --unix PATH          a Unix socket in place of a port
  --password TEXT      the default user's password
  --user \"NAME RULES\"  a user, as in ACL SETUSER; may be repeated
  --resp2              HELLO is an unknown command, as in Redis 5
  --no-resp3           HELLO 3 is refused with NOPROTO

Prints the URL and serves until it is killed.";

fn main() -> ExitCode {
    match options(std::env::args().skip(1)) {
        Ok(Some(builder)) => match builder.start() {
            Ok(server) => serve(&server),
            Err(error) => {
                eprintln!("fake-redis: {error}");
                ExitCode::FAILURE
            }
        },
        Ok(None) => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("fake-redis: {problem}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn serve(server: &FakeRedis) -> ! {
    println!("{}", server.url());
    loop {
        std::thread::park();
    }
}

/// The options in the arguments; `None`: help.
fn options(mut args: impl Iterator<Item = String>) -> Result<Option<Builder>, String> {
    let mut builder = FakeRedis::builder();
    while let Some(option) = args.next() {
        let mut value = || args.next().ok_or(format!("{option} needs a value"));
        builder = match option.as_str() {
            "--port" => {
                let value = value()?;
                builder.port(
                    value.parse().map_err(|_| format!("--port takes a number up to 65535, not `{value}`"))?,
                )
            }
            #[cfg(unix)]
            "--unix" => builder.unix(value()?),
            "--password" => builder.password(value()?),
            "--user" => builder.user(value()?),
            "--resp2" => builder.hello(Hello::Unknown),
            "--no-resp3" => builder.hello(Hello::NoProto),
            "--help" | "-h" => return Ok(None),
            _ => return Err(format!("unknown option `{option}`")),
        };
    }
    Ok(Some(builder))
}
