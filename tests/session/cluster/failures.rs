//! A link to a node is lost, or cannot be made: the client stays ready.

use std::io;

use realtime::backend::{LinkError, OptionValue};
use realtime::model::{Event, LinkId, RequestKind, Room, State};

use super::{SLOTS, command, failed, made, made_at, node, ok, on_cluster};
use crate::client::{BOTH, Client, Resp, args, option_text};
use crate::sink::Said;

/// The same cluster after `n4` has taken the place of `n2`.
const SLOTS_AFTER: &[u8] = b"*3\r\n\
    *3\r\n:0\r\n:5460\r\n*2\r\n$2\r\nn1\r\n:7001\r\n\
    *3\r\n:5461\r\n:10922\r\n*2\r\n$2\r\nn4\r\n:7004\r\n\
    *3\r\n:10923\r\n:16383\r\n*2\r\n$2\r\nn3\r\n:7003\r\n";

/// Ready, with a link to `n2` on which nothing is under way.
fn with_node(resp: Resp, pairs: &[(&str, OptionValue)]) -> Client {
    let mut client = on_cluster(resp, pairs, SLOTS);
    client.get(0, "c");
    node(&mut client, 2, "n2:7002", resp);
    client.commands(2);
    client.server(2, b"+OK\r\n");
    assert_eq!(client.said(), [ok(0)]);
    client
}

fn refused(client: &mut Client, link: u8, address: &str) {
    let source = io::Error::from(io::ErrorKind::ConnectionRefused);
    client.lost(link, LinkError::Connect { address: address.into(), source });
}

/// Answers the session's own questions on the link of the commands.
fn answer_own(client: &mut Client, slots: &[u8]) -> usize {
    let mut asked = 0;
    for command in client.commands(0) {
        match (crate::client::life(&command), &*command) {
            (_, "HELLO 3") => client.server(0, b"%2\r\n+mode\r\n+cluster\r\n+role\r\n+master\r\n"),
            (_, "CLUSTER SLOTS") => {
                asked += 1;
                client.server(0, slots);
            }
            (Some(answer), _) => client.server(0, answer),
            (None, other) => panic!("{other}"),
        }
    }
    asked
}

#[test]
fn a_lost_node_answers_what_may_have_been_sent_and_the_rest_is_sent_again() {
    for resp in BOTH {
        let mut client = with_node(resp, &[]);
        client.set_writable(2, 25);
        client.get(1, "c");
        client.get(2, "c");
        command(&mut client, 3, &["GET", "c"]);
        client.get(4, "b");
        client.driver.drive();
        client.lost(2, LinkError::Eof);
        client.set_writable(2, 1 << 20);
        let said = client.said();
        let [Said::Answer { id: 1, result: Err(error) }, Said::Answer { id: 2, result: Err(_) }] = &said[..]
        else {
            panic!("{said:?}")
        };
        assert_eq!((error.code.as_str(), error.sent), ("DISCONNECTED", true));
        assert!(
            error.message.contains("the node n2:7002 of the cluster: the server closed the connection"),
            "{error}"
        );
        assert_eq!((client.counters.state(), client.commands(0)), (State::Ready, vec!["GET b".to_owned()]));
        client.server(0, b"+OK\r\n");
        client.await_attempt();
        answer_own(&mut client, SLOTS);
        node(&mut client, 2, "n2:7002", resp);
        assert_eq!(client.commands(2), ["GET c"]);
        client.server(2, b"+OK\r\n");
        assert_eq!(client.said(), [ok(4), ok(3)], "nothing else was told");
    }
}

#[test]
fn while_a_node_is_dead_the_cluster_is_asked_who_has_taken_its_place() {
    for resp in BOTH {
        let mut client = on_cluster(resp, &[], SLOTS);
        client.get(1, "c");
        client.get(2, "b");
        assert_eq!(client.attempt(2).0, "n2:7002");
        refused(&mut client, 2, "n2:7002");
        assert_eq!(client.commands(0), ["GET b"], "others go on");
        client.server(0, b"+OK\r\n");
        assert_eq!(client.said(), [ok(2)]);
        let mut asked = 0;
        for tenth in 0..45 {
            client.advance(0.1);
            asked += answer_own(&mut client, if tenth < 30 { SLOTS } else { SLOTS_AFTER });
            let is_there = client.driver.is_wanted(LinkId(2)).then(|| client.attempt(2).0);
            match is_there.as_deref() {
                Some("n2:7002") => refused(&mut client, 2, "n2:7002"),
                Some(other) => panic!("{other}"),
                None => {}
            }
            if client.driver.is_wanted(LinkId(3)) {
                break;
            }
        }
        assert!((3..=5).contains(&asked), "once a second: {asked}");
        node(&mut client, 3, "n4:7004", resp);
        assert_eq!(client.commands(3), ["GET c"]);
        client.server(3, b"+OK\r\n");
        assert_eq!(client.said(), [ok(1)]);
    }
}

