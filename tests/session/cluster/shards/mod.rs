//! Sharded channels of a cluster are subscribed at the nodes that hold their hash slots, and follow a slot that moves.

mod lost;
mod twin;
mod world;

use std::sync::atomic::Ordering;
use std::time::Duration;

use realtime::backend::{Action, LinkError};
use realtime::model::{Command, Event, LinkId, RequestKind, TopicKind};

use super::{FORBIDDEN, SEED, SLOTS, failed, made, node, ok, on_cluster};
use crate::client::{BOTH, Client, Resp, args, subscribe, topic};
use crate::sink::{Said, message, subscribed};

const SHARDED: TopicKind = TopicKind::ShardedChannel;

/// A link is lost, or cannot be made.
const EOF: LinkError = LinkError::Eof;

fn ssubscribe(client: &mut Client, name: &str, slot: u32) {
    client.command(subscribe(SHARDED, name, slot));
}

fn sunsubscribe(client: &mut Client, name: &str) {
    client.command(Command::Unsubscribe(topic(SHARDED, name)));
}

/// A node pushes this: `what`, a channel, and a number or a payload.
fn push(client: &mut Client, link: u8, resp: Resp, what: &str, name: &str, last: &str) {
    let kind = if resp == Resp::Two { '*' } else { '>' };
    let (n, m) = (what.len(), name.len());
    client.server(link, format!("{kind}3\r\n${n}\r\n{what}\r\n${m}\r\n{name}\r\n{last}\r\n").as_bytes());
}

fn confirm(client: &mut Client, link: u8, resp: Resp, name: &str) {
    push(client, link, resp, "ssubscribe", name, ":1");
}

fn smessage(client: &mut Client, link: u8, resp: Resp, name: &str, payload: &str) {
    push(client, link, resp, "smessage", name, &format!("${}\r\n{payload}", payload.len()));
}

/// The commands for subscriptions on a link since the last call.
fn asked(client: &mut Client, link: u8) -> Vec<String> {
    let mut asked = client.commands(link);
    asked.retain(|command| command.contains("SUB"));
    asked
}

/// Answers the fence with this number.
fn fence(client: &mut Client, link: u8, number: u32) {
    let token = format!("realtime:{number}");
    client.server(link, format!("${}\r\n{token}\r\n", token.len()).as_bytes());
}

/// Ready, and subscribed to `c` as slot 1 at `n2`, on link 2, where fence 1 was answered.
fn hearing(resp: Resp) -> Client {
    let mut client = on_cluster(resp, &[], SLOTS);
    ssubscribe(&mut client, "c", 1);
    node(&mut client, 2, "n2:7002", resp);
    assert_eq!(client.commands(2), ["SSUBSCRIBE c", "PING realtime:1"]);
    confirm(&mut client, 2, resp, "c");
    fence(&mut client, 2, 1);
    assert_eq!(client.said(), [subscribed(SHARDED, "c")]);
    client
}

/// Expects a gap of these channels that lasted so long, and a `ready`.
fn expect_gap(client: &mut Client, names: &[&str], lasted: Duration) {
    let said = client.said();
    let [
        Said::Event(Event::Gap { lasted: told, topics: Some(topics), .. }),
        Said::Event(Event::Ready(ready)),
    ] = &said[..]
    else {
        panic!("expected a gap and ready, not {said:?}")
    };
    let expected: Vec<_> = names.iter().map(|name| topic(SHARDED, name)).collect();
    assert_eq!((&topics[..], *told, ready.first), (&expected[..], lasted, false));
}

