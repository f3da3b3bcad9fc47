//! TLS, which a server is asked for inside of the protocol.

use std::time::Duration;

use realtime::backend::{Action, Expiry, LinkError, OptionValue, Secured, TlsError, TlsFault};
use realtime::model::{Code, Error, Event, LinkId};

use crate::client::{Client, LET_IN, Said, message, ready_for_query, role};

const ASKED: &str = r"\x00\x00\x00\x08\x04\xd2\x16/";

fn client(mode: &str) -> Client {
    let mut client = Client::new(&format!("postgres://bob:secret@server/game{mode}"), &[]);
    client.connect(0);
    client
}

fn why_down(client: &mut Client) -> Error {
    match &client.said()[..] {
        [Said::Event(Event::Down { error, .. })] => error.clone(),
        other => panic!("{other:?}"),
    }
}

fn is_down(client: &mut Client) -> Code {
    why_down(client).code
}

/// The server agrees to TLS, and the link is secured.
fn secure(client: &mut Client) {
    client.written(0);
    client.read(0, b"S");
    assert!(matches!(client.action(), Some(Action::Secure { .. })));
    client.driver.secured(LinkId(0), Secured { version: "TLSv1.3", expiry: None });
}

fn bad_certificate(fault: TlsFault) -> LinkError {
    LinkError::Tls(TlsError { fault, words: "not for \x1b[2J".into() })
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
fn what_owners_should_know_about_tls_is_told_at_a_connect() {
    let day = Duration::from_secs(86_400);
    for (mode, left, wanted) in [
        ("", 30 * day, ""),
        ("?sslmode=require", 30 * day, ""),
        ("", 9 * day, "expires in 10 days"),
        ("tls_insecure", 30 * day, "tls_insecure is set"),
    ] {
        let mut client = if mode == "tls_insecure" {
            Client::new("postgres://server/game", &[("tls_insecure", OptionValue::Boolean(true))])
        } else {
            Client::new(&format!("postgres://bob:secret@server/game{mode}"), &[])
        };
        client.connect(0);
        client.read(0, b"S");
        client.action();
        let expiry = Some(Expiry { at: 1, left });
        client.driver.secured(LinkId(0), Secured { version: "TLSv1.3", expiry });
        client.read(0, &[LET_IN, &ready_for_query(b'I'), &role(false)].concat());
        let said = client.said();
        let [Said::Event(Event::Ready(ready))] = &said[..] else { panic!("{said:?}") };
        let notices = ready.notices.join("|");
        assert!(notices.contains(wanted) && notices.is_empty() == wanted.is_empty(), "{mode}: {notices}");
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

#[test]
fn a_server_that_refuses_tls_is_asked_once_without_it_by_those_who_prefer_it() {
    /// What the server does instead, and whether it closes the connection itself.
    type Refusal = (fn(&mut Client), bool);
    let refusals: [Refusal; 3] = [
        (|client| client.read(0, b"ESFATAL\0C08P01\0Munsupported frontend protocol\0\0"), false),
        (
            |client| {
                client.read(0, b"S");
                client.action();
                client.lost_by(0, bad_certificate(TlsFault::NotTls));
            },
            true,
        ),
        (
            |client| {
                secure(client);
                client.read(0, &message(b'E', b"SFATAL\0C28000\0Mno pg_hba.conf entry, SSL encryption\0\0"));
            },
            false,
        ),
    ];
    for (refuse, is_gone) in refusals {
        for mode in ["verify-full", "require"] {
            let mut client = client(&format!("?sslmode={mode}"));
            refuse(&mut client);
            assert_ne!(is_down(&mut client), Code::Protocol, "{mode}");
        }
        let mut client = client("?sslmode=prefer");
        assert_eq!(client.written(0), ASKED);
        refuse(&mut client);
        assert!(client.said().is_empty(), "nothing is lost");
        if !is_gone {
            assert_eq!(client.action(), Some(Action::Close(LinkId(0))));
        }
        assert_eq!(client.connect(0), "server:5432");
        assert!(client.written(0).contains("user"), "at once, without the question");
        client.read(0, &[LET_IN, &ready_for_query(b'I'), &role(false)].concat());
        let said = client.said();
        assert!(matches!(&said[..], [Said::Event(Event::Ready(ready))] if ready.tls.is_none()), "{said:?}");
        // The other links go the same way; the next connection is asked for TLS again.
        client.subscribe("chat", 1);
        client.connect(1);
        assert!(client.written(1).contains("user"));
        client.lost(0);
        client.advance(0.2);
        while let Some(action) = client.action() {
            if let Action::Connect { link, .. } = action {
                client.driver.connected(link, realtime::backend::Connected::default());
            }
        }
        assert_eq!(client.written(0), ASKED);
    }
}

#[test]
fn a_server_that_refuses_everything_is_lost_after_one_attempt_without_tls() {
    let mut client = client("?sslmode=prefer");
    client.written(0);
    client.read(0, b"E");
    assert_eq!(client.action(), Some(Action::Close(LinkId(0))));
    client.connect(0);
    client.read(0, &message(b'E', b"SFATAL\0C28000\0Mno pg_hba.conf entry\0\0"));
    assert_eq!(is_down(&mut client), Code::Server("28000".into()));
}

#[test]
fn a_certificate_that_is_not_trusted_is_told_with_what_to_do_and_no_byte_of_it_reaches_the_console() {
    let mut client = client("");
    client.read(0, b"S");
    client.action();
    client.lost_by(0, bad_certificate(TlsFault::UnknownIssuer));
    let error = why_down(&mut client);
    assert!(error.code == Code::Tls && error.message.contains("sslmode=require"), "{error}");
    assert!(error.message.contains(r"\x1b[2J") && !error.message.contains('\x1b'), "{error}");
}
