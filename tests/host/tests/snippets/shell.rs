//! Blocks of `sh`: bash can parse each, and each line is run, or the list says why it is not.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use libtest_mimic::Failed;

use crate::{
    fresh_folder,
    markdown::Block,
    servers::{Redis, exists, find},
};

/// How a line is tested.
#[derive(Clone, Copy)]
enum Line {
    /// It runs, and its output contains this.
    Prints(&'static str),
    /// It runs with a separate redis-server for `redis-cli`, and its output contains this.
    Asks(&'static str),
    /// It does not run, for this reason; the files that it names exist.
    Not(&'static str),
}

use Line::{Asks, Not, Prints};

/// By their beginning.
const LINES: &[(&str, Line)] = &[
    ("cargo demo", Prints("messages published")),
    ("printf ", Prints("{\"type\":\"array\"")),
    ("echo \"ttt-1:$(openssl rand", Prints("ttt-1:")),
    ("openssl req -x509 ", Prints("")),
    ("openssl req -newkey ", Prints("")),
    ("echo subjectAltName=", Prints("")),
    ("openssl x509 -req ", Prints("")),
    ("openssl verify ", Prints("redis.crt: OK")),
    ("openssl x509 ", Prints("  -")),
    ("openssl s_client -starttls postgres ", Not("tests/postgres/refused.rs does, with a server of its own")),
    ("export REALTIME_URL=", Prints("srcds: redis://gmod:secret@10.0.0.5:6379 -game garrysmod")),
    ("./srcds_run_x64 ", Prints("srcds: ")),
    ("redis-cli --user gmod --askpass PING", Asks("PONG")),
    ("redis-cli --user gmod --askpass PUBLISH chat hello", Asks("0")),
    ("redis-cli --askpass PUBLISH web.", Asks("0")),
    ("redis-cli --askpass CONFIG SET ", Asks("OK")),
    ("cargo test --workspace", Not("it is what runs this")),
    (".ci/run", Not("it is what runs this")),
    ("cargo fmt --all --check", Not("the gate does")),
    ("cargo clippy --workspace ", Not("the gate does")),
    ("cargo test --test layers ", Not("the gate does")),
    ("cargo clippy --all-targets --features tls,postgres ", Not("the gate does")),
    ("cargo run -q -p gmod-host -- my_script.lua", Not("the host's own tests do, with scripts of theirs")),
    (
        "cargo run -q -p gmod-host -- --addon lua tests/lua/addon/fuzz",
        Not("it repeats what a run of the gate's found"),
    ),
    ("cargo run --release -p gmod-host -- --server real", Not("an hour; the suites run it in small")),
    ("cargo run --release -q -p gmod-host -- --server real", Not("minutes; the suites run it in small")),
    ("cargo run --release -q -p gmod-host -- --server fake", Not("minutes that really pass")),
    (
        "cargo run --release -p fuzz-targets --example deafness",
        Not("an hour; fuzz-targets' own tests run it in small"),
    ),
    ("for order in before after; do", Not("minutes; the suites run it in small")),
    ("    cargo run -q -p gmod-host -- --timeout 600 --unload", Not("minutes; the suites run it in small")),
    ("done", Not("as its beginning")),
    ("cargo run -p realtime-resp --example client_", Not("tests/documents runs it with servers of its own")),
    ("benches/peers/run", Not("minutes; .ci/peers runs it in small")),
    ("benches/peers/target/release/peers chart", Not("it is built by benches/peers/run")),
    ("sha256sum --check --ignore-missing SHA256SUMS", Not("it needs a release")),
    ("gh attestation verify ", Not("it needs a release")),
    ("sudo apt install ", Not("it changes the machine")),
    ("sudo systemctl ", Not("it changes the machine")),
    ("sudo install ", Not("it changes the machine")),
    ("sudo ufw ", Not("it changes the machine's firewall")),
    ("docker network inspect ", Not("it needs a panel's network")),
];

/// The documentation's programs, and a test's replacements.
const STUBS: &[(&str, &str)] = &[
    ("srcds_run_x64", "#!/bin/sh\necho \"srcds: $REALTIME_URL $*\"\n"),
    // cargo would replace the module while other tests load it. Its alias is checked in cargo.rs.
    (
        "bin/cargo",
        "#!/bin/sh\n[ \"$1\" = demo ] && exec \"$GMOD_HOST\" lua/examples/demo.lua\nexec \"$CARGO\" \"$@\"\n",
    ),
    ("bin/redis-cli", "#!/bin/sh\nexec \"$REDIS_CLI\" -e -s \"$REDIS_SOCKET\" \"$@\"\n"),
];

/// The configuration with the user of the lines with `--user`.
const OWNERS: &str = "docs/owners.md";

fn line(text: &str) -> Option<Line> {
    LINES.iter().find(|(beginning, _)| text.starts_with(beginning)).map(|(_, line)| *line)
}

/// Whether a block needs a redis-server.
pub(crate) fn asks(block: &Block) -> bool {
    block.code.lines().any(|text| matches!(line(text), Some(Asks(_))))
}

/// Runs the lines that can run. `output`: the text that the page shows after the block.
pub(crate) fn run(root: &Path, name: &str, block: &Block, output: Option<&str>) -> Result<(), Failed> {
    let folder = fresh_folder(&format!("{name}-{}", block.line))?;
    let mut script = String::new();
    let mut expected: Vec<&str> = output.into_iter().collect();
    for text in block.code.lines().filter(|text| !text.is_empty() && !text.starts_with('#')) {
        match line(text).ok_or_else(|| format!("{name}: no rule for the line {text}"))? {
            Prints(prints) | Asks(prints) => {
                script.extend([text, "\n"]);
                expected.push(prints);
            }
            Not(_reason) => files_are_there(root, text)?,
        }
    }
    bash(root, &folder, &["-n"], &block.code, None)?;
    if !script.is_empty() {
        let redis = if asks(block) { Some(server(root, name, block)?) } else { None };
        let printed = bash(root, &folder, &["-e"], &script, redis.as_ref())?;
        if let Some(missing) = expected.iter().find(|text| !printed.contains(**text)) {
            return Err(format!("it does not print {missing:?}, but:\n{printed}").into());
        }
        if script.contains("openssl rand") {
            let key = printed.trim().split(':').nth(1).unwrap_or_default();
            if key.len() != 64 || key.contains(|c: char| !c.is_ascii_hexdigit()) {
                return Err(format!("no key of 32 bytes: {printed}").into());
            }
        }
    }
    fs::remove_dir_all(&folder)?;
    Ok(())
}

/// Scripts, packages and programs that a line names.
fn files_are_there(root: &Path, text: &str) -> Result<(), Failed> {
    for word in text.split_whitespace().filter(|word| !word.contains('$')) {
        let built = word.contains("/target/") || word == "my_script.lua";
        if !built && (word.ends_with(".lua") || word.starts_with("benches/") || word.starts_with(".ci/")) {
            exists(root, word)?;
        }
    }
    Ok(())
}

fn server(root: &Path, name: &str, block: &Block) -> Result<Redis, Failed> {
    let folder = fresh_folder(&format!("{name}-{}-redis", block.line))?;
    if !block.code.contains("--user gmod") {
        return Redis::start(
            &folder,
            if block.code.contains("--askpass") { "requirepass secret" } else { "" },
        );
    }
    let owners = fs::read_to_string(root.join(OWNERS))?;
    let blocks = crate::markdown::blocks(&owners);
    let with_user =
        blocks.iter().find(|block| block.language == "conf" && block.code.contains("\nuser gmod "));
    Redis::start(&folder, &with_user.ok_or("no configuration with that user")?.code)
}

/// Runs a script in `folder` with the stubs; its standard input is the password, in case it is asked for.
fn bash(
    root: &Path,
    folder: &Path,
    options: &[&str],
    script: &str,
    redis: Option<&Redis>,
) -> Result<String, Failed> {
    fs::create_dir_all(folder.join("bin"))?;
    for (name, text) in STUBS {
        fs::write(folder.join(name), text)?;
        executable(&folder.join(name))?;
    }
    fs::write(folder.join("block.sh"), script)?;
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("bash");
    command
        .args(options)
        .arg(folder.join("block.sh"))
        .env("PATH", format!("{}:{path}", folder.join("bin").display()));
    command.env("GMOD_HOST", env!("CARGO_BIN_EXE_gmod-host")).env("CARGO", find("cargo").ok_or("no cargo")?);
    // cargo needs the repository, the game's server its own folder.
    command.current_dir(if script.contains("cargo ") { root } else { folder });
    if let (Some(redis), Some(program)) = (redis, find("redis-cli")) {
        command.env("REDIS_SOCKET", redis.socket()).env("REDIS_CLI", program);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    if let Some(mut input) = child.stdin.take() {
        // A program that does not ask may have ended already.
        let _written = input.write_all(b"secret\nsecret\n");
    }
    let output = child.wait_with_output()?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(printed);
    }
    Err(format!("{}\n{printed}\n{}", output.status, String::from_utf8_lossy(&output.stderr)).into())
}

#[cfg(unix)]
fn executable(file: &Path) -> Result<(), Failed> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs::set_permissions(file, fs::Permissions::from_mode(0o755))?)
}

#[cfg(not(unix))]
fn executable(_file: &Path) -> Result<(), Failed> {
    Ok(())
}

/// A rule without a line is out of date.
pub(crate) fn every_rule_counts(blocks: &[Block]) -> Result<(), Failed> {
    let lines: Vec<&str> = blocks.iter().flat_map(|block| block.code.lines()).collect();
    let idle = LINES.iter().find(|(beginning, _)| !lines.iter().any(|line| line.starts_with(beginning)));
    match idle {
        None => Ok(()),
        Some((beginning, _)) => Err(format!("no line begins with {beginning}").into()),
    }
}
