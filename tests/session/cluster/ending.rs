//! How a client of a cluster begins and ends.

use std::io::ErrorKind;

use realtime::backend::LinkError;
use realtime::model::{Event, LinkId, RequestKind};

use super::{SEED, SLOTS, failed, made, made_at, node, ok, on_cluster};
use crate::client::{BOTH, Client, args};
use crate::sink::Said;

#[test]
fn a_url_that_wants_a_cluster_refuses_a_single_server_in_words() {
    for resp in BOTH {
        for scheme in ["redis-cluster", "valkey-cluster"] {
            let mut client = Client::with_seed(&format!("{scheme}://n1:7001"), &[], SEED);
            client.attempt(0);
            made_at(&mut client, 0, resp, "standalone");
            client.bytes(0);
            let (error, _) = client.expect_down();
            assert_eq!(error.code.as_str(), "UNSUPPORTED");
            assert!(error.message.starts_with("the server is not a node of a cluster"), "{error}");
            let mut client = Client::with_seed(&format!("{scheme}://n1:7001"), &[], SEED);
            client.attempt(0);
            made(&mut client, 0, resp);
            assert!(matches!(&client.said()[..], [Said::Event(Event::Ready(_))]));
        }
    }
}

/// Some do not report how they are deployed, and an ACL may forbid INFO.
#[test]
fn a_server_that_says_nothing_of_it_is_what_the_url_says() {
    for (scheme, is_cluster) in [("redis", false), ("redis-cluster", true)] {
        let mut client = Client::with_seed(&format!("{scheme}://n1:7001"), &[], SEED);
        client.attempt(0);
        client.driver.connected(LinkId(0), realtime::backend::Connected::default());
        client.commands(0);
        client.server(0, b"%1\r\n+role\r\n+master\r\n");
        client.commands(0);
        client.server(0, b"+OK\r\n+OK\r\n-NOPERM info\r\n+PONG\r\n");
        let [Said::Event(Event::Ready(ready))] = &client.said()[..] else { panic!() };
        assert_eq!(ready.mode.as_deref(), is_cluster.then_some("cluster"));
        assert_eq!(client.commands(0), if is_cluster { vec!["CLUSTER SLOTS"] } else { vec![] });
    }
}

#[test]
fn a_database_is_refused_in_words() {
    let db = [("db", realtime::backend::OptionValue::Number(1.0))];
    let mut client = Client::with_seed("redis://n1:7001", &db, SEED);
    client.attempt(0);
    client.driver.connected(LinkId(0), realtime::backend::Connected::default());
    client.commands(0);
    client.server(0, b"%1\r\n+mode\r\n+cluster\r\n");
    client.commands(0);
    client.server(0, b"-ERR SELECT is not allowed in cluster mode\r\n");
    let (error, _) = client.expect_down();
    assert!(
        error.message.contains("(SELECT): SELECT is not allowed in cluster mode; a cluster has database 0"),
        "{error}"
    );
}

#[test]
fn answers_are_awaited_on_all_links_when_the_client_ends() {
    for resp in BOTH {
        let mut client = on_cluster(resp, &[], SLOTS);
        client.get(1, "b");
        client.get(2, "c");
        client.disconnect(5.0);
        assert_eq!(client.said(), []);
        node(&mut client, 2, "n2:7002", resp);
        assert_eq!(client.commands(2), ["GET c"]);
        client.lost(0, LinkError::Eof);
        assert_eq!(failed(&mut client, 1).code.as_str(), "DISCONNECTED");
        client.server(2, b"+OK\r\n");
        assert_eq!(client.said(), [ok(2), Said::Event(Event::Closed)]);
    }
}

/// Answers that a live node can still give are not given up because the first link is between two attempts.
#[test]
fn a_request_that_another_node_can_run_is_sent_though_the_first_link_is_lost() {
    for resp in BOTH {
        for pauses in [false, true] {
            let mut client = on_cluster(resp, &[], SLOTS);
            if pauses {
                client.get(1, "c");
                node(&mut client, 2, "n2:7002", resp);
                client.commands(2);
            }
            client.lost(0, LinkError::Eof);
            while client.driver.is_wanted(LinkId(0)) {
                let address = client.attempt(0).0;
                client.lost(0, LinkError::Connect { address, source: ErrorKind::ConnectionRefused.into() });
            }
            client.said();
            if pauses {
                client.server(2, b"-TRYAGAIN Multiple keys request during rehashing of slot\r\n");
                client.disconnect(5.0);
            } else {
                let get = client.make_request(1, 10.0, RequestKind::Command(args(&["GET", "c"])));
                client.command_in_one_tick(get);
                client.disconnect(5.0);
                node(&mut client, 2, "n2:7002", resp);
            }
            assert_eq!(client.said(), [], "{resp:?} {pauses}");
            client.advance(0.15);
            assert_eq!(client.commands(2), ["GET c"]);
            client.server(2, b"+OK\r\n");
            assert_eq!(client.said(), [ok(1), Said::Event(Event::Closed)]);
        }
    }
}

#[test]
fn what_is_not_answered_by_then_is_closed_on_all_links() {
    for resp in BOTH {
        let mut client = on_cluster(resp, &[], SLOTS);
        client.get(1, "b");
        client.get(2, "c");
        node(&mut client, 2, "n2:7002", resp);
        client.commands(2);
        client.get(3, "a");
        client.disconnect(5.0);
        client.advance(5.1);
        let said = client.said();
        let mut sent: Vec<_> = said
            .iter()
            .filter_map(|said| match said {
                Said::Answer { id, result: Err(error) } if error.code.as_str() == "CLOSED" => {
                    Some((*id, error.sent))
                }
                _ => None,
            })
            .collect();
        sent.sort_unstable();
        assert_eq!((sent, said.len()), (vec![(1, true), (2, true), (3, false)], 4));
    }
}
