//! Getting in: protocol versions, logins, names, and every way to be turned away.

use std::time::Duration;

use realtime::backend::{Connected, LinkError, OptionValue, Stage};
use realtime::model::{Event, State};

use crate::client::{Client, HELLO3, OLD_INTRODUCTION, Resp, SETINFO, every_cut, option_text};
use crate::sink::Said;

const NUMBER: fn(f64) -> OptionValue = OptionValue::Number;

#[test]
fn the_bytes_of_hello() {
    let mut client = Client::new("redis://:secret@server", &[]);
    client.connected(0);
    assert_eq!(
        client.bytes(0),
        b"*5\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\nAUTH\r\n$7\r\ndefault\r\n$6\r\nsecret\r\n"
    );
}

#[test]
fn resp3_with_everything() {
    let make = || Client::new("redis://user:secret@server/5", &[("name", option_text("ttt-1"))]);
    let conversation = |client: &mut Client| {
        assert_eq!(client.counters.state(), State::Connecting);
        client.connected(0);
        assert_eq!(client.commands(0), ["HELLO 3 AUTH user secret SETNAME ttt-1"]);
        client.server(0, HELLO3);
        assert_eq!(client.commands(0), ["SELECT 5", SETINFO[0], SETINFO[1], "INFO server", "PING"]);
        assert_eq!(client.said(), []);
        client
            .server(0, b"+OK\r\n-ERR unknown subcommand 'SETINFO'. Try CLIENT HELP.\r\n-ERR no\r\n-NOPERM no\r\n+PONG\r\n");
        let said = client.said();
        let [Said::Event(Event::Ready(ready))] = &said[..] else { panic!("{said:?}") };
        assert!(ready.first);
        assert_eq!(ready.protocol, Some(3));
        assert_eq!(ready.server.as_deref(), Some("redis"));
        assert_eq!(ready.version.as_deref(), Some("7.0.15"));
        assert_eq!(client.counters.state(), State::Ready);
        assert_eq!(client.action(), None);
    };
    every_cut(conversation, make);
}

#[test]
fn resp2_with_everything() {
    let make = || {
        Client::new(
            "redis://user:secret@server/5",
            &[("name", option_text("ttt-1")), ("protocol", NUMBER(2.0))],
        )
    };
    let conversation = |client: &mut Client| {
        client.connected(0);
        assert_eq!(client.commands(0), ["AUTH user secret"], "a stranger says no more than its name");
        client.server(0, b"+OK\r\n");
        assert_eq!(
            client.commands(0),
            ["SELECT 5", "CLIENT SETNAME ttt-1", SETINFO[0], SETINFO[1], "INFO server", "ROLE", "PING"]
        );
        client.server(
            0,
            b"+OK\r\n-NOPERM no setname\r\n-ERR\r\n-ERR\r\n$22\r\nredis_version:6.2.14\r\n\r\n*-1\r\n+PONG\r\n",
        );
        let said = client.said();
        let [Said::Event(Event::Ready(ready))] = &said[..] else { panic!("{said:?}") };
        assert_eq!(ready.protocol, Some(2));
        assert_eq!(ready.server.as_deref(), Some("redis"));
        assert_eq!(ready.version.as_deref(), Some("6.2.14"));
        assert_eq!(client.action(), None, "no second link without a subscription");
    };
    every_cut(conversation, make);
}

#[test]
fn falls_back_to_resp2_and_logs_in_as_of_old() {
    for refusal in [
        &b"-NOPROTO unsupported protocol version\r\n"[..],
        b"-ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `default`, `secret`, \r\n",
        b"-ERR unknown command 'HELLO'\r\n",
        b"-ERR HELLO is not allowed by this proxy\r\n",
        b"-ERR wrong number of arguments for 'hello' command\r\n",
        b"-ERR Syntax error in HELLO option 'AUTH'\r\n",
        b"-invalid command\r\n",
        // Redis 6.0 with `user default off`.
        b"-NOPERM this user has no permissions to run the 'hello' command or its subcommand\r\n",
    ] {
        let mut client = Client::new("redis://:secret@server", &[]);
        client.connected(0);
        client.commands(0);
        client.server(0, refusal);
        assert_eq!(client.commands(0), ["AUTH secret"]);
        client.server(0, b"+OK\r\n");
        assert_eq!(client.commands(0), OLD_INTRODUCTION);
        client.server(0, b"-ERR\r\n-ERR\r\n-NOPERM no info\r\n*0\r\n-NOPERM no ping\r\n");
        client.expect_ready(true, Resp::Two);
    }
}

