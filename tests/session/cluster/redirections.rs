//! Redirections by nodes.

use realtime::backend::LinkError;
use realtime::model::RequestKind;

use super::{SLOTS, failed, node, ok, on_cluster};
use crate::client::{BOTH, Resp, args};
use crate::sink::{Said, without_notices};

#[test]
fn a_moved_slot_is_learned_and_the_cluster_is_asked_for_the_others_soon() {
    for resp in BOTH {
        let mut client = on_cluster(resp, &[], SLOTS);
        client.get(1, "b");
        client.commands(0);
        client.server(0, b"-MOVED 3300 n2:7002\r\n");
        assert_eq!(client.said(), []);
        node(&mut client, 2, "n2:7002", resp);
        assert_eq!(client.commands(2), ["GET b"]);
        client.get(2, "b");
        assert_eq!(client.commands(2), ["GET b"], "nobody is asked twice");
        client.server(2, b"+OK\r\n+OK\r\n");
        assert_eq!(client.said(), [ok(1), ok(2)]);
        assert_eq!(client.commands(0), Vec::<String>::new());
        client.advance(1.1);
        assert_eq!(client.commands(0), ["CLUSTER SLOTS"]);
    }
}

/// Which server a MOVED leads to.
#[test]
fn a_moved_leads_to_the_host_that_was_asked_if_it_names_none() {
    for resp in BOTH {
        let mut client = on_cluster(resp, &[], SLOTS);
        client.get(1, "b");
        client.server(0, b"-MOVED 3300 :7009\r\n");
        node(&mut client, 2, "n1:7009", resp);
        assert_eq!(client.commands(2), ["GET b"]);
    }
}

#[test]
fn a_moved_to_a_name_that_nobody_knows_is_tried_again_after_a_pause() {
    for resp in BOTH {
        let mut client = on_cluster(resp, &[], SLOTS);
        client.get(1, "b");
        client.commands(0);
        client.server(0, b"-MOVED 3300 ?:7009\r\n");
        assert_eq!((client.action(), client.commands(0)), (None, vec![]));
        client.advance(0.11);
        assert_eq!(client.commands(0), ["GET b"]);
        client.server(0, b"+OK\r\n");
        assert_eq!(client.said(), [ok(1)]);
    }
}

#[test]
fn a_moved_that_makes_no_sense_is_the_answer() {
    for resp in BOTH {
        let mut client = on_cluster(resp, &[], SLOTS);
        client.get(1, "b");
        client.commands(0);
        client.server(0, b"-MOVED 99999 n2:7002\r\n");
        assert_eq!(failed(&mut client, 1).code.as_str(), "MOVED");
    }
}

#[test]
fn an_ask_is_followed_once_and_not_learned() {
    for resp in BOTH {
        let mut client = on_cluster(resp, &[], SLOTS);
        client.get(1, "b");
        client.commands(0);
        client.server(0, b"-ASK 3300 n2:7002\r\n");
        client.get(2, "b");
        node(&mut client, 2, "n2:7002", resp);
        assert_eq!(client.commands(2), ["ASKING", "GET b"]);
        assert_eq!(client.commands(0), Vec::<String>::new(), "a later one of the slot waits");
        client.server(2, b"+OK\r\n");
        assert_eq!(client.said(), [], "that was the answer to ASKING");
        client.server(2, b"+OK\r\n");
        assert_eq!(client.said(), [ok(1)]);
        assert_eq!(client.commands(0), ["GET b"], "the slot has not moved");
    }
}

/// The node that holds the slot keeps redirecting to one that cannot be reached.
#[test]
fn an_ask_to_a_node_that_is_down_waits_until_its_time_is_up() {
    for resp in BOTH {
        let mut client = on_cluster(resp, &[], SLOTS);
        client.get(1, "b");
        let (mut asked, begun) = (0, client.driver.now);
        let said = loop {
            let said = client.said();
            if !said.is_empty() {
                break said;
            }
            for command in client.commands(0) {
                match &*command {
                    "GET b" => {
                        asked += 1;
                        client.server(0, b"-ASK 3300 n2:7002\r\n");
                    }
                    "CLUSTER SLOTS" => client.server(0, SLOTS),
                    other => panic!("{other}"),
                }
            }
            while let Some(action) = client.action() {
                if let realtime::backend::Action::Connect { link, .. } = action {
                    let source = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
                    client.lost(link.0, LinkError::Connect { address: "n2:7002".into(), source });
                }
            }
            client.advance(0.05);
        };
        let [Said::Answer { id: 1, result: Err(error) }] = &said[..] else { panic!("{said:?}") };
        assert_eq!((error.code.as_str(), error.sent), ("TIMEOUT", false), "asked {asked} times");
        assert!(client.driver.now - begun >= std::time::Duration::from_secs(9));
    }
}

