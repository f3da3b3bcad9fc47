//! A pooler between. It is known by its key, which does not name the process that answers.

use realtime::model::{Code, Event, RequestKind};

use crate::client::{
    Client, LET_IN, Said, URL, args, channel, greeting, message, notification, notified, number,
    ready_for_query,
};

fn listening() -> Vec<u8> {
    [message(b'C', b"LISTEN\0"), ready_for_query(b'I')].concat()
}

/// A client that a pooler lets in, with a statement and a subscription that wait. Returns how its probe would arrive.
fn pooled(is_subscribed: bool) -> (Client, Vec<u8>) {
    let mut client = Client::new(URL, &[]);
    if is_subscribed {
        client.subscribe("chat", 1);
    }
    client.request(1, RequestKind::Command(args(&["SELECT 1"])));
    client.connect(0);
    client.read(0, &[LET_IN, &ready_for_query(b'I')].concat());
    client.written(0);
    client.read(0, &greeting(false, "4711"));
    client.connect(1);
    client.read(1, &[LET_IN, &ready_for_query(b'I')].concat());
    let written = client.written(1);
    let name = written[written.find("realtime:probe:").expect("the probes")..][..31].to_owned();
    assert!(written.ends_with(&format!(r#"LISTEN \"{name}\"\x00"#)), "and nothing else: {written}");
    client.read(1, &listening());
    let probe = client.probe();
    client.read(0, &notified());
    (client, probe)
}

#[test]
fn nothing_is_sent_through_a_pooler_before_a_message_to_oneself_has_arrived() {
    for is_subscribed in [false, true] {
        let (mut client, probe) = pooled(is_subscribed);
        let name = String::from_utf8_lossy(&probe[9..40]).into_owned();
        // Of another client, and of a connection before this one.
        client.read(1, &notification("realtime:probe:0123456789abcdef", "1"));
        client.read(1, &notification(&name, "0"));
        client.read(1, &notification("chat", "along with an answer"));
        assert!(client.said().is_empty() && client.written(0).is_empty());
        client.read(1, &probe);
        if is_subscribed {
            assert!(client.written(1).contains(r#"LISTEN \"chat\""#));
            client.read(1, &listening());
        }
        assert!(client.written(0).contains("SELECT 1"));
        client.read(0, &number("1"));
        let mut said = client.said();
        if is_subscribed {
            assert_eq!(said.remove(0), Said::Event(Event::Subscribed(channel("chat"))));
        }
        assert!(
            matches!(&said[..], [Said::Event(Event::Ready(_)), Said::Answer(1, Ok(_))]),
            "{is_subscribed}: {said:?}"
        );
    }
}

#[test]
fn a_pooler_that_delivers_nothing_is_left() {
    for is_subscribed in [false, true] {
        let (mut client, _) = pooled(is_subscribed);
        client.advance(5.1);
        let said = client.said();
        let [Said::Event(Event::Down { error, .. })] = &said[..] else { panic!("{said:?}") };
        assert!(error.message.contains("pooler in transaction mode"), "{error}");
    }
}

#[test]
fn errors_of_a_pooler_say_what_to_do_there() {
    let words = [
        ("SASL authentication failed", "wrong password, or the role is not in its auth_file"),
        ("password authentication failed", "wrong password, or the role is not in its auth_file"),
        ("no such database: game", "add it to [databases] in pgbouncer.ini"),
        ("query_wait_timeout", "raise default_pool_size"),
        ("client_login_timeout (server down)", "raise default_pool_size"),
        ("server login has been failing, try again later (server_login_retry)", "its log says why"),
        ("no more connections allowed (max_client_conn)", "raise max_client_conn"),
        ("SSL required", "write sslmode=require"),
        // The server's own, passed on.
        ("database \"game\" does not exist", "passes on"),
    ];
    for (text, advice) in words {
        let mut client = Client::new("postgres://bob:geheim@server/game?sslmode=disable", &[]);
        client.connect(0);
        client.read(0, &message(b'E', format!("SFATAL\0C08P01\0M{text}\0\0").as_bytes()));
        let error = client.down();
        assert_eq!(error.code, Code::Server("08P01".into()));
        for words in ["connection pooler", advice, &format!("; the server said: {text}")] {
            assert!(error.message.contains(words), "{text}: {error}");
        }
    }
    // PostgreSQL itself names its routine.
    let mut client = Client::new(URL, &[]);
    client.connect(0);
    client.read(0, &message(b'E', b"SFATAL\0C08P01\0Minvalid startup packet\0RProcessStartupPacket\0\0"));
    assert_eq!(client.down().message, "invalid startup packet");
}

#[test]
fn a_pooler_without_a_connection_to_the_server_is_left_in_time() {
    let is_left = |client: &mut Client, stage: &str| {
        client.advance(4.9);
        assert!(client.said().is_empty(), "{stage}");
        client.advance(0.2);
        let error = client.down();
        assert_eq!(error.code, Code::Timeout, "{stage}: {error}");
        assert!(error.message.contains("raise default_pool_size"), "{stage}: {error}");
    };
    let mut client = Client::new(URL, &[]);
    client.connect(0);
    client.read(0, LET_IN);
    is_left(&mut client, "the login");
    let mut client = Client::new(URL, &[]);
    client.connect(0);
    client.read(0, &[LET_IN, &ready_for_query(b'I')].concat());
    is_left(&mut client, "the question for its role");
    let mut client = Client::new(URL, &[]);
    client.connect(0);
    client.read(0, &[LET_IN, &ready_for_query(b'I'), &greeting(false, "4711")].concat());
    client.connect(1);
    client.read(1, &[LET_IN, &ready_for_query(b'I')].concat());
    is_left(&mut client, "the first LISTEN");
}
