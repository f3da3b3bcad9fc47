//! A cluster: its other nodes are learned, and any of them will do.

use realtime::backend::{LinkError, OptionValue};
use realtime::model::{State, Value};

use super::{Host, MASTER, client, gap, greeted, greeted_on_second, next_round, ready, refused};
use crate::client::{BOTH, Client, HELLO3, Resp, option_text, question};
use crate::sink::{answer, without_notices};

const NODE: Host = Host { id: "n1", role: "master", mode: "cluster" };

/// CLUSTER SLOTS of three masters, of which the second has a replica. The first one does not know its address.
const SLOTS: &[u8] = b"*3\r\n\
    *3\r\n:0\r\n:5460\r\n*4\r\n$0\r\n\r\n:7001\r\n$1\r\na\r\n*0\r\n\
    *4\r\n:5461\r\n:10922\r\n*3\r\n$8\r\n10.0.0.2\r\n:7002\r\n$1\r\nb\r\n*3\r\n$8\r\n10.0.0.5\r\n:7005\r\n$1\r\ne\r\n\
    *3\r\n:10923\r\n:16383\r\n*3\r\n$6\r\nnode-3\r\n:7003\r\n$1\r\nc\r\n";

/// Ready on the only address that is configured, a node of a cluster that answers CLUSTER SLOTS with this.
fn on_node(pairs: &[(&str, OptionValue)], resp: Resp, slots: &[u8]) -> Client {
    let mut client = client("10.0.0.1:7001", pairs);
    client.attempt(0);
    greeted(&mut client, resp, NODE);
    let told = ready(&mut client);
    assert_eq!((told.mode.as_deref(), told.address.as_deref()), (Some("cluster"), Some("10.0.0.1:7001")));
    assert_eq!(client.commands(0).last().map(String::as_str), Some("CLUSTER SLOTS"));
    client.server(0, slots);
    assert_eq!(without_notices(client.said()), []);
    client
}

/// The current connection is lost, and every address refuses. Returns all of them, in order.
fn addresses(client: &mut Client) -> Vec<String> {
    client.lost(0, LinkError::Eof);
    let mut addresses = Vec::new();
    loop {
        let address = next_round(client);
        if addresses.contains(&address) {
            client.said();
            return addresses;
        }
        refused(client, &address);
        addresses.push(address);
    }
}

#[test]
fn the_other_nodes_are_learned_and_tried_when_one_is_killed() {
    for resp in BOTH {
        let mut client = on_node(&[], resp, SLOTS);
        client.lost(0, LinkError::Eof);
        let (error, wait) = client.expect_down();
        assert!(wait.is_zero() && error.message.starts_with("10.0.0.1:7001: "), "{error}");
        assert_eq!(client.attempt(0).0, "10.0.0.2:7002");
        greeted(&mut client, resp, Host { id: "n2", ..NODE });
        assert_eq!(ready(&mut client).address.as_deref(), Some("10.0.0.2:7002"));
        // It names the others, and a new one. Nodes that are not named any more are forgotten.
        assert_eq!(client.commands(0).last().map(String::as_str), Some("CLUSTER SLOTS"));
        client.server(
            0,
            b"*1\r\n*4\r\n:0\r\n:16383\r\n*2\r\n$0\r\n\r\n:7002\r\n*2\r\n$8\r\n10.0.0.9\r\n:7009\r\n",
        );
        client.advance(10.0);
        assert_eq!(addresses(&mut client), ["10.0.0.1:7001", "10.0.0.9:7009", "10.0.0.2:7002"]);
    }
}

#[test]
fn nodes_are_forgotten_once_the_address_leads_to_a_server_that_is_none() {
    for resp in BOTH {
        let mut client = on_node(&[], resp, SLOTS);
        client.lost(0, LinkError::Eof);
        loop {
            let address = next_round(&mut client);
            if address == "10.0.0.1:7001" {
                break;
            }
            refused(&mut client, &address);
        }
        client.said();
        greeted(&mut client, resp, MASTER);
        ready(&mut client);
        assert_eq!(addresses(&mut client), ["10.0.0.1:7001"]);
    }
}

#[test]
fn an_address_that_was_learned_is_passed_over_if_it_leads_to_no_node_any_more() {
    for resp in BOTH {
        let mut client = on_node(&[], resp, SLOTS);
        client.lost(0, LinkError::Eof);
        assert_eq!(client.attempt(0).0, "10.0.0.2:7002");
        client.said();
        // Another Redis has the address now. It may well be a master.
        greeted(&mut client, resp, MASTER);
        assert_eq!(client.said(), []);
        client.expect_close(0);
        assert_eq!(client.attempt(0).0, "node-3:7003");
        greeted(&mut client, resp, NODE);
        ready(&mut client);
    }
}