#[test]
fn resp3_is_tried_anew_on_each_connection() {
    let mut client = Client::ready(Resp::Two, &[]);
    client.lost(0, LinkError::Eof);
    client.said();
    client.reconnect(0);
    client.hello(Resp::Three);
    client.expect_ready(false, Resp::Three);
}

/// Runs the handshake up to the server's last answer; returns the reported error.
pub(crate) fn turned_away(
    url: &str,
    pairs: &[(&str, OptionValue)],
    answers: &[&[u8]],
) -> realtime::model::Error {
    let mut client = Client::new(url, pairs);
    client.connected(0);
    for answer in answers {
        assert_eq!(client.said(), []);
        client.commands(0);
        client.server(0, answer);
    }
    let (error, _) = client.expect_down();
    client.expect_close(0);
    assert_eq!(client.counters.state(), State::Waiting);
    assert_eq!(client.commands(0), Vec::<String>::new());
    client.reconnect(0);
    error
}

#[test]
fn a_refused_login_is_the_answer_and_no_reason_to_fall_back() {
    for (answer, code) in [
        (&b"-WRONGPASS invalid username-password pair or user is disabled.\r\n"[..], "WRONGPASS"),
        (b"-NOAUTH HELLO must be called with the client already authenticated\r\n", "NOAUTH"),
        (b"-LOADING Redis is loading the dataset in memory\r\n", "LOADING"),
        (b"-DENIED Redis is running in protected mode\r\n", "DENIED"),
        (b"-ERR max number of clients reached\r\n", "ERR"),
    ] {
        let error = turned_away("redis://:hunter2@server", &[], &[answer]);
        assert_eq!(error.code.as_str(), code);
        let words = String::from_utf8_lossy(answer);
        let words = words.trim().trim_end_matches('.').split_once(' ').unwrap().1;
        assert!(error.message.contains(words), "{error}");
        assert!(!error.to_string().contains("hunter2"));
    }
}

/// A server that refuses HELLO is asked in RESP2, where its answer shows the reason.
#[test]
fn a_wrong_password_is_found_after_falling_back() {
    for (refusal, answer, code) in [
        (
            &b"-NOPERM no permissions to run the 'hello' command\r\n"[..],
            &b"-WRONGPASS no\r\n"[..],
            "WRONGPASS",
        ),
        (b"-ERR invalid password\r\n", b"-ERR invalid password\r\n", "AUTH"),
    ] {
        let error = turned_away("redis://:hunter2@server", &[], &[refusal, answer]);
        assert_eq!(error.code.as_str(), code);
    }
}

#[test]
fn without_a_password_the_answer_says_where_one_goes() {
    for options in [&[][..], &[("protocol", NUMBER(2.0)), ("db", NUMBER(2.0))]] {
        let error = turned_away("redis://server", options, &[b"-NOAUTH Authentication required.\r\n"]);
        assert_eq!(error.code.as_str(), "NOAUTH");
        assert!(error.message.contains("redis://:password@host"), "{error}");
    }
}