#[test]
fn a_node_that_may_not_be_asked_for_the_others_is_told_of_once() {
    let mut client = Client::with_seed("redis://gmod:pw@n1:7001", &[], super::SEED);
    for attempt in 0..2 {
        client.await_attempt();
        client.attempt(0);
        made(&mut client, 0, Resp::Three);
        client.commands(0);
        client.server(0, super::FORBIDDEN);
        let said = client.said();
        let notices: Vec<_> = said
            .iter()
            .filter_map(|said| match said {
                Said::Event(Event::Notice(text)) => Some(text.as_ref()),
                _ => None,
            })
            .collect();
        match attempt {
            0 => assert!(
                notices[0].ends_with("ACL SETUSER gmod '+cluster|slots' '+cluster|info'"),
                "{notices:?}"
            ),
            _ => assert_eq!(notices, [""; 0]),
        }
        client.lost(0, LinkError::Eof);
        client.said();
    }
}

/// Without CLUSTER SLOTS, another node answers MOVED.
#[test]
fn where_nobody_may_ask_for_slots_the_first_link_is_asked_instead_of_a_dead_node() {
    for resp in BOTH {
        let mut client = on_cluster(resp, &[], super::FORBIDDEN);
        client.get(1, "c");
        client.commands(0);
        client.server(0, b"-MOVED 7365 n2:7002\r\n");
        client.attempt(2);
        refused(&mut client, 2, "n2:7002");
        assert_eq!(client.commands(0), ["GET c"]);
        client.server(0, b"-MOVED 7365 n4:7004\r\n");
        client.driver.drive();
        while !client.driver.is_wanted(LinkId(3)) {
            client.advance(0.1);
            assert_eq!(client.commands(0), Vec::<String>::new());
            if client.driver.is_wanted(LinkId(2)) {
                panic!("nothing waits for it");
            }
        }
        node(&mut client, 3, "n4:7004", resp);
        assert_eq!(client.commands(3), ["GET c"]);
    }
}

#[test]
fn a_request_whose_node_stays_away_says_why_it_was_not_sent() {
    for resp in BOTH {
        let mut client = on_cluster(resp, &[], SLOTS);
        client.get(1, "c");
        let error = loop {
            if client.driver.is_wanted(LinkId(2)) {
                client.attempt(2);
                refused(&mut client, 2, "n2:7002");
            }
            client.advance(0.1);
            answer_own(&mut client, SLOTS);
            let said = client.said();
            if let [Said::Answer { id: 1, result: Err(error) }] = &said[..] {
                break error.clone();
            }
            assert_eq!(said, []);
        };
        assert_eq!((error.code.as_str(), error.sent), ("TIMEOUT", false));
        assert!(
            error.message.contains("the node n2:7002 of the cluster: cannot connect to n2:7002"),
            "{error}"
        );
        assert_eq!(client.counters.state(), State::Ready);
    }
}

#[test]
fn a_silent_node_is_found_as_any_server_is() {
    for resp in BOTH {
        let mut client = with_node(resp, &[]);
        client.request(1, 100.0, RequestKind::Command(args(&["GET", "c"])));
        let mut said = Vec::new();
        for _ in 0..25 {
            client.advance(1.0);
            answer_own(&mut client, SLOTS);
            said.extend(client.said());
        }
        let [Said::Answer { id: 1, result: Err(error) }] = &said[..] else { panic!("{said:?}") };
        assert!(error.message.contains("sent nothing for 20.0 s"), "{error}");
    }
}

#[test]
fn a_server_that_is_no_node_of_a_cluster_gets_none_of_its_commands() {
    for resp in BOTH {
        let mut client = on_cluster(resp, &[], SLOTS);
        client.request(1, 1.0, RequestKind::Command(args(&["GET", "c"])));
        assert_eq!(client.attempt(2).0, "n2:7002");
        made_at(&mut client, 2, resp, "standalone");
        assert_eq!(client.action(), Some(realtime::backend::Action::Close(LinkId(2))));
        client.bytes(2);
        client.advance(1.0);
        let error = failed(&mut client, 1);
        assert!(
            error.message.contains("the server that the cluster named is not a node of a cluster"),
            "{error}"
        );
    }
}

