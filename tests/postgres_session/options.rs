//! Where a client is told to connect to.

use realtime::backend::{Options, configure};

fn address(url: &str) -> Result<String, String> {
    let options = Options { url: Some(url.to_owned()), ..Options::default() };
    configure(options).map(|backend| backend.address()).map_err(|error| error.to_string())
}

#[test]
fn a_host_in_the_query_is_a_socket_or_several_hosts_with_the_port_of_the_url() {
    for (url, expected) in [
        ("postgres://bob:x@/game", "127.0.0.1:5432/game"),
        ("postgres://bob:x@/game?host=/run/postgresql", "/run/postgresql/.s.PGSQL.5432/game"),
        ("postgres://bob:x@:5433/game?host=/run/postgresql", "/run/postgresql/.s.PGSQL.5433/game"),
        ("postgres://bob:x@/game?host=/run/postgresql&port=5433", "/run/postgresql/.s.PGSQL.5433/game"),
        ("postgres://bob:x@/game?port=5433&host=a,b", "a:5433,b:5433/game"),
        ("postgres://bob:x@server/game?port=5433", "server:5433/game"),
        ("postgres://bob:x@/game?host=localhost,127.0.0.1", "localhost:5432,127.0.0.1:5432/game"),
    ] {
        assert_eq!(address(url).as_deref(), Ok(expected), "{url}");
    }
    for (url, words) in [
        ("postgres://bob:x@127.0.0.1/game?host=/run", "host twice"),
        ("postgres://bob:x@/game?host=a,", "no host before or after"),
        ("postgres://bob:x@:5432/game?host=/run&port=5433", "a port twice"),
        ("postgres://bob:x@/game?host=/run&port=5433&port=5434", "\"port\" is given by the URL already"),
        ("postgres://bob:x@a,b/game?port=5433", "several hosts for one port"),
        ("postgres://bob:x@a/game?port=0", "a number from 1 to 65535"),
        ("postgres://bob:x@a/game?ports=1", "host, port, and the options that begin with tls"),
    ] {
        let error = address(url).unwrap_err();
        assert!(error.contains(words) && !error.contains("bob"), "{error}");
    }
}
