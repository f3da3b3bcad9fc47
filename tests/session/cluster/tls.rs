//! A cluster over TLS: each link to a node is secured, and under the node's own name.

use realtime::backend::{LinkError, OptionValue, TlsError, TlsFault};
use realtime::model::{LinkId, TopicKind};

use super::{SEED, SLOTS, greeted};
use crate::client::{BOTH, Client, Resp, subscribe};
use crate::tls::{secure, wish};

/// The link is made to this node, and secured under its name before the first command.
fn made(client: &mut Client, link: u8, node: &str, resp: Resp) {
    assert_eq!(wish(client, link).1, node);
    assert_eq!(client.bytes(link), b"", "nothing is said before");
    client.driver.secured(LinkId(link), crate::tls::how(30));
    client.driver.drive();
    greeted(client, link, resp, "cluster");
}

/// Ready on `n1`.
fn on_cluster(resp: Resp) -> Client {
    let mut client = Client::with_seed("rediss-cluster://n1:7001", &[], SEED);
    made(&mut client, 0, "n1", resp);
    assert_eq!(client.commands(0), ["CLUSTER SLOTS"]);
    client.server(0, SLOTS);
    client.said();
    client
}

#[test]
fn links_for_commands_and_for_sharded_channels_are_secured_under_the_nodes_names() {
    for resp in BOTH {
        let mut client = on_cluster(resp);
        client.get(1, "c");
        made(&mut client, 2, "n2", resp);
        assert_eq!(client.commands(2), ["GET c"]);
        client.command(subscribe(TopicKind::ShardedChannel, "a", 1));
        made(&mut client, 3, "n3", resp);
        assert_eq!(client.commands(3)[0], "SSUBSCRIBE a");
    }
    let mut client = Client::with_seed(
        "rediss-cluster://n1:7001",
        &[("tls_name", OptionValue::String("redis.example".into()))],
        SEED,
    );
    made(&mut client, 0, "redis.example", Resp::Three);
    client.server(0, SLOTS);
    client.get(1, "c");
    made(&mut client, 2, "redis.example", Resp::Three);
}

/// Redis 7.0 and older report their plain ports unless `tls-cluster` is set.
#[test]
fn a_node_whose_plain_port_was_told_is_named_with_the_setting() {
    let setting = "tls-cluster yes";
    let causes: [fn() -> LinkError; 3] = [
        || LinkError::Eof,
        || LinkError::Io(std::io::ErrorKind::ConnectionReset.into()),
        || LinkError::Tls(TlsError { fault: TlsFault::NotTls, words: String::new() }),
    ];
    for cause in causes {
        let mut client = on_cluster(Resp::Three);
        client.command(subscribe(TopicKind::ShardedChannel, "a", 1));
        wish(&mut client, 2);
        client.lost(2, cause());
        let refused = client.counters.one_refused().expect("a reason");
        assert!(
            refused.contains("the node n3:7003 of the cluster: ") && refused.contains(setting),
            "{refused}"
        );
        // The address in the options came from no server.
        let mut client = Client::with_seed("rediss-cluster://n1:7001", &[], SEED);
        wish(&mut client, 0);
        client.lost(0, cause());
        let (error, _) = client.expect_down();
        assert!(error.message.contains("speak TLS") && !error.message.contains(setting), "{error}");
    }
    // It waits for the end of a line.
    let mut client = on_cluster(Resp::Three);
    client.command(subscribe(TopicKind::ShardedChannel, "a", 1));
    wish(&mut client, 2);
    client.advance(5.1);
    let refused = client.counters.one_refused().expect("a reason");
    assert!(refused.contains("handshake within 5 s") && refused.contains(setting), "{refused}");
    // A certificate shows that TLS is spoken there.
    let mut client = on_cluster(Resp::Three);
    client.command(subscribe(TopicKind::ShardedChannel, "a", 1));
    wish(&mut client, 2);
    client.lost(2, LinkError::Tls(TlsError { fault: TlsFault::WrongName, words: String::new() }));
    let refused = client.counters.one_refused().expect("a reason");
    assert!(refused.contains("another name") && !refused.contains(setting), "{refused}");
}

#[test]
fn a_server_whose_plain_port_sentinels_name_is_told_with_the_setting() {
    let mut client = Client::new("rediss-sentinel://s1/mymaster", &[]);
    let watch = u8::MAX;
    secure(&mut client, watch, 30);
    client.server(watch, b"%0\r\n");
    client.commands(watch);
    client.server(watch, b">3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n");
    client.server(watch, b"*2\r\n$5\r\nredis\r\n$4\r\n6379\r\n+OK\r\n*0\r\n");
    assert_eq!(wish(&mut client, 0).1, "redis");
    client.lost(0, LinkError::Eof);
    let (error, _) = client.expect_down();
    assert!(error.message.contains("redis:6379, the master that the Sentinels name: "), "{error}");
    assert!(error.message.contains("tls-replication yes"), "{error}");
}