#[test]
fn a_node_that_was_reset_is_left_for_another_one_and_a_gap_is_told() {
    for resp in BOTH {
        let mut client = on_node(&[], resp, SLOTS);
        client.lost(0, LinkError::Eof);
        client.attempt(0);
        client.said();
        greeted(&mut client, resp, Host { id: "n2", ..NODE });
        ready(&mut client);
        client.server(0, SLOTS);
        client.subscribe("chat", 1);
        if resp == Resp::Two {
            client.attempt(1);
            greeted_on_second(&mut client, Host { id: "n2", ..NODE });
        }
        client.confirm("subscribe", "chat");
        client.fence(1);
        client.said();
        client.commands(0);
        loop {
            client.advance(15.1);
            client.server(0, if resp == Resp::Three { HELLO3 } else { crate::client::MASTER });
            if resp == Resp::Two {
                client.server(1, b"*2\r\n$4\r\npong\r\n$0\r\n\r\n");
            }
            client.server(0, b"-NOPERM no permissions to run it\r\n");
            if client.commands(0).iter().any(|command| command == "CLUSTER SLOTS") {
                break;
            }
        }
        client.server(0, b"*0\r\n");
        let (error, wait) = client.expect_down();
        assert!(wait.is_zero() && error.message.contains("it has left the cluster"), "{error}");
        client.expect_close(0);
        assert_eq!(client.attempt(0).0, "10.0.0.1:7001");
        if resp == Resp::Two {
            client.expect_close(1);
        }
        greeted(&mut client, resp, NODE);
        if resp == Resp::Two {
            client.await_attempt();
            client.attempt(1);
            greeted_on_second(&mut client, NODE);
        }
        client.confirm("subscribe", "chat");
        gap(&client.said());
    }
}

#[test]
fn masters_come_before_replicas() {
    let mut client = on_node(&[], Resp::Three, SLOTS);
    let expected = ["10.0.0.2:7002", "node-3:7003", "10.0.0.5:7005", "10.0.0.1:7001"];
    assert_eq!(addresses(&mut client), expected);
}

#[test]
fn a_replica_of_a_cluster_will_do_and_so_will_several_addresses_of_it() {
    for resp in BOTH {
        let mut client = client("a,b", &[]);
        client.attempt(0);
        greeted(&mut client, resp, Host { role: "slave", ..NODE });
        let told = ready(&mut client);
        assert_eq!((told.address.as_deref(), told.notices), (Some("a:6379"), Vec::new()));
    }
}

#[test]
fn a_server_that_is_no_node_is_not_asked_for_nodes() {
    for resp in BOTH {
        let mut client = client("a", &[]);
        client.attempt(0);
        greeted(&mut client, resp, MASTER);
        ready(&mut client);
        client.advance(200.0);
        assert!(!client.commands(0).iter().any(|command| command.starts_with("CLUSTER")));
    }
}

/// The addresses in each answer, beside the known one.
#[test]
fn what_is_no_address_is_not_learned() {
    let node = |host: &str, port: &str| format!("*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n{host}\r\n{port}\r\n");
    let text = |text: &str| format!("${}\r\n{text}", text.len());
    let long = "h".repeat(254);
    for (answer, learned) in [
        (node(&text("node"), ":7002"), Some("node:7002")),
        (node(&text("fd00::5"), ":7002"), Some("[fd00::5]:7002")),
        // At the address that was asked.
        (node("$-1", ":7002"), Some("10.0.0.1:7002")),
        (node("_", ":7002"), Some("10.0.0.1:7002")),
        (node("$0\r\n", ":7002"), Some("10.0.0.1:7002")),
        (node(&text("10.0.0.1"), ":7001"), None),
        // It has a name that it does not know.
        (node(&text("?"), ":7002"), None),
        (node(&text("node"), ":0"), None),
        (node(&text("node"), ":65536"), None),
        (node(&text("node"), ":-1"), None),
        (node(&text("node"), "+7002"), None),
        (node(&text("a b"), ":7002"), None),
        (node(&text("a\x1b[2J"), ":7002"), None),
        (node(&text("a/b"), ":7002"), None),
        (node(&text("u:p@node"), ":7002"), None),
        (node(":5", ":7002"), None),
        (node(&text(&long), ":7002"), None),
        (node(&text("node.hunter2.example"), ":7002"), None),
        ("*0\r\n".into(), None),
        ("*1\r\n*2\r\n:0\r\n:1\r\n".into(), None),
        ("*1\r\n*3\r\n:0\r\n:1\r\n*1\r\n+a\r\n".into(), None),
        ("*1\r\n:5\r\n".into(), None),
        ("+OK\r\n".into(), None),
        ("-ERR This instance has cluster support disabled\r\n".into(), None),
        ("-NOPERM this user has no permissions to run the 'cluster|slots' command\r\n".into(), None),
    ] {
        let password = [("password", option_text("hunter2"))];
        let mut client = on_node(&password, Resp::Three, answer.as_bytes());
        let mut addresses = addresses(&mut client);
        assert_eq!(addresses.pop().as_deref(), Some("10.0.0.1:7001"), "{answer}");
        assert_eq!(addresses.pop().as_deref(), learned, "{answer}");
        assert!(addresses.is_empty());
    }
}