/// While something is under way on its link, nothing for its slots goes over another one.
#[test]
fn an_ask_that_leads_to_the_first_links_node_is_followed_there() {
    for resp in BOTH {
        let mut client = on_cluster(resp, &[], SLOTS);
        client.get(1, "c");
        node(&mut client, 2, "n2:7002", resp);
        client.commands(2);
        client.server(2, b"-ASK 7365 n1:7001\r\n");
        assert_eq!((client.action(), client.commands(0)), (None, vec!["ASKING".into(), "GET c".into()]));
    }
}

#[test]
fn what_comes_at_the_wrong_time_is_tried_again_until_its_time_is_up() {
    for resp in BOTH {
        for refusal in
            ["TRYAGAIN Multiple keys request during rehashing of slot", "CLUSTERDOWN Hash slot not served"]
        {
            let mut client = on_cluster(resp, &[], SLOTS);
            client.request(1, 1.0, RequestKind::Command(args(&["GET", "b"])));
            let mut tries = 0;
            let said = loop {
                let said = client.said();
                if !said.is_empty() {
                    break said;
                }
                for command in client.commands(0) {
                    if command == "CLUSTER SLOTS" {
                        client.server(0, SLOTS);
                    } else {
                        assert_eq!(command, "GET b");
                        tries += 1;
                        client.server(0, format!("-{refusal}\r\n").as_bytes());
                    }
                }
                client.advance(0.01);
            };
            assert!((9..=10).contains(&tries), "{tries}");
            let [Said::Answer { id: 1, result: Err(error) }] = &said[..] else { panic!("{said:?}") };
            assert_eq!((error.code.as_str(), error.sent), ("TIMEOUT", false));
            assert!(error.message.contains(&refusal.replacen(' ', ": ", 1)), "{error}");
        }
    }
}

#[test]
fn nodes_that_send_a_command_round_in_a_circle_are_left_after_a_while() {
    for resp in BOTH {
        let mut client = on_cluster(resp, &[], SLOTS);
        client.get(1, "b");
        client.commands(0);
        client.server(0, b"-MOVED 3300 n2:7002\r\n");
        node(&mut client, 2, "n2:7002", resp);
        let (mut asked, mut seconds) = (1, 0.0);
        let said = loop {
            let said = without_notices(client.said());
            if !said.is_empty() {
                break said;
            }
            for (link, other) in [(0, "n2:7002"), (2, "n1:7001")] {
                for command in client.commands(link) {
                    if command == "GET b" {
                        asked += 1;
                        client.server(link, format!("-MOVED 3300 {other}\r\n").as_bytes());
                    } else {
                        client.server(link, b"-NOPERM no\r\n");
                    }
                }
            }
            client.advance(0.01);
            seconds += 0.01;
        };
        let [Said::Answer { id: 1, result: Err(error) }] = &said[..] else { panic!("{said:?}") };
        assert_eq!((error.code.as_str(), error.sent, asked), ("MOVED", false, 17));
        assert!(error.message.contains("they do not agree who has its keys"), "{error}");
        assert!(seconds > 1.2, "nodes have time to agree: {seconds}");
    }
}

/// An argument that we take for a key may be none, and the other way round.
#[test]
fn the_slot_that_a_node_names_is_that_of_the_command() {
    let mut client = on_cluster(Resp::Three, &[], SLOTS);
    super::command(&mut client, 1, &["MODULE.CALL", "b", "c"]);
    assert_eq!(client.commands(0), ["MODULE.CALL b c"]);
    client.server(0, b"-MOVED 7365 n2:7002\r\n");
    node(&mut client, 2, "n2:7002", Resp::Three);
    assert_eq!(client.commands(2), ["MODULE.CALL b c"]);
    client.get(2, "b");
    assert_eq!(client.commands(0), ["GET b"], "the slot of its first word has not moved");
}

#[test]
fn a_server_that_is_no_cluster_sends_nothing_on() {
    let mut client = crate::client::Client::ready(Resp::Three, &[]);
    client.get(1, "b");
    client.server(0, b"-MOVED 3300 n2:7002\r\n");
    assert_eq!(failed(&mut client, 1).code.as_str(), "MOVED");
    assert_eq!(client.action(), None);
}
