//! The nodes of a real cluster: three masters with a third of the hash slots each, and replicas.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part of this")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure here is a failed test")]

use real_redis::{HeldPort, RealRedis};

use crate::accounts::Cli;
use crate::toy::eventually;

const SLOTS: usize = 16_384;
pub const MASTERS: usize = 3;
/// Milliseconds of silence after which a replica replaces its master: longer than any stall on a busy machine, and
/// short enough for a test to wait after a kill.
const NODE_TIMEOUT: u32 = 60_000;
const SHORT_NODE_TIMEOUT: u32 = 4000;

/// A node, and a connection to it.
pub struct Node {
    pub server: RealRedis,
    bus: HeldPort,
    pub cli: Cli,
    pub id: String,
}

impl Node {
    fn start(epoch: usize) -> Self {
        let bus = HeldPort::new().expect("a port");
        let lines = format!(
            "cluster-enabled yes\ncluster-port {}\ncluster-node-timeout {NODE_TIMEOUT}\nrepl-diskless-sync-delay 0",
            bus.number()
        );
        let server = RealRedis::builder().configuration(lines).start().expect("a redis-server");
        let mut cli = Cli::new(server.port());
        let id = cli.say("CLUSTER MYID").trim_end().to_owned();
        // Nodes with the same epoch take new ones one after another, seconds later, in the middle of a test.
        cli.say(&format!("CLUSTER SET-CONFIG-EPOCH {epoch}"));
        Self { server, bus, cli, id }
    }

    pub fn is_alive(&self) -> bool {
        self.server.process().is_some()
    }
}

/// The masters, each with the slots of [`part`], and then as many replicas: the first one follows the first master.
/// Every node knows all others.
pub fn cluster(replicas: usize) -> Vec<Node> {
    let count = MASTERS + replicas;
    let mut nodes: Vec<_> = (1..=count).map(Node::start).collect();
    for (n, node) in nodes[..MASTERS].iter_mut().enumerate() {
        let part = part(n);
        node.cli.say(&format!("CLUSTER ADDSLOTSRANGE {} {}", part.start, part.end - 1));
    }
    let addresses: Vec<_> = nodes.iter().map(|node| (node.server.port(), node.bus.number())).collect();
    for (n, node) in nodes.iter_mut().enumerate() {
        for (port, bus) in &addresses[n + 1..] {
            node.cli.say(&format!("CLUSTER MEET 127.0.0.1 {port} {bus}"));
        }
    }
    for node in &mut nodes {
        eventually("a cluster", || {
            let info = node.cli.say("CLUSTER INFO");
            let texts = [
                "cluster_state:ok".to_owned(),
                format!("cluster_slots_assigned:{SLOTS}"),
                format!("cluster_size:{MASTERS}"),
                format!("cluster_known_nodes:{count}"),
            ];
            texts.iter().all(|text| info.contains(text)).then_some(())
        });
    }
    let (masters, others) = nodes.split_at_mut(MASTERS);
    for (replica, master) in others.iter_mut().zip(masters) {
        eventually("a known master", || {
            let answer = replica.cli.try_say(&format!("CLUSTER REPLICATE {}", master.id));
            answer.is_some_and(|answer| answer.starts_with("+OK")).then_some(())
        });
    }
    for replica in others {
        eventually("a replica that follows", || {
            replica.cli.say("INFO replication").contains("master_link_status:up").then_some(())
        });
    }
    // Only a replica that the other masters know can replace its own.
    for node in &mut nodes {
        eventually("known replicas", || {
            (node.cli.say("CLUSTER NODES").matches("slave").count() == replicas).then_some(())
        });
    }
    agree_on_epoch(nodes.iter_mut());
    nodes
}

/// The slots that a master has at first.
pub fn part(master: usize) -> std::ops::Range<usize> {
    let [start, end] = [master, master + 1].map(|n| n * SLOTS / MASTERS);
    start..end
}

/// Waits until all of these nodes know the newest epoch. Do this before slots move.
///
/// A node that gets a slot takes the epoch after the newest that it knows. If another node has that one already, one
/// of the two takes a newer one. While that is the node from which the slot is moved, its epoch wins: then each of
/// the two says that the slot is at the other one, and nobody mends that.
pub fn agree_on_epoch<'a>(nodes: impl Iterator<Item = &'a mut Node>) {
    let mut nodes: Vec<_> = nodes.collect();
    eventually("one epoch", || {
        let mut epochs = nodes.iter_mut().map(|node| {
            let info = node.cli.say("CLUSTER INFO");
            let line = info.lines().find(|line| line.starts_with("cluster_current_epoch:"));
            line.expect("an epoch").to_owned()
        });
        let first = epochs.next();
        epochs.all(|epoch| Some(epoch) == first).then_some(())
    });
}

/// Makes these nodes notice a dead one soon.
pub fn notice_the_dead<'a>(nodes: impl Iterator<Item = &'a mut Node>) {
    for node in nodes {
        node.cli.say(&format!("CONFIG SET cluster-node-timeout {SHORT_NODE_TIMEOUT}"));
    }
}
