//! Which link a command goes to, and which links there are.

use realtime::backend::{Action, Connected, LinkError};
use realtime::model::{LinkId, Node, RequestKind};

use super::{FORBIDDEN, SEED, SLOTS, command, failed, made, made_as, node, ok, on_cluster, transaction};
use crate::client::{BOTH, Client, Resp, args, life};
use crate::sink::Said;

#[test]
fn commands_go_to_the_node_of_their_slot_on_links_made_when_needed() {
    for resp in BOTH {
        let mut client = on_cluster(resp, &[], SLOTS);
        assert_eq!(client.action(), None, "no link is made before it is needed");
        client.get(1, "b");
        client.get(2, "c");
        client.get(3, "{c}:2");
        client.get(4, "a");
        node(&mut client, 2, "n2:7002", resp);
        node(&mut client, 3, "n3:7003", resp);
        assert_eq!(client.commands(0), ["GET b"]);
        assert_eq!(client.commands(2), ["GET c", "GET {c}:2"]);
        assert_eq!(client.commands(3), ["GET a"]);
        for (link, answers) in [(3, 1), (2, 2), (0, 1)] {
            client.server(link, &b"+OK\r\n".repeat(answers));
        }
        assert_eq!(client.said(), [ok(4), ok(2), ok(3), ok(1)]);
        client.get(5, "c");
        assert_eq!((client.action(), client.commands(2)), (None, vec!["GET c".to_owned()]));
    }
}

#[test]
fn what_has_no_key_stays_on_the_first_link() {
    for resp in BOTH {
        let mut client = on_cluster(resp, &[], SLOTS);
        client.publish(1, "c", "hello");
        command(&mut client, 2, &["DBSIZE"]);
        command(&mut client, 3, &["EVAL", "return 1", "0", "c"]);
        client.request(4, 10.0, RequestKind::Ping);
        transaction(&mut client, 5, &[&["PUBLISH", "c", "hello"]]);
        let expected =
            ["PUBLISH c hello", "DBSIZE", "EVAL return 1 0 c", "PING", "MULTI", "PUBLISH c hello", "EXEC"];
        assert_eq!((client.commands(0), client.action()), (expected.map(String::from).into(), None));
    }
}

/// The owner wrote a name, and the cluster reports addresses.
#[test]
fn the_first_link_serves_its_own_slots_by_whichever_address_it_is_known() {
    for resp in BOTH {
        let mut client = Client::with_seed("redis://play.example:7001", &[], SEED);
        client.attempt(0);
        let peer = Some(([10, 0, 0, 1], 7001).into());
        made_as(&mut client, 0, resp, "cluster", Connected { peer, ..Connected::default() });
        client.commands(0);
        client.server(0, b"*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$8\r\n10.0.0.1\r\n:7001\r\n");
        client.get(1, "c");
        assert_eq!((client.commands(0), client.action()), (vec!["GET c".to_owned()], None));
    }
}

#[test]
fn a_message_to_a_sharded_channel_goes_to_its_node_and_is_sent_on() {
    for resp in BOTH {
        let mut client = on_cluster(resp, &[], SLOTS);
        client.request(1, 10.0, RequestKind::SPublish(args(&["c", "hello"])));
        node(&mut client, 2, "n2:7002", resp);
        assert_eq!(client.commands(2), ["SPUBLISH c hello"]);
        client.server(2, b"-MOVED 7365 n3:7003\r\n");
        node(&mut client, 3, "n3:7003", resp);
        assert_eq!(client.commands(3), ["SPUBLISH c hello"]);
    }
}

#[test]
fn keys_in_several_slots_are_refused_before_anything_is_sent() {
    for resp in BOTH {
        let mut client = on_cluster(resp, &[], SLOTS);
        command(&mut client, 1, &["DEL", "a", "b"]);
        let error = failed(&mut client, 1);
        assert_eq!((error.code.as_str(), error.sent), ("CROSSSLOT", false));
        assert!(error.message.starts_with("the keys of a command must be in one hash slot"), "{error}");
        transaction(&mut client, 2, &[&["SET", "a", "1"], &["INCR", "b"]]);
        let error = failed(&mut client, 2);
        assert!(error.code.as_str() == "CROSSSLOT" && error.message.starts_with("the keys of a transaction"));
        assert_eq!((client.commands(0), client.action()), (vec![], None));
    }
}

/// Before the server reports it, the session does not know that it is a cluster.
#[test]
fn what_was_asked_before_the_cluster_was_known_goes_where_it_belongs() {
    for resp in BOTH {
        let mut client = Client::with_seed("redis://n1:7001", &[], SEED);
        client.attempt(0);
        client.get(1, "b");
        command(&mut client, 2, &["DEL", "a", "b"]);
        assert_eq!(client.said(), []);
        made(&mut client, 0, resp);
        let said = client.said();
        assert!(matches!(&said[..], [Said::Answer { id: 2, result: Err(_) }, Said::Event(_)]), "{said:?}");
        assert_eq!(client.commands(0), ["CLUSTER SLOTS", "GET b"]);
        client.server(0, SLOTS);
        client.server(0, b"+OK\r\n");
        assert_eq!(client.said(), [ok(1)]);
    }
}

