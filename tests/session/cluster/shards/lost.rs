//! A link with sharded channels is lost, or has no use any more.

use std::sync::atomic::Ordering;
use std::time::Duration;

use realtime::backend::{Action, Connected};
use realtime::model::{Event, LinkId, Room, State};

use super::super::{SLOTS, made, made_at, node};
use super::{EOF, asked, confirm, expect_gap, fence, hearing, push, smessage, ssubscribe, sunsubscribe};
use crate::client::{BOTH, Resp, life};
use crate::sink::{Said, message};

#[test]
fn a_lost_node_costs_its_own_channels_a_gap_and_they_go_on_at_its_replica() {
    for resp in BOTH {
        let mut client = hearing(resp);
        ssubscribe(&mut client, "b", 2);
        node(&mut client, 3, "n1:7001", resp);
        confirm(&mut client, 3, resp, "b");
        client.said();
        let heard = client.driver.now;
        client.advance(3.0);
        client.lost(2, EOF);
        assert_eq!((client.said(), client.counters.state(), client.confirmed()), (vec![], State::Ready, 1));
        node(&mut client, 4, "n4:7004", resp);
        assert_eq!(asked(&mut client, 4), ["SSUBSCRIBE c"]);
        smessage(&mut client, 3, resp, "b", "heard all the time");
        assert_eq!(client.said(), [message(2, "heard all the time")]);
        client.advance(0.5);
        confirm(&mut client, 4, resp, "c");
        let lasted = client.driver.now - heard;
        expect_gap(&mut client, &["c"], lasted);
        smessage(&mut client, 4, resp, "c", "at the replica");
        assert_eq!(client.said(), [message(1, "at the replica")]);
        assert_eq!(client.counters.reconnects.load(Ordering::Relaxed), 0);
    }
}

#[test]
fn a_channel_that_nobody_can_serve_is_asked_for_with_pauses_and_holds_nothing_back() {
    for resp in BOTH {
        let mut client = hearing(resp);
        let heard = client.driver.now;
        client.lost(2, EOF);
        client.attempt(3);
        client.lost(3, EOF);
        assert_eq!(client.action(), None, "both have their pause");
        let shown = client.counters.one_refused().unwrap();
        assert!(
            shown.starts_with("sharded channels (1): DISCONNECTED: the node n2:7002 of the cluster"),
            "{shown}"
        );
        client.publish(1, "chat", "x");
        assert_eq!(client.commands(0).last().map(String::as_str), Some("PUBLISH chat x"));
        client.server(0, b":0\r\n");
        client.said();
        client.await_attempt();
        let (mut link, mut attempts) = (0, 0);
        while let Some(action) = client.action_before_writing() {
            let Action::Connect { link: LinkId(id), .. } = action else { continue };
            (link, attempts) = (id, attempts + 1);
        }
        assert_eq!(attempts, 1);
        client.commands(0);
        client.publish(2, "chat", "x");
        assert_eq!(client.commands(0), ["PUBLISH chat x"], "the node may never be reached");
        client.server(0, b":0\r\n");
        client.said();
        made(&mut client, link, resp);
        assert_eq!(asked(&mut client, link), ["SSUBSCRIBE c"]);
        confirm(&mut client, link, resp, "c");
        let lasted = client.driver.now - heard;
        expect_gap(&mut client, &["c"], lasted);
        assert_eq!(client.counters.refused.load(Ordering::Relaxed), 0);
    }
}

#[test]
fn a_link_without_channels_is_closed_after_a_minute() {
    for resp in BOTH {
        let mut client = hearing(resp);
        sunsubscribe(&mut client, "c");
        assert_eq!(asked(&mut client, 2), ["SUNSUBSCRIBE c"]);
        push(&mut client, 2, resp, "sunsubscribe", "c", ":0");
        fence(&mut client, 2, 2);
        let mut is_closed = false;
        for _ in 0..100 {
            client.advance(1.0);
            for link in [0, 2] {
                for command in client.commands(link) {
                    let answer = if command == "CLUSTER SLOTS" { Some(SLOTS) } else { life(&command) };
                    answer.into_iter().for_each(|answer| client.server(link, answer));
                }
            }
            is_closed |= client.action() == Some(Action::Close(LinkId(2)));
        }
        assert!(is_closed, "{resp:?}");
        assert_eq!(client.said(), []);
        ssubscribe(&mut client, "c", 2);
        assert_eq!(client.attempt(2).0, "n2:7002");
        sunsubscribe(&mut client, "c");
        assert_eq!(client.action(), Some(Action::Close(LinkId(2))), "nothing is to be asked there any more");
    }
}

