//! Errors about server and login: the source of the settings that they name.

use realtime::backend::{Connected, LinkError};
use realtime::model::Error;

use crate::client::Client;

const VARIABLE: &str = "URL from the environment variable REALTIME_URL";

/// The server gives these answers on the first connection, and turns the client away with the last one.
fn turned_away(origin: &str, url: &str, answers: &[&[u8]]) -> Error {
    let mut client = Client::from_origin(origin, url, &[], 7);
    client.connected(0);
    for answer in answers {
        client.commands(0);
        client.server(0, answer);
    }
    client.expect_down().0
}

#[test]
fn a_refused_login_names_the_user_and_where_the_url_came_from() {
    let wrong = &b"-WRONGPASS invalid username-password pair\r\n"[..];
    let missing = &b"-NOAUTH Authentication required.\r\n"[..];
    let old = [&b"-ERR unknown command 'HELLO'\r\n"[..], b"-ERR invalid password\r\n"];
    let unnamed = "NOAUTH: the server wants a password and none was given; put it into the URL \
                   (redis://:password@host) or into the option password";
    for (url, answers, expected) in [
        (
            "redis://gmod:s3cret@server",
            &[wrong][..],
            "; the server's words: invalid username-password pair (user gmod, ",
        ),
        ("redis://:s3cret@server", &[wrong], "pair (user default, "),
        ("redis://server", &[missing], &format!("{unnamed} (")),
        ("redis://:s3cret@server", &old, "; the server's words: invalid password (user default, "),
        // Names are escaped, and left out if they would reveal the password.
        ("redis://g%1b%5bmod:s3cret@server", &[wrong], "pair (user g\\x1b[mod, "),
        ("redis://my-s3cret-user:s3cret@server", &[wrong], "pair ("),
    ] {
        let error = turned_away(VARIABLE, url, answers).to_string();
        assert!(error.ends_with(&format!("{expected}{VARIABLE})")), "{url}: {error}");
        assert!(!error.contains("s3cret"), "{error}");
        let error = turned_away("", url, answers).to_string();
        assert!(!error.contains("URL from"), "{error}");
    }
}

#[test]
fn a_refused_connection_does_and_a_lost_one_does_not() {
    let mut client = Client::from_origin(VARIABLE, "redis://gmod:s3cret@server", &[], 7);
    client.expect_connect(0);
    client.refused(0);
    let error = client.expect_down().0.to_string();
    assert!(error.ends_with(&format!(" (user gmod, {VARIABLE})")), "{error}");
    client.reconnect(0);
    client.lost(0, LinkError::Eof);
    let error = client.expect_down().0.to_string();
    assert!(!error.contains("gmod") && !error.contains(VARIABLE), "{error}");
    // Beside the address, if the name has several.
    client.await_attempt();
    let peer = Some(([10, 0, 0, 1], 6379).into());
    client.commands(0);
    client.connected_as(0, Connected { peer, ..Connected::default() });
    client.commands(0);
    client.server(0, b"-WRONGPASS no\r\n");
    let error = client.expect_down().0.to_string();
    assert!(error.ends_with(&format!(" (at 10.0.0.1:6379, user gmod, {VARIABLE})")), "{error}");
}
