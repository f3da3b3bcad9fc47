//! Links that are secured: nothing is sent before they are, and failures are reported with what to do.

use std::time::Duration;

use realtime::backend::{
    Action, Connected, Expiry, LinkError, OptionValue, Secured, Stage, Tls, TlsError, TlsFault, Trust,
};
use realtime::model::{Code, ConnectTimes, Error, Event, LinkId, Ready};

use crate::client::{BOTH, Client, Resp, option_text};
use crate::sink::Said;

const DAY: u64 = 86_400;

/// A certificate with these days left.
pub(crate) fn how(days: u64) -> Secured {
    let left = Duration::from_secs(days * DAY);
    Secured { version: "TLSv1.3", expiry: Some(Expiry { at: 1000 * DAY + days, left }) }
}

/// The wish to secure a link, once it is made.
pub(crate) fn wish(client: &mut Client, link: u8) -> (Tls, String) {
    client.attempt(link);
    client.driver.connected(LinkId(link), Connected::default());
    match client.action() {
        Some(Action::Secure { link: asked, tls, name }) => {
            assert_eq!(asked, LinkId(link));
            ((*tls).clone(), name)
        }
        other => panic!("{other:?}"),
    }
}

pub(crate) fn secure(client: &mut Client, link: u8, days: u64) {
    wish(client, link);
    client.driver.secured(LinkId(link), how(days));
    client.driver.drive();
}