#[test]
fn a_channel_is_subscribed_at_the_node_of_its_slot_on_a_link_of_its_own() {
    for resp in BOTH {
        let mut client = hearing(resp);
        ssubscribe(&mut client, "{c}2", 2);
        assert_eq!((client.action(), asked(&mut client, 2)), (None, vec!["SSUBSCRIBE {c}2".to_owned()]));
        confirm(&mut client, 2, resp, "{c}2");
        fence(&mut client, 2, 2);
        // Also at the node of the commands: losing that link affects no sharded channel.
        ssubscribe(&mut client, "b", 3);
        node(&mut client, 3, "n1:7001", resp);
        assert_eq!(asked(&mut client, 3), ["SSUBSCRIBE b"]);
        confirm(&mut client, 3, resp, "b");
        smessage(&mut client, 2, resp, "{c}2", "two");
        smessage(&mut client, 3, resp, "b", "three");
        smessage(&mut client, 3, resp, "c", "not from there");
        let told =
            [subscribed(SHARDED, "{c}2"), subscribed(SHARDED, "b"), message(2, "two"), message(3, "three")];
        assert_eq!((client.said(), client.confirmed()), (told.into(), 3));
        client.get(1, "b");
        client.server(0, b"+OK\r\n");
        assert_eq!(client.said(), [ok(1)], "commands have links of their own");
    }
}

#[test]
fn ready_waits_for_what_was_wanted_before_but_for_no_node_that_cannot_be_reached() {
    for resp in BOTH {
        for reached in [true, false] {
            let mut client = Client::with_seed("redis://n1:7001", &[], SEED);
            ssubscribe(&mut client, "c", 1);
            client.attempt(0);
            made(&mut client, 0, resp);
            assert_eq!(client.commands(0)[0], "CLUSTER SLOTS");
            if resp == Resp::Two {
                client.attempt(1);
            }
            client.server(0, SLOTS);
            if resp == Resp::Three {
                client.server(0, b"-MOVED 7365 n2:7002\r\n");
                fence(&mut client, 0, 1);
            }
            let (address, _) = client.attempt(2);
            assert_eq!((address.as_str(), client.said()), ("n2:7002", vec![]), "{resp:?}");
            if !reached {
                client.lost(2, EOF);
                assert_eq!(client.attempt(3).0, "n4:7004");
                assert_eq!(client.said(), []);
                client.lost(3, EOF);
                let said = client.said();
                assert!(matches!(&said[..], [Said::Event(Event::Ready(_))]), "{said:?}");
                continue;
            }
            made(&mut client, 2, resp);
            assert_eq!(asked(&mut client, 2), ["SSUBSCRIBE c"]);
            assert_eq!(client.said(), []);
            confirm(&mut client, 2, resp, "c");
            let said = client.said();
            assert!(
                matches!(&said[..], [first, Said::Event(Event::Ready(_))] if *first == subscribed(SHARDED, "c")),
                "{said:?}"
            );
        }
    }
}

#[test]
fn where_nobody_tells_who_holds_the_slots_each_node_sends_on() {
    for resp in BOTH {
        let mut client = on_cluster(resp, &[], FORBIDDEN);
        ssubscribe(&mut client, "c", 1);
        if resp == Resp::Two {
            node(&mut client, 1, "n1:7001", resp);
        }
        let link = client.subscriber;
        assert_eq!(asked(&mut client, link), ["SSUBSCRIBE c"]);
        client.server(link, b"-MOVED 7365 n3:7003\r\n");
        fence(&mut client, link, 1);
        node(&mut client, 2, "n3:7003", resp);
        assert_eq!(asked(&mut client, 2), ["SSUBSCRIBE c"]);
        client.server(2, b"-MOVED 7365 n2:7002\r\n");
        fence(&mut client, 2, 2);
        node(&mut client, 3, "n2:7002", resp);
        assert_eq!(asked(&mut client, 3), ["SSUBSCRIBE c"]);
        assert_eq!(client.said(), [], "a redirection is no refusal");
        confirm(&mut client, 3, resp, "c");
        assert_eq!(client.said(), [subscribed(SHARDED, "c")]);
    }
}

