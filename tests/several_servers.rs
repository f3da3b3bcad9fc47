//! Several addresses, with real servers: a master and its replica that swap their roles, a master that dies, and a
//! cluster whose nodes die. Messages are published all the time, by the client and by others: each is received or
//! lies in a reported `gap`, and each command has one answer.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure here is a failed test")]

mod accounts;
mod nodes;
mod toy;

use accounts::{Cli, World, address, expected, follow, master_and_replica, protocols};
use nodes::{Node, cluster};
use realtime::model::State;
use toy::eventually;

#[test]
fn swapped_roles_are_followed() {
    if !expected((2, 8)) {
        return;
    }
    for &protocol in protocols() {
        let servers = master_and_replica();
        let [mut first, mut second] = [0, 1].map(|n| Cli::new(servers[n].port()));
        let addresses = [0, 1].map(|n| address(&servers[n]));
        let mut world = World::new(&format!("redis://{}", addresses.join(",")), protocol);
        assert_eq!(world.present(), addresses[0], "the second is a replica");
        world.converse(&mut first);
        // There is no master for a moment, and clients of the old one receive nothing until it follows the new one.
        first.say(&format!("SLAVEOF 127.0.0.1 {}", servers[1].port()));
        world.publish(&mut first);
        second.say("SLAVEOF NO ONE");
        world.converse(&mut second);
        eventually("the new master", || {
            world.publish(&mut second);
            (world.client.counters.state() == State::Ready && world.present() == addresses[1]).then_some(())
        });
        world.converse(&mut second);
        if real_redis::version().is_ok_and(|version| version >= (6, 2)) {
            // And back, like an owner.
            follow(&mut first, servers[1].port());
            second.say("FAILOVER");
            eventually("a master", || first.say("INFO replication").contains("role:master").then_some(()));
            eventually("the old master", || {
                world.publish(&mut first);
                (world.client.counters.state() == State::Ready && world.present() == addresses[0])
                    .then_some(())
            });
            world.converse(&mut first);
        }
        world.check();
    }
}

#[test]
fn a_dead_master_is_left_for_the_one_that_was_promoted() {
    if !expected((2, 8)) {
        return;
    }
    for &protocol in protocols() {
        let mut servers = master_and_replica();
        let [mut first, mut second] = [0, 1].map(|n| Cli::new(servers[n].port()));
        let addresses = [0, 1].map(|n| address(&servers[n]));
        let mut world = World::new(&format!("redis://{}", addresses.join(",")), protocol);
        world.converse(&mut first);
        servers[0].kill();
        world.publish(&mut first);
        second.say("SLAVEOF NO ONE");
        world.converse(&mut second);
        assert_eq!(world.present(), addresses[1]);
        world.check();
    }
}

#[test]
fn of_a_cluster_any_node_may_die() {
    // `cluster-port` came with 7.0.
    if !expected((7, 0)) {
        return;
    }
    for &protocol in protocols() {
        let mut nodes = cluster(0);
        let mut world = World::new(&nodes[0].server.url(), protocol);
        // The configured one dies, and then the one that it named.
        for _ in 0..2 {
            let present = world.present();
            let (used, other) = {
                let position = |is_present: bool| {
                    let alive =
                        |node: &Node| node.is_alive() && (address(&node.server) == present) == is_present;
                    nodes.iter().position(alive).expect("a node")
                };
                (position(true), position(false))
            };
            let mut publisher = Cli::new(nodes[other].server.port());
            world.converse(&mut publisher);
            nodes[used].server.kill();
            world.converse(&mut publisher);
        }
        // The last one is back at its old place.
        let last = world.present();
        nodes.iter_mut().for_each(|node| node.server.start().expect("a redis-server"));
        let position = nodes.iter().position(|node| address(&node.server) == last).expect("a node");
        world.converse(&mut Cli::new(nodes[position].server.port()));
        world.check();
    }
}