/// Commands wait until it has its data; those for other nodes do not.
#[test]
fn a_node_that_loads_its_data_is_waited_for() {
    let mut client = with_node(Resp::Three, &[]);
    client.get(1, "c");
    client.commands(2);
    client.server(2, b"-LOADING Redis is loading the dataset in memory\r\n");
    assert_eq!(failed(&mut client, 1).code.as_str(), "LOADING");
    assert_eq!(client.commands(2), ["PING"]);
    client.server(2, b"-LOADING Redis is loading the dataset in memory\r\n");
    client.get(2, "c");
    client.get(3, "b");
    assert_eq!((client.commands(2), client.commands(0)), (vec![], vec!["GET b".to_owned()]));
    client.advance(1.1);
    assert_eq!(client.commands(2), ["PING"]);
    client.server(2, b"+PONG\r\n");
    assert_eq!(client.commands(2), ["GET c"]);
    assert_eq!((client.said(), client.counters.state()), (vec![], State::Ready));
}

/// Then no link has bytes to write, and nothing but the request itself is a reason to make one.
#[test]
fn a_node_is_connected_to_for_a_request_while_the_first_link_has_its_pause() {
    for resp in BOTH {
        let mut client = on_cluster(resp, &[], SLOTS);
        client.lost(0, LinkError::Eof);
        while client.driver.is_wanted(LinkId(0)) {
            let address = client.attempt(0).0;
            refused(&mut client, 0, &address);
        }
        client.said();
        let request = client.make_request(1, 10.0, RequestKind::Command(args(&["GET", "c"])));
        client.command_in_one_tick(request);
        assert_eq!(client.driver.session.poll_timeout(), Some(client.driver.now), "{resp:?}");
        client.advance(0.0);
        node(&mut client, 2, "n2:7002", resp);
        assert_eq!(client.commands(2), ["GET c"]);
        client.server(2, b"+OK\r\n");
        assert_eq!(client.said(), [ok(1)]);
    }
}

#[test]
fn a_node_that_owes_an_answer_is_not_taken_for_one_that_we_do_not_read() {
    let pause = [("overflow", option_text("pause")), ("ping_interval", OptionValue::Number(60.0))];
    let mut client = with_node(Resp::Three, &pause);
    client.subscribe("chat", 1);
    client.confirm("subscribe", "chat");
    client.fence(1);
    client.said();
    client.driver.queue.full = Some(Room::Messages);
    client.server(0, b">3\r\n+message\r\n+chat\r\n+x\r\n");
    assert!(client.driver.is_paused(LinkId(0)));
    client.get(1, "b");
    client.get(2, "c");
    client.commands(2);
    client.advance(10.0);
    let said = client.said();
    let told: Vec<_> = said
        .iter()
        .map(|said| match said {
            Said::Answer { id, result: Err(error) } => {
                (*id, error.message.contains("the queue to the callbacks is full"))
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, [(1, true), (2, false)], "{said:?}");
}

/// The client is down, and the slots of other nodes are still theirs.
#[test]
fn nodes_go_on_while_the_first_link_is_lost_and_its_slots_go_to_the_next_one() {
    for resp in BOTH {
        let mut client = with_node(resp, &[]);
        client.lost(0, LinkError::Eof);
        client.expect_down();
        client.get(1, "c");
        assert_eq!(client.commands(2), ["GET c"]);
        client.server(2, b"+OK\r\n");
        assert_eq!(client.said(), [ok(1)]);
        let next = client.attempt(0).0;
        assert_eq!(next, "n2:7002");
        made(&mut client, 0, resp);
        assert_eq!(client.commands(0), ["CLUSTER SLOTS"]);
        client.server(0, SLOTS);
        client.get(2, "c");
        assert_eq!(client.commands(2), ["GET c"], "its link is there already");
    }
}

#[test]
fn a_cluster_that_ceases_to_be_one_is_one_server_again() {
    for resp in BOTH {
        let mut client = with_node(resp, &[]);
        client.get(1, "c");
        client.commands(2);
        client.lost(0, LinkError::Eof);
        loop {
            let address = client.attempt(0).0;
            if address == "n1:7001" {
                break;
            }
            refused(&mut client, 0, &address);
            client.await_attempt();
        }
        client.said();
        made_at(&mut client, 0, resp, "standalone");
        assert_eq!(client.action(), Some(realtime::backend::Action::Close(LinkId(2))));
        let said = client.said();
        let Some(Said::Answer { id: 1, result: Err(error) }) = said.first() else { panic!("{said:?}") };
        assert!(error.sent && error.message.contains("not part of a cluster any more"), "{error}");
        command(&mut client, 2, &["DEL", "a", "b", "c"]);
        assert_eq!(client.commands(0), ["DEL a b c"]);
    }
}