#[test]
fn nodes_that_disagree_are_asked_with_pauses() {
    let mut client = hearing(Resp::Three);
    push(&mut client, 2, Resp::Three, "sunsubscribe", "c", ":0");
    let mut fences = 1;
    let mut answer = |client: &mut Client, link: u8, moved: &[u8]| {
        assert_eq!(asked(client, link), ["SSUBSCRIBE c"]);
        fences += 1;
        client.server(link, moved);
        fence(client, link, fences);
    };
    answer(&mut client, 2, b"-MOVED 7365 n3:7003\r\n");
    node(&mut client, 3, "n3:7003", Resp::Three);
    answer(&mut client, 3, b"-MOVED 7365 n2:7002\r\n");
    answer(&mut client, 2, b"-MOVED 7365 n3:7003\r\n");
    let said = client.said();
    assert!(matches!(&said[..], [Said::Event(Event::SubscribeFailed { .. })]), "{said:?}");
    assert_eq!((asked(&mut client, 2), asked(&mut client, 3)), (vec![], vec![]));
    assert_eq!(client.counters.refused.load(Ordering::Relaxed), 1);
    client.advance(1.0);
    answer(&mut client, 2, b"-MOVED 7365 n3:7003\r\n");
    assert_eq!(asked(&mut client, 3), ["SSUBSCRIBE c"], "both were asked again");
    confirm(&mut client, 3, Resp::Three, "c");
    assert_eq!(client.counters.refused.load(Ordering::Relaxed), 0);
}

#[test]
fn a_slot_that_moves_takes_its_channels_along() {
    for resp in BOTH {
        let mut client = hearing(resp);
        let heard = client.driver.now;
        client.advance(2.0);
        push(&mut client, 2, resp, "sunsubscribe", "c", ":0");
        // The node knows best where to.
        assert_eq!(asked(&mut client, 2), ["SSUBSCRIBE c"]);
        client.server(2, b"-MOVED 7365 n3:7003\r\n");
        fence(&mut client, 2, 2);
        node(&mut client, 3, "n3:7003", resp);
        assert_eq!((asked(&mut client, 3), client.confirmed()), (vec!["SSUBSCRIBE c".to_owned()], 0));
        client.advance(1.0);
        confirm(&mut client, 3, resp, "c");
        // The slot may have moved before its old node was informed.
        let lasted = client.driver.now - heard + Duration::from_secs(5);
        expect_gap(&mut client, &["c"], lasted);
        smessage(&mut client, 3, resp, "c", "there");
        smessage(&mut client, 2, resp, "c", "no more");
        assert_eq!((client.said(), client.confirmed()), (vec![message(1, "there")], 1));
    }
}

#[test]
fn a_request_waits_for_a_channel_before_it_on_whichever_link_it_is() {
    for resp in BOTH {
        let mut client = on_cluster(resp, &[], SLOTS);
        ssubscribe(&mut client, "c", 1);
        client.request(1, 10.0, RequestKind::SPublish(args(&["a", "x"])));
        client.publish(2, "chat", "x");
        node(&mut client, 2, "n2:7002", resp);
        assert_eq!((client.commands(0), client.action()), (vec![], None));
        confirm(&mut client, 2, resp, "c");
        assert_eq!(client.commands(0), ["PUBLISH chat x"]);
        node(&mut client, 3, "n3:7003", resp);
        assert_eq!(client.commands(3), ["SPUBLISH a x"]);
    }
}

#[test]
fn what_is_not_subscribed_yet_follows_what_the_cluster_tells() {
    let mut client = on_cluster(Resp::Three, &[], SLOTS);
    client.get(1, "b");
    ssubscribe(&mut client, "c", 1);
    client.attempt(2);
    let swapped = String::from_utf8(SLOTS.into()).unwrap().replace("n2", "n5").replace("7002", "7005");
    // A redirection makes it ask again.
    client.commands(0);
    client.server(0, b"-MOVED 3300 n3:7003\r\n");
    node(&mut client, 3, "n3:7003", Resp::Three);
    client.advance(1.0);
    assert_eq!(client.commands(0), ["CLUSTER SLOTS"]);
    client.server(0, swapped.as_bytes());
    assert_eq!(client.attempt(4).0, "n5:7005");
    assert_eq!(client.action(), Some(Action::Close(LinkId(2))));
    made(&mut client, 4, Resp::Three);
    assert_eq!(asked(&mut client, 4), ["SSUBSCRIBE c"]);
}