#[test]
fn a_request_waits_for_a_subscription_before_it_on_whichever_link_it_goes() {
    for resp in BOTH {
        let mut client = on_cluster(resp, &[], SLOTS);
        client.get(1, "c");
        node(&mut client, 2, "n2:7002", resp);
        client.commands(2);
        client.subscribe("chat", 1);
        client.get(2, "c");
        if resp == Resp::Two {
            client.attempt(1);
            made(&mut client, 1, resp);
        }
        assert_eq!(client.commands(2), Vec::<String>::new(), "the subscription is not confirmed");
        client.commands(0);
        client.confirm("subscribe", "chat");
        client.fence(1);
        assert_eq!(client.commands(2), ["GET c"]);
    }
}

#[test]
fn a_link_that_nothing_uses_is_closed_and_made_again() {
    for resp in BOTH {
        let mut client = on_cluster(resp, &[], SLOTS);
        client.get(1, "c");
        node(&mut client, 2, "n2:7002", resp);
        client.advance(5.0);
        client.commands(2);
        client.server(2, b"+OK\r\n");
        let mut seconds = 0;
        while client.action() != Some(Action::Close(LinkId(2))) {
            seconds += 1;
            assert!(seconds < 100);
            client.advance(1.0);
            // Its server answers PING all the time.
            for link in [0, 2] {
                for command in client.commands(link) {
                    match (life(&command), &*command) {
                        (_, "HELLO 3") => client.server(0, b"%1\r\n+mode\r\n+cluster\r\n"),
                        (Some(answer), _) => client.server(link, answer),
                        (None, _) => client.server(link, SLOTS),
                    }
                }
            }
        }
        assert_eq!(seconds, 60, "after the answer");
        client.said();
        client.get(2, "c");
        node(&mut client, 2, "n2:7002", resp);
        assert_eq!(client.commands(2), ["GET c"]);
    }
}

/// For people: the slots of each node, and whether a link is up.
#[test]
fn the_nodes_are_told_with_their_slots_and_links() {
    let told = |client: &Client| -> Vec<String> {
        let line = |node: &Node| {
            let Node { address, role, slots, is_connected } = node;
            format!("{address} {} {slots} {is_connected}", role.as_str())
        };
        client.counters.nodes().iter().map(line).collect()
    };
    for resp in BOTH {
        let mut client = on_cluster(resp, &[], SLOTS);
        let mut expected = [
            "n1:7001 master 5461 true",
            "n2:7002 master 5462 false",
            "n3:7003 master 5461 false",
            "n4:7004 replica 0 false",
        ];
        assert_eq!(told(&client), expected);
        client.get(1, "c");
        node(&mut client, 2, "n2:7002", resp);
        expected[1] = "n2:7002 master 5462 true";
        assert_eq!(told(&client), expected);
        client.commands(2);
        client.server(2, b"-MOVED 7365 n3:7003\r\n");
        client.lost(2, LinkError::Eof);
        (expected[1], expected[2]) = ("n2:7002 master 5461 false", "n3:7003 master 5462 false");
        assert_eq!(told(&client), expected);
        client.disconnect(0.0);
        assert_eq!(told(&client), Vec::<String>::new());
    }
}

/// A cluster of very many nodes has links to some of them at a time.
#[test]
fn links_are_bounded_and_the_one_unused_for_longest_goes() {
    let mut slots = "*16384\r\n".to_owned();
    for n in 0..16_384 {
        let host = format!("node-{}", n % 200);
        slots.push_str(&format!("*3\r\n:{n}\r\n:{n}\r\n*2\r\n${}\r\n{host}\r\n:7000\r\n", host.len()));
    }
    let mut client = on_cluster(Resp::Three, &[], slots.as_bytes());
    let mut keys = (0..).map(|n| n.to_string());
    let mut links = 0;
    // Each key is probably on another node.
    for id in 0..200 {
        client.get(id, &keys.next().unwrap());
        while let Some(action) = client.action() {
            match action {
                Action::Connect { link, .. } => {
                    made(&mut client, link.0, Resp::Three);
                    assert_eq!(client.commands(link.0).len(), 1);
                    links = links.max(link.0);
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(links, 1 + 64, "all of them owe answers");
    let answers = 1 + client.commands(7).len();
    client.server(7, &b"+OK\r\n".repeat(answers));
    assert_eq!(client.said().len(), answers);
    // Its place is taken by one that waits.
    let actions: Vec<_> = std::iter::from_fn(|| client.action()).collect();
    assert!(matches!(&actions[..], [Action::Close(LinkId(7)), Action::Connect { .. }]), "{actions:?}");
}

#[test]
fn without_the_right_to_ask_who_holds_what_the_nodes_tell_it_one_by_one() {
    for resp in BOTH {
        let mut client = on_cluster(resp, &[], FORBIDDEN);
        client.get(1, "c");
        assert_eq!(client.commands(0), ["GET c"]);
        client.server(0, b"-MOVED 7365 n2:7002\r\n");
        node(&mut client, 2, "n2:7002", resp);
        assert_eq!(client.commands(2), ["GET c"]);
        client.get(2, "c");
        assert_eq!(client.commands(2), ["GET c"]);
        assert_eq!(client.said(), []);
    }
}
