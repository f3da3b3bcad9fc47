//! A partition cuts the client's node off from most others.

use std::time::Duration;

use realtime::backend::Action;
use realtime::model::{Event, LinkId, State};

use super::{SLOTS, made, node, on_cluster};
use crate::client::{BOTH, Client, Resp, life};
use crate::sink::{Said, message};

const CUT_OFF: &[u8] = b"$47\r\ncluster_state:fail\r\ncluster_slots_pfail:10923\r\n\r\n";

/// Ready, and subscribed to `chat` as slot 1.
fn hearing(resp: Resp) -> Client {
    let mut client = on_cluster(resp, &[], SLOTS);
    client.subscribe("chat", 1);
    if resp == Resp::Two {
        node(&mut client, 1, "n1:7001", resp);
    }
    client.confirm("subscribe", "chat");
    client.fence(1);
    client.said();
    client.commands(0);
    client.commands(1);
    client
}

/// A second passes, and the node answers its questions, `info` to CLUSTER INFO. Returns whether that was asked.
fn second(client: &mut Client, info: &[u8]) -> bool {
    let mut is_asked = false;
    client.advance(1.0);
    for link in [0, 1] {
        for command in client.commands(link) {
            let answer = match &*command {
                "CLUSTER SLOTS" => SLOTS,
                "CLUSTER INFO" => {
                    is_asked = true;
                    info
                }
                other => life(other).unwrap(),
            };
            client.server(link, answer);
        }
    }
    is_asked
}

#[test]
fn the_client_goes_on_with_another_node_and_the_gap_begins_when_the_first_may_have_been_cut_off() {
    for resp in BOTH {
        let mut client = hearing(resp);
        let well = life("CLUSTER INFO").unwrap();
        while !second(&mut client, well) {}
        let asked = client.driver.now;
        while !second(&mut client, CUT_OFF) {}
        assert_eq!(client.action(), Some(Action::Close(LinkId(0))), "{resp:?}");
        let said = client.said();
        let [Said::Event(Event::Down { error, .. })] = &said[..] else { panic!("{said:?}") };
        assert!(
            error.message.starts_with("n1:7001: the server does not reach most of the masters"),
            "{error}"
        );
        assert_eq!((client.attempt(0).0.as_str(), client.counters.state()), ("n2:7002", State::Connecting));
        if resp == Resp::Two {
            assert_eq!(client.action(), Some(Action::Close(LinkId(1))));
        }
        made(&mut client, 0, resp);
        client.commands(0);
        client.server(0, SLOTS);
        if resp == Resp::Two {
            client.await_attempt();
            node(&mut client, 1, "n2:7002", resp);
        }
        client.confirm("subscribe", "chat");
        let said = client.said();
        let [Said::Event(Event::Gap { lasted, topics: None, .. }), Said::Event(Event::Ready(_))] = &said[..]
        else {
            panic!("{resp:?}: {said:?}")
        };
        assert_eq!(*lasted, client.driver.now - asked + Duration::from_secs(23));
        client.message("chat", "there");
        assert_eq!(client.said(), [message(1, "there")]);
    }
}
