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
        ("postgres://bob:x@/game?host=localhost,127.0.0.1", "localhost:5432,127.0.0.1:5432/game"),
    ] {
        assert_eq!(address(url).as_deref(), Ok(expected), "{url}");
    }
    for url in ["postgres://bob:x@127.0.0.1/game?host=/run", "postgres://bob:x@/game?host=a,"] {
        let error = address(url).unwrap_err();
        assert!(error.contains("host") && !error.contains("bob"), "{error}");
    }
}