#[test]
fn a_refusal_of_a_node_is_told_and_counted_like_every_other() {
    for resp in BOTH {
        let mut client = on_cluster(resp, &[], SLOTS);
        ssubscribe(&mut client, "c", 1);
        node(&mut client, 2, "n2:7002", resp);
        client.commands(2);
        client.server(2, b"-CLUSTERDOWN The cluster is down\r\n");
        fence(&mut client, 2, 1);
        let said = client.said();
        let [Said::Event(Event::SubscribeFailed { error, .. })] = &said[..] else { panic!("{said:?}") };
        assert_eq!(error.code.as_str(), "CLUSTERDOWN");
        let shown = client.counters.one_refused().unwrap();
        assert!(shown.starts_with("sharded channel \"c\": CLUSTERDOWN"), "{shown}");
        client.get(1, "c");
        node(&mut client, 3, "n2:7002", resp);
        client.server(3, b"-ERR no\r\n");
        failed(&mut client, 1);
        client.advance(1.0);
        assert_eq!(asked(&mut client, 2), ["SSUBSCRIBE c"]);
        confirm(&mut client, 2, resp, "c");
        assert_eq!(client.said(), [subscribed(SHARDED, "c")]);
        assert_eq!(client.counters.refused.load(Ordering::Relaxed), 0);
    }
}

/// Answers all that is asked for on these links.
fn answer_all(client: &mut Client, links: &[u8], resp: Resp) {
    loop {
        let asked: Vec<_> = links
            .iter()
            .flat_map(|&link| client.commands(link).into_iter().map(move |it| (link, it)))
            .collect();
        if asked.is_empty() {
            return;
        }
        for (link, command) in asked {
            match command.split_once(' ') {
                Some(("SSUBSCRIBE", names)) => {
                    names.split(' ').for_each(|name| confirm(client, link, resp, name));
                }
                Some(("PING", echo)) => {
                    client.server(link, format!("${}\r\n{echo}\r\n", echo.len()).as_bytes());
                }
                _ => panic!("{command}"),
            }
        }
    }
}

#[test]
fn any_number_of_channels_needs_one_link_for_each_node() {
    const COUNT: u32 = 3000;
    let resp = Resp::Three;
    let mut client = on_cluster(resp, &[], SLOTS);
    for n in 0..COUNT {
        client.command_in_one_tick(subscribe(SHARDED, &format!("channel-{n}"), n));
    }
    let mut nodes = Vec::new();
    for link in 2..5 {
        let (address, _) = client.attempt(link);
        made(&mut client, link, resp);
        nodes.push((address, link));
    }
    answer_all(&mut client, &[2, 3, 4], resp);
    assert_eq!((client.action(), client.confirmed()), (None, COUNT.into()));
    client.said();
    let lost = nodes.iter().find(|(address, _)| address == "n2:7002").unwrap().1;
    client.lost(lost, EOF);
    let left = client.confirmed();
    node(&mut client, 5, "n4:7004", resp);
    answer_all(&mut client, &[5], resp);
    assert_eq!((client.action(), client.confirmed()), (None, COUNT.into()));
    let mut missed = 0;
    for said in client.said() {
        if let Said::Event(Event::Gap { topics: Some(topics), .. }) = said {
            missed += topics.len() as u64;
        }
    }
    assert_eq!(missed, u64::from(COUNT) - left, "each has a gap, and no other");
}