#[test]
fn a_cluster_of_many_nodes_is_learned_in_part() {
    let mut slots = "*1000\r\n".to_owned();
    for n in 0..1000 {
        let host = format!("node-{n}");
        slots.push_str(&format!("*3\r\n:0\r\n:1\r\n*2\r\n${}\r\n{host}\r\n:7000\r\n", host.len()));
    }
    let mut client = on_node(&[], Resp::Three, slots.as_bytes());
    assert_eq!(addresses(&mut client).len(), 1 + 8);
}

/// Servers do not push that nodes come and go.
#[test]
fn nodes_are_asked_for_again_along_with_the_role_unless_that_is_refused() {
    for resp in BOTH {
        for (slots, is_asked_again) in [(SLOTS, true), (b"-NOPERM no permissions to run it\r\n", false)] {
            let mut client = on_node(&[], resp, slots);
            let mut asked = Vec::new();
            for _ in 0..5 {
                client.advance(15.1);
                let commands = client.commands(0);
                assert_eq!(commands[0], question(resp));
                client.server(0, if resp == Resp::Three { HELLO3 } else { crate::client::MASTER });
                let info_asked = commands.iter().any(|command| command == "CLUSTER INFO");
                if info_asked {
                    client.server(0, b"-NOPERM no permissions to run it\r\n");
                }
                assert_eq!(info_asked, is_asked_again);
                let slots_asked = commands.iter().any(|command| command == "CLUSTER SLOTS");
                if slots_asked {
                    client.server(0, slots);
                }
                asked.push(slots_asked);
            }
            assert_eq!(asked, [false, false, false, is_asked_again, false]);
        }
    }
}

/// Any node will do, a replica, too: messages come from it as before.
#[test]
fn a_node_that_is_demoted_is_not_left() {
    for resp in BOTH {
        let mut client = on_node(&[], resp, SLOTS);
        client.advance(15.1);
        assert_eq!(client.commands(0)[0], question(resp));
        let replica: &[u8] = match resp {
            Resp::Three => b"%2\r\n+mode\r\n+cluster\r\n+role\r\n+replica\r\n",
            Resp::Two => b"*5\r\n+slave\r\n+n2\r\n:7002\r\n+connected\r\n:1\r\n",
        };
        client.server(0, replica);
        assert_eq!((client.action(), client.said()), (None, vec![]));
        assert_eq!(client.counters.state(), State::Ready);
    }
}

/// A server that is busy with a script does not forbid the question.
#[test]
fn a_question_for_nodes_that_came_at_the_wrong_time_is_asked_again() {
    let mut client = on_node(&[], Resp::Three, b"-BUSY Redis is busy running a script\r\n");
    let mut asked = 0;
    for _ in 0..5 {
        client.advance(15.1);
        for command in client.commands(0) {
            if command == "CLUSTER SLOTS" {
                asked += 1;
                client.server(0, SLOTS);
            } else {
                client.server(0, HELLO3);
            }
        }
    }
    assert_eq!(asked, 1);
}

/// The answer belongs to the question, whatever else is in flight.
#[test]
fn the_question_for_nodes_is_no_answer_of_a_request() {
    let mut client = client("a", &[]);
    client.attempt(0);
    client.get(1, "key");
    greeted(&mut client, Resp::Three, NODE);
    ready(&mut client);
    let commands = client.commands(0);
    assert_eq!(commands[commands.len() - 2..], ["CLUSTER SLOTS", "GET key"]);
    client.server(0, SLOTS);
    client.server(0, b":5\r\n");
    assert_eq!(client.said(), [answer(1, Value::Integer(5))]);
}
