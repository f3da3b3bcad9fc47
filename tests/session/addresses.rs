//! A name with several addresses: which one has its turn after a connection that was of no use.

use std::net::SocketAddr;
use std::time::Duration;

use realtime::backend::{Connected, LinkError, Stage};

use realtime::model::Event;

use crate::client::{BOTH, Client, Resp};
use crate::sink::Said;

fn address(last: u8) -> SocketAddr {
    ([10, 0, 0, last], 6379).into()
}

/// This peer accepts the link that the session asks for. Returns the peer after which it asked for one.
fn accepted(client: &mut Client, link: u8, peer: u8) -> Option<SocketAddr> {
    client.await_attempt();
    client.connected_as(link, Connected { peer: Some(address(peer)), slowest: None })
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
    // No address lets us connect: that changes nothing.
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
fn a_subscription_that_cannot_be_restored_is_no_use_either() {
    for resp in BOTH {
        let mut client = Client::subscribed(resp, &[]);
        let link = client.subscriber;
        client.lost(link, LinkError::Eof);
        client.said();
        assert_eq!(accepted(&mut client, link, 1), None);
        client.commands(link);
        client.server(link, if resp == Resp::Three { crate::client::HELLO3 } else { b"" });
        client.server(link, crate::client::WELCOME);
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
        client.connected_as(0, Connected { peer: Some(address(2)), slowest: Some(stage) });
        client.advance(0.6);
        let (error, _) = client.expect_down();
        assert!(!error.message.contains("(at "), "{error}");
        client.expect_close(0);
        client.await_attempt();
        assert_eq!(client.expect_connect(0), after);
    }
}

/// Under RESP2, ready and subscribed; the server of the commands has this id, and both links lead to this peer.
fn on_two_links(id: &str, peer: u8) -> Client {
    let mut client = Client::new("redis://server", &[]);
    accepted(&mut client, 0, peer);
    assert_eq!(client.commands(0), ["HELLO 3"]);
    client.server(0, b"-ERR unknown command 'HELLO'\r\n");
    client.subscriber = 1;
    welcome(&mut client, id);
    client.subscribe("chat", 1);
    accepted(&mut client, 1, peer);
    client.server(1, crate::client::WELCOME);
    client.confirm("subscribe", "chat");
    client.fence(1);
    client.said();
    client.commands(1);
    client
}

/// Answers what is said on a new connection for commands: the server has this id, if any.
fn welcome(client: &mut Client, id: &str) {
    client.commands(0);
    let info = if id.is_empty() { "redis_version:7".to_owned() } else { format!("run_id:{id}") };
    let info = format!("+OK\r\n+OK\r\n${}\r\n{info}\r\n", info.len());
    client.server(0, &[info.as_bytes(), crate::client::MASTER, b"+PONG\r\n"].concat());
}

#[test]
fn a_link_of_commands_that_leads_to_another_server_takes_the_subscriptions_along() {
    // Id and address before and after, and whether that is another server.
    for (before, after, moves) in [
        (("x", 1), ("x", 1), false),
        (("x", 1), ("x", 2), false),
        (("x", 1), ("y", 1), true),
        (("", 1), ("", 1), false),
        (("", 1), ("", 2), true),
        (("", 1), ("x", 1), false),
    ] {
        let mut client = on_two_links(before.0, before.1);
        client.lost(0, LinkError::Eof);
        client.expect_down();
        accepted(&mut client, 0, after.1);
        welcome(&mut client, after.0);
        if !moves {
            client.expect_ready(false, Resp::Two);
            continue;
        }
        client.expect_close(1);
        assert_eq!(client.said(), [], "it is down already");
        // Behind a balancer the other link may lead anywhere. It is not renewed for ever.
        accepted(&mut client, 1, 7);
        client.server(1, crate::client::WELCOME);
        client.confirm("subscribe", "chat");
        let said = client.said();
        let [Said::Event(Event::Gap { error, topics: None, .. }), Said::Event(Event::Ready(_))] = &said[..]
        else {
            panic!("{said:?}")
        };
        assert!(error.message.contains("another server"), "{error}");
        assert_eq!(client.action(), None);
    }
}

#[test]
fn subscriptions_that_lead_to_another_server_take_the_commands_along() {
    for (peer, moves) in [(1, false), (2, true)] {
        let mut client = on_two_links("x", 1);
        client.get(1, "a");
        client.commands(0);
        client.lost(1, LinkError::Eof);
        client.expect_down();
        accepted(&mut client, 1, peer);
        client.server(1, crate::client::WELCOME);
        let said = client.said();
        assert_eq!(
            said.len(),
            1 + usize::from(moves),
            "the gap, and the command that was under way: {said:?}"
        );
        client.confirm("subscribe", "chat");
        if moves {
            client.expect_close(0);
            accepted(&mut client, 0, 2);
            welcome(&mut client, "y");
        }
        client.expect_ready(false, Resp::Two);
    }
}

/// The name may lead elsewhere between the two.
#[test]
fn subscriptions_that_begin_on_another_server_take_the_commands_along_once() {
    let mut client = Client::new("redis://server", &[]);
    accepted(&mut client, 0, 1);
    client.commands(0);
    client.server(0, b"-ERR unknown command 'HELLO'\r\n");
    client.subscriber = 1;
    welcome(&mut client, "x");
    client.expect_ready(true, Resp::Two);
    client.subscribe("chat", 1);
    accepted(&mut client, 1, 2);
    client.server(1, crate::client::WELCOME);
    client.confirm("subscribe", "chat");
    client.expect_close(0);
    let said = client.said();
    let is_moved = |said: &Said| matches!(said, Said::Event(Event::Down { error, .. }) if error.message.contains("another server"));
    assert!(said.iter().any(is_moved), "{said:?}");
    // Behind a balancer it may lead anywhere again.
    accepted(&mut client, 0, 3);
    welcome(&mut client, "z");
    client.expect_ready(false, Resp::Two);
    assert_eq!(client.action(), None);
}
