//! TLS, which a server is asked for inside of the protocol.

use realtime::backend::{Action, Secured};
use realtime::model::{Code, Event, LinkId};

use crate::client::{Client, LET_IN, Said, ready_for_query, role};

const ASKED: &str = r"\x00\x00\x00\x08\x04\xd2\x16/";

fn client(mode: &str) -> Client {
    let mut client = Client::new(&format!("postgres://bob:secret@server/game{mode}"), &[]);
    client.connect(0);
    client
}

fn is_down(client: &mut Client) -> Code {
    match &client.said()[..] {
        [Said::Event(Event::Down { error, .. })] => error.code.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_server_beyond_this_machine_is_asked_for_tls_and_the_login_comes_after_it() {
    for mode in ["", "?sslmode=verify-full", "?sslmode=require", "?sslmode=prefer"] {
        let mut client = client(mode);
        assert_eq!(client.written(0), ASKED, "{mode}");
        client.read(0, b"S");
        let Some(Action::Secure { name, .. }) = client.action() else { panic!("a wish for TLS") };
        assert_eq!(name, "server");
        client.driver.secured(LinkId(0), Secured { version: "TLSv1.3", expiry: None });
        assert!(client.written(0).contains("user"));
        client.read(0, &[LET_IN, &ready_for_query(b'I'), &role(false)].concat());
        let said = client.said();
        assert!(
            matches!(&said[..], [Said::Event(Event::Ready(ready))] if ready.tls == Some("TLSv1.3")),
            "{said:?}"
        );
    }
}

#[test]
fn a_server_without_tls_is_believed_only_by_those_who_prefer_it() {
    for mode in ["?sslmode=verify-full", "?sslmode=require"] {
        let mut client = client(mode);
        client.read(0, b"N");
        assert_eq!(is_down(&mut client), Code::Tls);
    }
    let mut client = client("?sslmode=prefer");
    client.written(0);
    client.read(0, b"N");
    assert!(client.written(0).contains("user"));
}

#[test]
fn what_comes_with_the_answer_is_an_attack() {
    for answer in [&b"SR\0\0\0\x08\0\0\0\0"[..], b"SS", b"X", b"HTTP/1.1"] {
        let mut client = client("?sslmode=prefer");
        client.written(0);
        client.read(0, answer);
        assert_eq!(is_down(&mut client), Code::Protocol, "{}", answer.escape_ascii());
        assert!(client.written(0).is_empty());
    }
}
