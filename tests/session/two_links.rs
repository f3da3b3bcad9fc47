//! RESP2's two links: whether they lead to one server, and the gap if they did not.

use std::time::Duration;

use realtime::backend::{Connected, LinkError, OptionValue};
use realtime::model::Event;

use crate::addresses::{accepted, address};
use crate::client::{BOTH, Client, HELLO3, MASTER, OLD_WELCOME, Resp, WELCOME, life, question};
use crate::sink::Said;

/// Under RESP2, ready and subscribed: both links lead to the server with this id at this address.
fn on_two_links(id: &str, peer: u8) -> Client {
    let mut client = ready_on(id, peer);
    client.subscribe("chat", 1);
    subscriptions(&mut client, id, peer);
    client.confirm("subscribe", "chat");
    client.fence(1);
    client.said();
    client.commands(1);
    client
}

/// Under RESP2, ready, and without subscriptions.
fn ready_on(id: &str, peer: u8) -> Client {
    let mut client = Client::new("redis://server", &[]);
    accepted(&mut client, 0, peer);
    assert_eq!(client.commands(0), ["HELLO 3"]);
    client.server(0, b"-ERR unknown command 'HELLO'\r\n");
    client.subscriber = 1;
    welcome(&mut client, id);
    client.expect_ready(true, Resp::Two);
    client
}

/// INFO's answer of a server with this id, or of one that names none.
fn info(id: &str) -> Vec<u8> {
    let info = if id.is_empty() { "redis_version:7".to_owned() } else { format!("run_id:{id}") };
    format!("+OK\r\n+OK\r\n${}\r\n{info}\r\n", info.len()).into_bytes()
}

/// Answers the handshake of a new connection for commands.
fn welcome(client: &mut Client, id: &str) {
    client.commands(0);
    client.server(0, &[&info(id)[..], MASTER, b"+PONG\r\n"].concat());
}

/// The subscriptions' link is made to the server with this id at this address.
fn subscriptions(client: &mut Client, id: &str, peer: u8) {
    accepted(client, 1, peer);
    client.server(1, &[&info(id)[..], b"+PONG\r\n"].concat());
}

/// The commands' link is made to the server with this id at this address.
fn commands(client: &mut Client, id: &str, peer: u8) {
    accepted(client, 0, peer);
    welcome(client, id);
}

/// Whether an event reports that the other link was renewed.
fn is_moved(said: &Said) -> bool {
    let (Said::Event(Event::Down { error, .. }) | Said::Event(Event::Gap { error, .. })) = said else {
        return false;
    };
    error.message.contains("another server")
}

