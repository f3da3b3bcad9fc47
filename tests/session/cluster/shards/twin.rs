//! Slots move, links and nodes are lost, and in any order a channel is subscribed once, each message comes once, and
//! missing ones lie in a gap.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;

use super::world::{Act, CHANNELS, NODES, World};
use crate::client::BOTH;

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (0..CHANNELS.len()).prop_map(Act::Subscribe),
        1 => (0..CHANNELS.len()).prop_map(Act::Unsubscribe),
        8 => (0..CHANNELS.len()).prop_map(Act::Publish),
        2 => (0..CHANNELS.len(), 0..NODES - 1).prop_map(|(channel, node)| Act::Move(channel, node)),
        12 => (0..8_usize).prop_map(Act::Answer),
        1 => (0..8_usize).prop_map(Act::Lose),
        1 => (0..8_usize).prop_map(Act::Stall),
        1 => (0..NODES).prop_map(Act::Down),
        2 => (0..NODES).prop_map(Act::Up),
        2 => (0..40_u8).prop_map(Act::Wait),
    ]
}

fn check(acts: &[Act], knows_slots: bool) {
    for resp in BOTH {
        let mut world = World::new(resp, knows_slots);
        acts.iter().for_each(|act| world.act(act));
        world.heal();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_a_channel_is_heard_once_and_what_is_missing_is_in_a_gap(
        acts in vec(act(), 0..120),
        knows_slots in any::<bool>(),
    ) {
        check(&acts, knows_slots);
    }
}

/// Makes sure that the property covers something: channels are heard at their nodes, follow their slots, and losses
/// are found.
#[test]
fn the_naive_cluster_does_what_it_should() {
    for resp in BOTH {
        let mut world = World::new(resp, true);
        (0..CHANNELS.len()).for_each(|channel| world.act(&Act::Subscribe(channel)));
        world.settle();
        let nodes: BTreeSet<_> =
            (0..CHANNELS.len()).map(|it| world.links[&world.hearers(it)[0]].node).collect();
        assert_eq!(nodes, [0, 1, 2].into());
        world.act(&Act::Move(0, 1));
        world.act(&Act::Publish(0));
        assert_eq!(world.wishes[0].missing.len(), 1, "it is not heard at the new node yet");
        world.settle();
        assert_eq!(world.wishes[0].missing.len(), 0, "and that is told");
        world.act(&Act::Down(2));
        world.settle();
        assert_eq!(world.links[&world.hearers(2)[0]].node, 3, "at the replica");
    }
}