/// A master on the minority's side of a partition answers, but receives nothing.
#[test]
fn a_node_that_the_cluster_does_not_know_any_more_is_left() {
    for resp in BOTH {
        let mut client = hearing(resp);
        let after = String::from_utf8(SLOTS.into()).unwrap();
        let (first, rest) = after.split_once("*4\r\n").unwrap();
        let third = &rest[rest.rfind("*3\r\n:10923").unwrap()..];
        let without = format!("{first}*3\r\n:5461\r\n:10922\r\n*2\r\n$2\r\nn4\r\n:7004\r\n{third}");
        let (mut named, mut seconds, mut well) = (client.driver.now, 0, client.driver.now);
        while client.action() != Some(Action::Close(LinkId(2))) {
            client.advance(1.0);
            seconds += 1;
            assert!(seconds < 58, "{resp:?}");
            let has_changed = seconds > 40;
            for link in [0, 2] {
                for command in client.commands(link) {
                    let answer = match &*command {
                        "CLUSTER SLOTS" if has_changed => without.as_bytes(),
                        "CLUSTER SLOTS" => {
                            named = client.driver.now;
                            SLOTS
                        }
                        "CLUSTER INFO" if !has_changed => {
                            well = client.driver.now;
                            life(&command).unwrap()
                        }
                        "CLUSTER INFO" => b"$25\r\ncluster_current_epoch:7\r\n\r\n",
                        other => life(other).unwrap(),
                    };
                    client.server(link, answer);
                }
            }
        }
        // The slots would not be asked for within a minute of the last time: the new epoch is the reason.
        assert!(seconds > 40, "{resp:?}: {seconds}");
        node(&mut client, 3, "n4:7004", resp);
        assert_eq!(asked(&mut client, 3), ["SSUBSCRIBE c"]);
        confirm(&mut client, 3, resp, "c");
        // The replica may have taken its place right after the cluster had named it, and before that node was
        // informed. Or that node was cut off, and had not noticed.
        let since = (named - Duration::from_secs(5)).min(well - Duration::from_secs(23));
        let lasted = client.driver.now - since;
        expect_gap(&mut client, &["c"], lasted);
    }
}

#[test]
fn a_server_that_is_no_cluster_any_more_has_all_channels_on_the_link_of_the_subscriptions() {
    for resp in BOTH {
        let mut client = hearing(resp);
        let heard = client.driver.now;
        client.lost(0, EOF);
        client.said();
        loop {
            client.await_attempt();
            if client.attempt(0).0 == "n1:7001" {
                break;
            }
            client.lost(0, EOF);
        }
        made_at(&mut client, 0, resp, "standalone");
        assert_eq!(client.action(), Some(Action::Close(LinkId(2))));
        if resp == Resp::Two {
            client.attempt(1);
            client.driver.connected(LinkId(1), Connected::default());
            client.commands(1);
            // The same server.
            let info = "redis_mode:standalone\r\nrun_id:r0\r\n";
            client.server(1, format!("+OK\r\n+OK\r\n${}\r\n{info}\r\n+PONG\r\n", info.len()).as_bytes());
        }
        let said = client.said();
        let gap = said.iter().find_map(|said| match said {
            Said::Event(Event::Gap { lasted, topics: None, .. }) => Some(*lasted),
            _ => None,
        });
        assert_eq!(gap, Some(client.driver.now - heard), "{resp:?}: {said:?}");
        let link = client.subscriber;
        assert_eq!(asked(&mut client, link), ["SSUBSCRIBE c"]);
        confirm(&mut client, link, resp, "c");
        let said = client.said();
        assert!(matches!(&said[..], [Said::Event(Event::Ready(_))]), "{resp:?}: {said:?}");
    }
}

#[test]
fn a_disconnect_is_a_gap_since_the_last_byte_and_ends_the_links() {
    for resp in BOTH {
        let mut client = hearing(resp);
        client.advance(2.0);
        client.disconnect(5.0);
        let said = client.said();
        let [Said::Event(Event::Gap { lasted, topics: None, .. }), Said::Event(Event::Closed)] = &said[..]
        else {
            panic!("{said:?}")
        };
        assert_eq!(*lasted, Duration::from_secs(2));
        assert!(client.driver.is_finished());
    }
}

#[test]
fn a_node_that_drops_a_slow_consumer_is_said_to_have_done_so() {
    for resp in BOTH {
        let mut client = hearing(resp);
        smessage(&mut client, 2, resp, "c", "read");
        client.driver.queue.full = Some(Room::Messages);
        smessage(&mut client, 2, resp, "c", "waits");
        assert!(client.driver.is_paused(LinkId(2)));
        client.advance(1.0);
        client.lost(2, EOF);
        client.resume();
        client.said();
        node(&mut client, 3, "n4:7004", resp);
        confirm(&mut client, 3, resp, "c");
        let said = client.said();
        let [Said::Event(Event::Gap { error, .. }), Said::Event(Event::Ready(_))] = &said[..] else {
            panic!("{resp:?}: {said:?}")
        };
        assert!(error.message.contains("messages were not read as fast as they came"), "{error}");
    }
}