fn ready(client: &mut Client) -> Ready {
    let said = client.said();
    let found = said.iter().find_map(|said| match said {
        Said::Event(Event::Ready(ready)) => Some(ready.clone()),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("{said:?}"))
}

#[test]
fn nothing_is_said_before_the_link_is_secured() {
    for url in ["rediss://:secret@server", "valkeys://:secret@server"] {
        let mut client = Client::new(url, &[]);
        let (tls, name) = wish(&mut client, 0);
        assert_eq!((tls, &*name), (Tls { trust: Trust::Public, identity: None }, "server"));
        client.get(1, "a");
        client.advance(1.0);
        assert_eq!(client.bytes(0), b"");
        client.driver.secured(LinkId(0), how(30));
        client.driver.drive();
        assert_eq!(client.commands(0), ["HELLO 3 AUTH default secret"]);
    }
}

#[test]
fn ready_tells_how_long_each_stage_took() {
    let [lookup, connect, tls, login] = [0.5, 0.25, 0.125, 1.0].map(Duration::from_secs_f64);
    let made = ConnectTimes { lookup: Some(lookup), connect: Some(connect), ..ConnectTimes::default() };
    for is_secured in [true, false] {
        let mut client = Client::new(if is_secured { "rediss://server" } else { "redis://server" }, &[]);
        client.expect_connect(0);
        client.driver.connected(LinkId(0), Connected { times: made, ..Connected::default() });
        client.driver.drive();
        if is_secured {
            assert!(matches!(client.action(), Some(Action::Secure { .. })));
            client.driver.advance(tls);
            client.driver.secured(LinkId(0), how(30));
            client.driver.drive();
        }
        client.driver.advance(login);
        client.hello(Resp::Three);
        let times = ConnectTimes { tls: is_secured.then_some(tls), login: Some(login), ..made };
        assert_eq!(ready(&mut client).times, times);
    }
}

#[test]
fn of_several_addresses_each_is_secured_under_its_own_name() {
    let mut client = Client::new("rediss://a,b", &[]);
    let first = wish(&mut client, 0).1;
    let words = "certificate not valid for name".into();
    let error = TlsError { fault: TlsFault::WrongName, words };
    client.driver.lost(LinkId(0), LinkError::Tls(error));
    let second = wish(&mut client, 0).1;
    assert!([(&*first, &*second), (&*second, &*first)].contains(&("a", "b")), "{first}, {second}");
    client.driver.secured(LinkId(0), how(30));
    client.driver.drive();
    client.hello(Resp::Three);
    assert_eq!(ready(&mut client).address, Some(format!("{second}:6379").into()));
}

#[test]
fn the_library_s_words_are_bounded_and_printable() {
    let mut client = Client::new("rediss://server", &[]);
    wish(&mut client, 0);
    let words = format!("not valid for \x1b[2J{}", "name ".repeat(1000));
    client.lost(0, LinkError::Tls(TlsError { fault: TlsFault::WrongName, words }));
    let message = client.expect_down().0.message;
    assert!(message.contains("not valid for \\x1b[2Jname") && message.len() < 1000, "{message}");
}

#[test]
fn both_links_are_secured_and_ready_tells_how() {
    for resp in BOTH {
        let mut client = Client::new("redis://server", &[("tls", OptionValue::Boolean(true))]);
        client.subscribe("chat", 1);
        secure(&mut client, 0, 30);
        client.hello(resp);
        if resp == Resp::Two {
            secure(&mut client, 1, 20);
            client.server(1, b"+OK\r\n+OK\r\n$0\r\n\r\n+PONG\r\n");
            client.subscriber = 1;
        }
        client.confirm("subscribe", "chat");
        let told = ready(&mut client);
        assert_eq!((told.tls, told.tls_expires), (Some("TLSv1.3"), Some(1000 * DAY + 30)));
        assert_eq!(told.notices, [""; 0]);
    }
    let mut plain = Client::new("redis://server", &[]);
    plain.handshake(Resp::Three);
    let told = ready(&mut plain);
    assert_eq!((told.tls, told.tls_expires), (None, None));
}

#[test]
fn the_name_that_the_certificate_is_to_have_can_be_another_one() {
    for name in ["redis.example", "10.0.0.5", "fd00::5"] {
        let mut client = Client::new("rediss://server", &[("tls_name", option_text(name))]);
        assert_eq!(wish(&mut client, 0).1, name);
    }
}

/// Connects again, and returns the console lines.
fn notices(client: &mut Client, days: u64, first: bool) -> Vec<String> {
    if !first {
        client.lost(0, LinkError::Eof);
        client.await_attempt();
        client.said();
    }
    secure(client, 0, days);
    client.hello(Resp::Three);
    ready(client).notices.iter().map(ToString::to_string).collect()
}

#[test]
fn an_insecure_client_is_told_of_at_every_connect() {
    let mut client = Client::new("rediss://server", &[("tls_insecure", OptionValue::Boolean(true))]);
    for attempt in 0..3 {
        let told = notices(&mut client, 30, attempt == 0);
        assert!(matches!(&told[..], [line] if line.contains("tls_insecure is set")), "{told:?}");
    }
}

#[test]
fn a_certificate_that_expires_soon_is_told_of_once() {
    let mut client = Client::new("rediss://server", &[]);
    assert_eq!(notices(&mut client, 15, true), [""; 0]);
    let told = notices(&mut client, 13, false);
    assert!(matches!(&told[..], [line] if line.contains("expires in 14 days")), "{told:?}");
    assert_eq!(notices(&mut client, 13, false), [""; 0], "the same one");
    let told = notices(&mut client, 0, false);
    assert!(matches!(&told[..], [line] if line.contains("has expired")), "{told:?}");
}

/// The error when a link fails as it is being secured, or after that if `up`.
fn failed(pairs: &[(&str, OptionValue)], cause: LinkError, up: bool) -> Error {
    let mut client = Client::new("rediss://user:s3cret@server", pairs);
    if up {
        secure(&mut client, 0, 30);
    } else {
        wish(&mut client, 0);
    }
    client.lost(0, cause);
    let (error, _) = client.expect_down();
    assert!(!error.message.contains("s3cret"), "{error}");
    error
}

#[test]
fn each_fault_says_what_to_do_and_then_the_librarys_words() {
    use TlsFault::{
        BadCertificate, BadName, ClientCertificateMissing, ClientCertificateRefused, Expired, NotTls,
        NotValidYet, Other, Refused, UnknownIssuer, WrongKey, WrongName,
    };
    const PEM: &str = "-----BEGIN CERTIFICATE-----";
    let ca = [("tls_ca", option_text(PEM))];
    let own = [("tls_cert", option_text(PEM)), ("tls_key", option_text(PEM))];
    let none: &[(&str, OptionValue)] = &[];
    for (fault, pairs, advice) in [
        (UnknownIssuer, none, "into tls_ca, or the server's key into tls_pin"),
        (UnknownIssuer, &ca, "by none of the authorities in tls_ca"),
        (WrongName, none, "into tls_name"),
        (Expired, none, "renew it"),
        (NotValidYet, none, "the clock of this machine"),
        (WrongKey, none, "another public key than tls_pin says"),
        (BadCertificate, none, "a form that is not accepted"),
        (BadName, none, "into tls_name"),
        (NotTls, none, "does not speak TLS"),
        (ClientCertificateMissing, none, "set tls_cert and tls_key"),
        (ClientCertificateRefused, none, "set tls_cert and tls_key"),
        (ClientCertificateMissing, &own, "the certificate of tls_cert"),
        (ClientCertificateRefused, &own, "the certificate of tls_cert"),
        (Refused, none, "tls_cert, tls_key"),
        (Refused, &own, "refused the handshake"),
        (Other, none, "could not be secured"),
    ] {
        // In TLS 1.3 the refusal of a certificate of ours comes once our side is up.
        for up in [false, true] {
            let cause = LinkError::Tls(TlsError { fault, words: "words of the library".into() });
            let error = failed(pairs, cause, up);
            assert_eq!(error.code, Code::Tls);
            let place = |part| error.message.find(part).unwrap_or_else(|| panic!("{part}: {error}"));
            assert!(place(advice) < place("words of the library"), "{error}");
        }
    }
}

#[test]
fn a_server_that_hangs_up_in_the_handshake_may_speak_no_tls() {
    for cause in [LinkError::Eof, LinkError::Io(std::io::ErrorKind::ConnectionReset.into())] {
        let error = failed(&[], cause, false);
        assert_eq!(error.code, Code::Disconnected);
        assert!(error.message.contains("does this port speak TLS"), "{error}");
    }
    let error = failed(&[], LinkError::Truncated, true);
    assert!(error.message.contains("close_notify") && !error.message.contains("does this port"), "{error}");
}

#[test]
fn a_handshake_that_does_not_end_is_given_up_at_the_connect_deadline() {
    let mut client = Client::new("rediss://server", &[]);
    wish(&mut client, 0);
    client.advance(4.9);
    assert_eq!(client.said(), []);
    client.advance(0.2);
    let (error, _) = client.expect_down();
    assert_eq!(error.code, Code::Timeout);
    assert!(error.message.contains("TLS's handshake within 5 s; does this port speak TLS"), "{error}");
    client.expect_close(0);
}

#[test]
fn a_peer_that_cannot_be_believed_is_followed_by_the_next_address() {
    let mut client = Client::new("rediss://server", &[]);
    client.expect_connect(0);
    let peer = ([127, 0, 0, 1], 6379).into();
    let slowest = Some(Stage::Connect { address: "127.0.0.1:6379".into(), took: Duration::ZERO });
    client.driver.connected(LinkId(0), Connected { peer: Some(peer), slowest, ..Connected::default() });
    client.action();
    let fault = TlsError { fault: TlsFault::UnknownIssuer, words: String::new() };
    client.lost(0, LinkError::Tls(fault));
    let (error, _) = client.expect_down();
    assert!(error.message.contains("at 127.0.0.1:6379"), "{error}");
    client.advance(1.0);
    assert_eq!(client.expect_connect(0), Some(peer));
}

/// The certificate of each must be for the address at which it is connected to.
#[test]
fn with_sentinels_both_the_sentinel_and_the_master_are_secured() {
    let mut client = Client::new("rediss-sentinel://:secret@s1/mymaster", &[]);
    let watch = u8::MAX;
    assert_eq!(wish(&mut client, watch).1, "s1");
    assert_eq!(client.bytes(watch), b"", "nothing is said before");
    client.driver.secured(LinkId(watch), how(30));
    assert_eq!(client.commands(watch), ["HELLO 3"]);
    client.server(watch, b"%0\r\n");
    client.commands(watch);
    client.server(watch, b">3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n");
    client.server(watch, b"*2\r\n$5\r\nredis\r\n$4\r\n6380\r\n+OK\r\n*0\r\n");
    assert_eq!(wish(&mut client, 0).1, "redis");
    client.driver.secured(LinkId(0), how(30));
    assert_eq!(client.commands(0), ["HELLO 3 AUTH default secret"]);
    // A Sentinel that cannot be believed is named.
    let mut client = Client::new("rediss-sentinel://s1/mymaster", &[]);
    wish(&mut client, watch);
    let error = TlsError { fault: TlsFault::UnknownIssuer, words: "UnknownIssuer".into() };
    client.lost(watch, LinkError::Tls(error));
    let (error, _) = client.expect_down();
    assert_eq!(error.code, Code::Tls);
    assert!(error.message.starts_with("the Sentinel s1:26379: no public authority signed"), "{error}");
}