#[test]
fn a_refused_login_in_resp2() {
    let two = [("protocol", NUMBER(2.0))];
    let away = |answer| turned_away("redis://:hunter2@server", &two, &[answer]);
    assert_eq!(away(b"-ERR invalid password\r\n").code.as_str(), "AUTH");
    assert_eq!(away(b"-ERR Client sent AUTH, but no password is set\r\n").code.as_str(), "AUTH");
    assert_eq!(away(b"-WRONGPASS no\r\n").code.as_str(), "WRONGPASS");
    assert_eq!(away(b"-ERR max number of clients reached\r\n").code.as_str(), "ERR", "no fault of the login");
    let error = away(b"-ERR unknown command `AUTH`, with args beginning with: `hunter2`, \r\n");
    assert!(!error.to_string().contains("hunter2"), "{error}");
    let error = away(b"-ERR unknown command `AUTH`, with args beginning with: `hunt\r\n");
    assert!(!error.to_string().contains("hunt"), "a part of it is secret too: {error}");
    let error = away(b"-ERR hunter2 is wrong\r\n");
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn a_password_that_is_a_word_of_the_servers_own() {
    for (answer, message) in [
        (
            &b"-WRONGPASS invalid username-password pair or user is disabled.\r\n"[..],
            "; the server's words: invalid username-password pair or user is disabled",
        ),
        (b"-ERR invalid password\r\n", "; the server's words: invalid password"),
        (
            b"-ERR wrong number of arguments for 'auth' command\r\n",
            "the server knows no users, as Redis before 6.0: leave the user out, as in redis://:password@host",
        ),
        // It may be an echo.
        (b"-ERR password: no such user\r\n", "the server refused the login: …: no such user"),
    ] {
        let url = "redis://gmod:password@server";
        let error = turned_away(url, &[("protocol", NUMBER(2.0))], &[answer]);
        let details = if error.code.as_str() == "ERR" { "" } else { " (user gmod)" };
        assert!(error.message.ends_with(&format!("{message}{details}")), "{error}");
    }
    let old = b"-ERR wrong number of arguments for 'auth' command\r\n";
    let error = turned_away("redis://gmod:of@server", &[("protocol", NUMBER(2.0))], &[old]);
    assert!(error.message.contains("knows no users"), "{error}");
}

#[test]
fn a_user_at_a_server_that_knows_none() {
    // Redis 3.0.5 and 5.0.6, whose AUTH takes only a password.
    const OLD: &[u8] = b"-ERR wrong number of arguments for 'auth' command\r\n";
    for (protocol, answers) in [
        ("auto", &[b"-ERR unknown command 'HELLO'\r\n", OLD][..]),
        ("auto", &[b"-ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `gmod`, `hunter2`, \r\n", OLD]),
        ("2", &[OLD]),
    ] {
        let protocol = if protocol == "2" { NUMBER(2.0) } else { option_text(protocol) };
        let error = turned_away("redis://gmod:hunter2@server", &[("protocol", protocol)], answers);
        assert_eq!(
            error.to_string(),
            "AUTH: the server knows no users, as Redis before 6.0: leave the user out, as in redis://:password@host \
             (user gmod)"
        );
    }
    // Without a user there is another reason.
    let error = turned_away("redis://:hunter2@server", &[("protocol", NUMBER(2.0))], &[OLD]);
    assert_eq!(
        error.to_string(),
        "AUTH: the server refused the login: wrong number of arguments for 'auth' command (user default)"
    );
}

#[test]
fn a_missing_password_is_found_in_resp2_too() {
    let error = turned_away(
        "redis://server",
        &[("protocol", NUMBER(2.0))],
        &[b"-NOAUTH Authentication required.\r\n"],
    );
    assert_eq!(error.code.as_str(), "NOAUTH");
}

#[test]
fn a_login_that_ends_in_the_middle_of_the_handshake_is_told_at_once() {
    const OK: &[u8] = b"+OK\r\n";
    let until_role = [OK, OK, b"-NOPERM no permissions to run the 'info' command\r\n"];
    let answers = [&until_role[..], &[b"-NOAUTH Authentication required.\r\n"]].concat();
    let error = turned_away("redis://server", &[("protocol", NUMBER(2.0))], &answers);
    assert_eq!(error.code.as_str(), "NOAUTH");
}

#[test]
fn a_refused_database() {
    let error = turned_away("redis://server/99", &[], &[HELLO3, b"-ERR DB index is out of range\r\n"]);
    assert_eq!(error.to_string(), "ERR: the server refused the database (SELECT): DB index is out of range");
    // A right to SELECT would not help in a cluster.
    let no_right = b"-NOPERM this user has no permissions to run the 'select' command\r\n";
    let error = turned_away("redis://gmod:pw@server/2", &[], &[HELLO3, no_right]);
    assert!(error.message.ends_with("ACL SETUSER gmod +select"), "{error}");
    let in_cluster = b"-ERR SELECT is not allowed in cluster mode\r\n";
    for (url, answer) in
        [("redis-cluster://gmod:pw@server/2", &no_right[..]), ("redis://gmod:pw@server/2", in_cluster)]
    {
        let error = turned_away(url, &[], &[b"%1\r\n+mode\r\n+cluster\r\n", answer]);
        assert!(error.message.contains("; a cluster has database 0 alone"), "{error}");
        assert!(!error.message.contains("+select"), "{error}");
    }
}

#[test]
fn demanding_resp3_of_a_server_without_it() {
    for (answer, words) in [
        (&b"-ERR unknown command 'HELLO'\r\n"[..], "unknown command 'HELLO'"),
        (
            b"-ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `default`, `hunt\r\n",
            "unknown command `HELLO`, …",
        ),
        (b"-ERR not here.\r\n", "not here"),
        (b"-NOPERM no permissions\r\n", "no permissions"),
        (b"-NOPROTO unsupported protocol version\r\n", "unsupported protocol version"),
    ] {
        let error = turned_away("redis://:hunter2@server", &[("protocol", NUMBER(3.0))], &[answer]);
        assert_eq!(
            error.to_string(),
            format!(
                "UNSUPPORTED: the server refused RESP3 (HELLO 3): {words}; leave out the option protocol, or set it \
                 to 2"
            )
        );
    }
}

#[test]
fn a_wrong_password_is_not_hammered() {
    for (resp3, answer) in
        [(true, &b"-WRONGPASS no\r\n"[..]), (false, b"-ERR invalid password\r\n"), (true, b"-NOAUTH no\r\n")]
    {
        let version = [("protocol", NUMBER(if resp3 { 3.0 } else { 2.0 }))];
        let mut client = Client::new("redis://:wrong@server", &version);
        let end = client.driver.now + Duration::from_secs(600);
        let mut attempts = 0;
        while client.driver.now < end {
            client.await_attempt();
            client.connected(0);
            attempts += 1;
            assert_eq!(client.commands(0).len(), 1, "nothing behind the login");
            client.server(0, answer);
            let (_, retry_in) = client.expect_down();
            assert!(retry_in <= Duration::from_secs(30));
            client.expect_close(0);
        }
        // Nine attempts until the pauses are as long as they get, from then on one each fifteen seconds on average.
        println!("{attempts} attempts in ten minutes");
        assert!((20..=80).contains(&attempts), "{attempts} attempts in ten minutes");
    }
}

#[test]
fn a_peer_that_never_answers() {
    let mut client = Client::new("redis://server", &[("connect_timeout", NUMBER(5.0))]);
    client.expect_connect(0);
    // Until there is a connection, the event loop watches the time.
    client.advance(10.0);
    assert_eq!((client.said(), client.action()), (vec![], None));
    let took = Duration::from_secs(5);
    client.lost(0, LinkError::TimedOut(Stage::Connect { address: "10.0.0.5:6379".into(), took }, None));
    let (error, _) = client.expect_down();
    assert_eq!(error.code.as_str(), "TIMEOUT");
    // The handshake has to fit into the same time.
    client.reconnect(0);
    client.advance(4.9);
    client.server(0, b"%1\r\n");
    assert_eq!(client.said(), []);
    client.advance(0.2);
    let (error, _) = client.expect_down();
    assert_eq!(error.code.as_str(), "TIMEOUT");
    assert!(error.message.contains("did not answer within"), "{error}");
}

#[test]
fn a_connect_timeout_names_what_took_the_time() {
    let lookup = |seconds| Stage::Lookup { host: "server".into(), took: Duration::from_secs_f64(seconds) };
    let connect =
        |seconds| Stage::Connect { address: "10.0.0.5:6379".into(), took: Duration::from_secs_f64(seconds) };
    // The stage before, the delay of the connection after the attempt, and the words.
    for (stage, stands, words) in [
        (lookup(4.96), 4.98, "no connection in time: looking up server took 5 s"),
        (connect(2.54), 2.6, "no connection in time: connecting to 10.0.0.5:6379 took 2.5 s"),
        (connect(2.4), 2.4, "the server was reached but did not answer within 2.6 s"),
        (lookup(0.9), 0.9, "the server was reached but did not answer within 4.1 s"),
    ] {
        let mut client = Client::new("redis://server", &[]);
        client.advance(stands);
        client.connected_as(0, Connected { peer: None, slowest: Some(stage), ..Connected::default() });
        client.advance(5.0 - stands + 0.01);
        let (error, _) = client.expect_down();
        assert_eq!(error.code.as_str(), "TIMEOUT");
        assert!(error.message.starts_with(words), "{error}");
        // The same without a handshake, as reported by the event loop.
        client.expect_close(0);
        client.await_attempt();
        client.expect_connect(0);
        client.lost(0, LinkError::TimedOut(lookup(0.123), None));
        let (error, _) = client.expect_down();
        let told =
            "TIMEOUT: no connection in time: looking up server took 0.123 s; the name server is slow: ";
        assert!(error.to_string().starts_with(told), "{error}");
    }
}

#[test]
fn a_link_that_cannot_be_made() {
    let mut client = Client::new("redis://server", &[]);
    client.expect_connect(0);
    client.refused(0);
    assert_eq!(client.expect_down().0.code.as_str(), "REFUSED");
    assert_eq!(client.action(), None, "what is gone need not be closed");
    client.reconnect(0);
    client.lost(0, LinkError::Eof);
    let (error, _) = client.expect_down();
    assert_eq!(error.code.as_str(), "DISCONNECTED");
    assert!(error.message.contains("before it answered"), "{error}");
    client.await_attempt();
    client.expect_connect(0);
    client.lost(0, LinkError::Resolve { host: "server".into(), reason: "no such host".into() });
    assert_eq!(client.expect_down().0.code.as_str(), "RESOLVE");
}