/// The id and the address of a server.
type Place = (&'static str, u8);

/// Where both links lead to, where a link leads to later, and whether that is another server.
const PLACES: [(Place, Place, bool); 8] = [
    (("x", 1), ("x", 1), false),
    // At a virtual address, or a proxy.
    (("x", 1), ("x", 2), false),
    (("x", 1), ("y", 1), true),
    (("x", 1), ("y", 2), true),
    (("", 1), ("", 1), false),
    (("", 1), ("", 2), true),
    (("", 1), ("x", 1), false),
    (("x", 1), ("", 2), true),
];

#[test]
fn commands_that_lead_to_another_server_take_the_subscriptions_along() {
    for (before, after, moves) in PLACES {
        let mut client = on_two_links(before.0, before.1);
        client.lost(0, LinkError::Eof);
        client.expect_down();
        commands(&mut client, after.0, after.1);
        if !moves {
            client.expect_ready(false, Resp::Two);
            continue;
        }
        client.expect_close(1);
        assert_eq!(client.said(), [], "it is down already");
        subscriptions(&mut client, after.0, after.1);
        client.confirm("subscribe", "chat");
        let said = client.said();
        let [gap @ Said::Event(Event::Gap { topics: None, .. }), Said::Event(Event::Ready(_))] = &said[..]
        else {
            panic!("{said:?}")
        };
        assert!(is_moved(gap), "{gap:?}");
        assert_eq!(client.action(), None);
    }
}

#[test]
fn subscriptions_that_lead_to_another_server_take_the_commands_along() {
    for (before, after, moves) in PLACES {
        let mut client = on_two_links(before.0, before.1);
        client.get(1, "a");
        client.commands(0);
        client.lost(1, LinkError::Eof);
        client.expect_down();
        subscriptions(&mut client, after.0, after.1);
        let said = client.said();
        assert_eq!(
            said.len(),
            1 + usize::from(moves),
            "the gap, and the command that was under way: {said:?}"
        );
        client.confirm("subscribe", "chat");
        if moves {
            client.expect_close(0);
            commands(&mut client, after.0, after.1);
        }
        client.expect_ready(false, Resp::Two);
    }
}

/// The other link is closed and has no use: it leads nowhere.
#[test]
fn a_link_without_subscriptions_is_no_reason_to_warn() {
    let mut client = on_two_links("x", 1);
    client.unsubscribe("chat");
    client.commands(1);
    client.confirm("unsubscribe", "chat");
    client.lost(0, LinkError::Eof);
    client.expect_down();
    commands(&mut client, "y", 2);
    client.expect_close(1);
    let said = client.said();
    let [Said::Event(Event::Ready(ready))] = &said[..] else { panic!("{said:?}") };
    assert_eq!(ready.notices, [""; 0]);
}

/// It would cost the answers that Disconnect waits for.
#[test]
fn a_client_that_closes_renews_nothing() {
    let mut client = ready_on("x", 1);
    client.get(1, "a");
    client.commands(0);
    client.subscribe("chat", 1);
    client.await_attempt();
    client.connected_as(1, Connected { peer: Some(address(2)), ..Connected::default() });
    client.commands(1);
    client.disconnect(5.0);
    client.server(1, &[&info("y")[..], b"+PONG\r\n"].concat());
    client.server(0, b"$1\r\nx\r\n");
    assert_eq!(client.said().first(), Some(&crate::sink::answer(1, crate::sink::string("x"))));
}

/// The address may lead elsewhere between the two.
#[test]
fn subscriptions_that_begin_on_another_server_take_the_commands_along() {
    let mut client = ready_on("x", 1);
    client.subscribe("chat", 1);
    subscriptions(&mut client, "y", 2);
    client.confirm("subscribe", "chat");
    client.expect_close(0);
    let said = client.said();
    assert!(said.iter().any(is_moved), "{said:?}");
    commands(&mut client, "y", 2);
    client.expect_ready(false, Resp::Two);
    assert_eq!(client.action(), None);
}

/// A virtual address leads elsewhere for a moment, in which the subscriptions' link is made again.
#[test]
fn subscriptions_that_were_led_astray_come_back_with_a_gap_for_all_that_time() {
    let mut client = on_two_links("x", 1);
    client.advance(1.0);
    client.lost(1, LinkError::Eof);
    client.expect_down();
    subscriptions(&mut client, "y", 1);
    let astray = client.driver.now;
    client.confirm("subscribe", "chat");
    client.expect_close(0);
    let said = client.said();
    let gap = said.iter().find_map(|said| match said {
        Said::Event(Event::Gap { lasted, .. }) => Some(*lasted),
        _ => None,
    });
    assert!(
        gap >= Some(Duration::from_secs(1)),
        "the address was right for certain at the beginning: {gap:?}"
    );
    // The address is back. The other server was heard all the time.
    client.advance(2.0);
    client.message("chat", "x");
    client.said();
    commands(&mut client, "x", 1);
    client.expect_close(1);
    subscriptions(&mut client, "x", 1);
    client.confirm("subscribe", "chat");
    let said = client.said();
    let [Said::Event(Event::Gap { lasted, .. }), Said::Event(Event::Ready(ready))] = &said[..] else {
        panic!("{said:?}")
    };
    assert!(*lasted >= client.driver.now - astray, "nothing of the right server came since then: {lasted:?}");
    assert_eq!(ready.notices, [""; 0]);
    assert_eq!(client.action(), None);
}

/// At a balancer each link may lead anywhere each time.
#[test]
fn links_that_lead_apart_again_and_again_are_left_so_and_that_is_told_once() {
    let mut client = on_two_links("x", 1);
    let mut notices = 0;
    for loss in 1..=3 {
        client.lost(1, LinkError::Eof);
        let mut made = 0;
        loop {
            let link = (made + 1) % 2;
            let id = format!("{loss}{made}");
            match link {
                1 => subscriptions(&mut client, &id, 1),
                _ => commands(&mut client, &id, 1),
            }
            made += 1;
            client.confirm("subscribe", "chat");
            let said = client.said();
            let ready = said.iter().find_map(|said| match said {
                Said::Event(Event::Ready(ready)) => Some(ready),
                _ => None,
            });
            if let Some(ready) = ready {
                assert_eq!(!ready.notices.is_empty(), loss == 1, "once is enough");
                notices += usize::from(ready.notices.iter().any(|text| text.contains("several servers")));
                break;
            }
            client.expect_close(link ^ 1);
        }
        assert_eq!(made, 4, "the one that was lost, and three more");
        assert_eq!(client.action(), None);
    }
    assert_eq!(notices, 1);
}

/// Messages published on one node of a cluster are delivered on all of them.
#[test]
fn the_nodes_of_a_cluster_are_one_place() {
    let node = |id: &str| {
        let info = format!("redis_version:7\r\nredis_mode:cluster\r\nrun_id:{id}");
        format!("+OK\r\n+OK\r\n${}\r\n{info}\r\n", info.len()).into_bytes()
    };
    let mut client = Client::new("redis://server", &[("protocol", OptionValue::Number(2.0))]);
    client.subscriber = 1;
    accepted(&mut client, 0, 1);
    client.server(0, &[&node("x")[..], MASTER, b"+PONG\r\n"].concat());
    client.expect_ready(true, Resp::Two);
    client.subscribe("chat", 1);
    accepted(&mut client, 1, 2);
    client.server(1, &[&node("y")[..], b"+PONG\r\n"].concat());
    client.confirm("subscribe", "chat");
    client.said();
    assert_eq!(client.action(), None);
}

/// It is unknown when the address moved: messages published on the new server after that were missed.
#[test]
fn a_gap_reaches_back_to_the_last_look_at_the_role_unless_the_server_is_the_same() {
    for resp in BOTH {
        for (id, is_same) in [("run_id:5f0c1e", true), ("run_id:000000", false), ("role:xxxxxxxx", false)] {
            let mut client = Client::subscribed(resp, &[]);
            client.commands(client.subscriber);
            client.said();
            client.advance(15.1);
            let looked = client.driver.now;
            assert_eq!(client.commands(0), [question(resp)]);
            client.server(0, life(question(resp)).expect("it looks for life"));
            if resp == Resp::Two {
                assert_eq!(client.commands(1), ["PING"]);
                client.server(1, b"*2\r\n$4\r\npong\r\n$0\r\n\r\n");
            }
            client.advance(7.0);
            client.message("chat", "x");
            assert_eq!(client.said(), [crate::sink::message(1, "x")]);
            let heard = client.driver.now;
            client.lost(client.subscriber, LinkError::Eof);
            if resp == Resp::Two {
                client.lost(0, LinkError::Eof);
            }
            client.said();
            client.reconnect(0);
            assert_eq!(client.commands(0), ["HELLO 3"]);
            client.server(0, if resp == Resp::Three { HELLO3 } else { b"-ERR unknown command 'HELLO'\r\n" });
            client.commands(0);
            let welcome = if resp == Resp::Three { WELCOME } else { OLD_WELCOME };
            let welcome = String::from_utf8(welcome.to_vec()).expect("ASCII").replace("run_id:5f0c1e", id);
            client.server(0, welcome.as_bytes());
            if resp == Resp::Two {
                client.reconnect(1);
                client.commands(1);
                client.server(1, WELCOME);
            }
            let said = client.said();
            let Some(Said::Event(Event::Gap { lasted, .. })) = said.first() else { panic!("{said:?}") };
            let since = client.driver.now - *lasted;
            assert!(if is_same { since >= heard } else { since <= looked }, "{resp:?} {id}: {lasted:?}");
        }
    }
}
