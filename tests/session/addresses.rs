//! A name with several addresses: which one has its turn after a connection that was of no use.

use std::net::SocketAddr;
use std::time::Duration;

use realtime::backend::{Connected, LinkError, Stage};

use crate::client::{BOTH, Client, HELLO3, Resp, WELCOME};

pub(crate) fn address(last: u8) -> SocketAddr {
    ([10, 0, 0, last], 6379).into()
}

/// This peer accepts the link that the session asks for. Returns the peer after which it asked for one.
pub(crate) fn accepted(client: &mut Client, link: u8, peer: u8) -> Option<SocketAddr> {
    client.await_attempt();
    client.connected_as(link, Connected { peer: Some(address(peer)), ..Connected::default() })
}

#[test]
fn after_a_failed_handshake_the_next_address_has_its_turn() {
    let mut client = Client::new("redis://server", &[]);
    assert_eq!(accepted(&mut client, 0, 1), None, "the resolver's order");
    // It hangs up, speaks HTTP, hangs, refuses the login.
    client.lost(0, LinkError::Eof);
    assert!(client.expect_down().0.message.ends_with(" (at 10.0.0.1:6379)"));
    assert_eq!(accepted(&mut client, 0, 2), Some(address(1)));
    client.server(0, b"HTTP/1.1 400 Bad Request\r\n");
    assert!(client.expect_down().0.message.ends_with(" (at 10.0.0.2:6379)"));
    client.expect_close(0);
    assert_eq!(accepted(&mut client, 0, 3), Some(address(2)));
    client.advance(5.1);
    assert!(client.expect_down().0.message.ends_with(" (at 10.0.0.3:6379)"));
    client.expect_close(0);
    assert_eq!(accepted(&mut client, 0, 4), Some(address(3)));
    client.server(0, b"-WRONGPASS invalid username-password pair\r\n");
    assert!(client.expect_down().0.message.ends_with(" (at 10.0.0.4:6379)"));
    client.expect_close(0);
    // No address accepts a connection: that changes nothing.
    client.await_attempt();
    assert_eq!(client.expect_connect(0), Some(address(4)));
    client.refused(0);
    assert!(!client.expect_down().0.message.contains("(at "));
    client.commands(0);
    assert_eq!(accepted(&mut client, 0, 1), Some(address(4)));
    client.hello(Resp::Three);
    client.expect_ready(true, Resp::Three);
    // One that was fine is the first to be tried again.
    client.lost(0, LinkError::Eof);
    assert!(!client.expect_down().0.message.contains("(at "));
    client.await_attempt();
    assert_eq!(client.expect_connect(0), Some(address(4)));
}

#[test]
fn addresses_for_which_no_time_was_left_come_first_the_next_time() {
    let late = |last| {
        let slowest = Stage::Connect { address: address(1).to_string(), took: Duration::from_secs(1) };
        LinkError::TimedOut(slowest, last)
    };
    let mut client = Client::new("redis://server", &[]);
    client.await_attempt();
    assert_eq!(client.expect_connect(0), None);
    client.lost(0, late(Some(address(5))));
    client.expect_down();
    client.await_attempt();
    assert_eq!(client.expect_connect(0), Some(address(5)));
    // Now all were tried.
    client.lost(0, late(None));
    client.expect_down();
    assert_eq!(accepted(&mut client, 0, 1), Some(address(5)));
    client.hello(Resp::Three);
    client.expect_ready(true, Resp::Three);
}

#[test]
fn a_subscription_that_cannot_be_restored_is_no_use_either() {
    for resp in BOTH {
        let mut client = Client::subscribed(resp, &[]);
        let link = client.subscriber;
        client.lost(link, LinkError::Eof);
        client.said();
        assert_eq!(accepted(&mut client, link, 1), None);
        client.commands(link);
        match resp {
            Resp::Three => {
                client.server(link, HELLO3);
                client.commands(link);
                client.server(link, WELCOME);
            }
            Resp::Two => client.server(link, WELCOME),
        }
        assert!(client.commands(link).contains(&"SUBSCRIBE chat".to_owned()), "the handshake is over");
        client.lost(link, LinkError::Eof);
        client.await_attempt();
        assert_eq!(client.expect_connect(link), Some(address(1)));
    }
}

#[test]
fn a_peer_that_had_too_little_time_is_not_passed_over() {
    let took = Duration::from_secs(4);
    let lookup = Stage::Lookup { host: "server".into(), took };
    let connect = Stage::Connect { address: address(1).to_string(), took };
    for (stage, after) in [(lookup, None), (connect, Some(address(1)))] {
        let mut client = Client::new("redis://server", &[]);
        client.advance(4.5);
        client.connected_as(
            0,
            Connected { peer: Some(address(2)), slowest: Some(stage), ..Connected::default() },
        );
        client.advance(0.6);
        let (error, _) = client.expect_down();
        assert!(!error.message.contains("(at "), "{error}");
        client.expect_close(0);
        client.await_attempt();
        assert_eq!(client.expect_connect(0), after);
    }
}
