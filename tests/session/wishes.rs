//! Wanted topics and the server's: however Subscribe, Unsubscribe, partial writes, confirmations, refusals and losses
//! interleave, the two end up the same, and the reports on the way are true.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use proptest::collection::vec;
use proptest::prelude::*;
use realtime::model::{State, TopicKind};

use crate::client::{BOTH, Reads, Resp};
use crate::twin::Name;
use crate::world::{Act, NAMES, World};

fn act() -> impl Strategy<Value = Act> {
    let kind = prop_oneof![
        3 => Just(TopicKind::Channel),
        1 => Just(TopicKind::Pattern),
        3 => Just(TopicKind::ShardedChannel),
    ];
    // The link of the subscriptions is 0 or 1 as the protocol has it: half of the acts find nothing to do.
    let bytes = prop_oneof![1 => 1..60_usize, 3 => Just(usize::MAX)];
    prop_oneof![
        16 => (kind.clone(), 0..NAMES.len()).prop_map(|(kind, name)| Act::Subscribe(kind, name)),
        12 => (kind, 0..NAMES.len()).prop_map(|(kind, name)| Act::Unsubscribe(kind, name)),
        20 => (0..2_usize, bytes).prop_map(|(link, n)| Act::Write(link, n)),
        24 => (0..2_usize).prop_map(Act::Run),
        36 => (0..2_usize).prop_map(Act::Deliver),
        6 => (0..NAMES.len()).prop_map(Act::Publish),
        6 => (0..NAMES.len()).prop_map(Act::Ask),
        3 => (0..NAMES.len()).prop_map(Act::Forbid),
        3 => (0..NAMES.len()).prop_map(Act::Allow),
        5 => (0..NAMES.len()).prop_map(Act::Move),
        4 => Just(Act::Return),
        2 => Just(Act::Busy(true)),
        3 => Just(Act::Busy(false)),
        6 => Just(Act::Connect),
        1 => Just(Act::Refuse),
        2 => (0..2_usize).prop_map(Act::Lose),
        4 => (0.0..0.2_f64).prop_map(Act::Wait),
        // Refused topics are asked for again.
        3 => (0.5..40.0_f64).prop_map(Act::Wait),
    ]
}

fn check(mut world: World, acts: &[Act], renew: bool) -> Result<(), TestCaseError> {
    for act in acts {
        world.act(act)?;
    }
    world.settle()?;
    // Missing topics were refused on this connection, perhaps before they were allowed.
    let wanted: BTreeSet<_> = world.wishes.keys().cloned().collect();
    let has = world.server.subscribed();
    let refused = world.server.refused();
    // A topic whose UNSUBSCRIBE failed is not wanted.
    prop_assert!(
        has.difference(&wanted).all(|name| world.server.keeps(name)),
        "{:?} instead of {:?}",
        has,
        wanted
    );
    prop_assert!(wanted.difference(&has).all(|name| refused.contains(name)), "{:?} {:?}", wanted, has);
    prop_assert_eq!(world.client.confirmed(), has.len() as u64);
    if renew {
        check_renewed(&mut world, &wanted)?;
    }
    // Once the server takes everything again, that is found out without a new connection.
    let readies = world.reconnects;
    recover(&mut world)?;
    prop_assert_eq!(world.reconnects, readies, "on the same connection");
    let counters = &world.client.counters;
    prop_assert_eq!(world.client.confirmed(), wanted.len() as u64);
    prop_assert_eq!(counters.refused.load(Ordering::Relaxed), 0);
    prop_assert_eq!(counters.one_refused(), None);
    prop_assert_eq!(counters.reconnects.load(Ordering::Relaxed), world.reconnects);
    for (name, wish) in &world.wishes {
        prop_assert!(wish.told && !wish.deaf && !wish.gap_owed, "{:?}: {:?}", name, wish);
    }
    prop_assert!(world.is_answered());
    // Each message reaches the subscriptions for it, and no other.
    for name in 0..NAMES.len() {
        world.act(&Act::Publish(name))?;
    }
    while world.server.has_answer(world.subscriber()) {
        world.deliver(world.subscriber())?;
    }
    // Nothing waits for a confirmation that will not come.
    world.act(&Act::Ask(0))?;
    world.settle()?;
    prop_assert!(world.is_answered());
    Ok(())
}

/// The server accepts everything again. Time passes until it has exactly the wanted topics.
fn recover(world: &mut World) -> Result<(), TestCaseError> {
    world.server.busy = false;
    world.server.forbidden.clear();
    world.server.return_slots();
    let begin = world.client.driver.now;
    loop {
        world.settle()?;
        if world.server.subscribed() == world.wishes.keys().cloned().collect() {
            return Ok(());
        }
        let passed = world.client.driver.now - begin;
        // The longest pause, after which the last one that is forbidden is asked for.
        prop_assert!(passed.as_secs() < 310, "{:?} {:?}", world.server.subscribed(), world.wishes);
        let due = world.client.driver.session.poll_timeout().expect("a time to ask again");
        world.act(&Act::Wait((due - world.client.driver.now).as_secs_f64() + 1e-9))?;
    }
}

/// A new connection tries everything again.
fn check_renewed(world: &mut World, wanted: &BTreeSet<Name>) -> Result<(), TestCaseError> {
    world.server.busy = false;
    world.server.return_slots();
    world.lose(world.subscriber());
    world.settle()?;
    let allowed: BTreeSet<_> =
        wanted.iter().filter(|name| !world.server.forbidden.contains(&name.text)).cloned().collect();
    prop_assert_eq!(&world.server.subscribed(), &allowed);
    prop_assert_eq!(world.client.confirmed(), allowed.len() as u64);
    for (name, wish) in &world.wishes {
        prop_assert!(!allowed.contains(name) || wish.told, "never told: {:?}", name);
        let told = wish.told || wish.refusal_told.is_some();
        prop_assert!(allowed.contains(name) || told, "never told: {:?}", name);
        prop_assert!(!wish.gap_owed, "the gap of {:?}", name);
    }
    prop_assert!(world.is_answered());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_asked_last_is_what_the_server_has(
        acts in vec(act(), 0..150),
        verify in any::<bool>(),
        bytewise in any::<bool>(),
        connected in any::<bool>(),
        renew in any::<bool>(),
    ) {
        for resp in BOTH {
            let reads = if bytewise { Reads::Bytes } else { Reads::Whole };
            let mut world = World::new(resp, verify, reads);
            if connected {
                world.subscribe(TopicKind::Channel, NAMES[0]);
                world.settle()?;
            }
            check(world, &acts, renew)?;
        }
    }
}

/// Only sharded channels, two of one hash slot and one of another, while the slots move: so much happens to each that
/// all combinations occur.
fn sharded_act() -> impl Strategy<Value = Act> {
    let bytes = prop_oneof![1 => 1..60_usize, 6 => Just(usize::MAX)];
    prop_oneof![
        8 => (0..3_usize).prop_map(|name| Act::Subscribe(TopicKind::ShardedChannel, name)),
        8 => (0..3_usize).prop_map(|name| Act::Unsubscribe(TopicKind::ShardedChannel, name)),
        12 => bytes.prop_map(|n| Act::Write(1, n)),
        12 => Just(Act::Run(1)),
        16 => Just(Act::Deliver(1)),
        5 => (0..3_usize).prop_map(Act::Move),
        5 => Just(Act::Return),
        3 => (0..3_usize).prop_map(Act::Publish),
        3 => (0..3_usize).prop_map(Act::Ask),
        1 => Just(Act::Connect),
        1 => Just(Act::Lose(1)),
        1 => (0.0..2.0_f64).prop_map(Act::Wait),
    ]
}

/// The same on RESP3's only link.
fn on_one_link(act: Act) -> Act {
    match act {
        Act::Write(_, n) => Act::Write(0, n),
        Act::Run(_) => Act::Run(0),
        Act::Deliver(_) => Act::Deliver(0),
        Act::Lose(_) => Act::Lose(0),
        other => other,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_asked_last_is_what_the_server_has_while_hash_slots_move(
        acts in vec(sharded_act(), 0..100),
        bytewise in any::<bool>(),
    ) {
        for resp in BOTH {
            let reads = if bytewise { Reads::Bytes } else { Reads::Whole };
            let mut world = World::new(resp, false, reads);
            world.subscribe(TopicKind::ShardedChannel, NAMES[0]);
            world.settle()?;
            let acts: Vec<_> = match resp {
                Resp::Two => acts.clone(),
                Resp::Three => acts.iter().cloned().map(on_one_link).collect(),
            };
            check(world, &acts, false)?;
        }
    }
}

#[test]
fn the_model_sees_what_it_should() {
    // A guard for the property above: refusals, confirmations, losses and messages do happen in it.
    for resp in BOTH {
        let mut world = World::new(resp, false, Reads::Whole);
        world.act(&Act::Forbid(1)).expect("as promised");
        for name in 0..3 {
            world.act(&Act::Subscribe(TopicKind::Channel, name)).expect("as promised");
        }
        world.settle().expect("rest");
        assert_eq!(world.server.subscribed().len(), 2);
        assert_eq!(world.server.refused().len(), 1);
        assert!(world.wishes[&Name::new(TopicKind::Channel, "{a}b")].refusal_told.is_some());
        world.act(&Act::Allow(1)).expect("as promised");
        world.lose(world.subscriber());
        assert!(world.wishes[&Name::new(TopicKind::Channel, "a")].gap_owed);
        world.settle().expect("rest");
        assert_eq!(world.server.subscribed().len(), 3, "tried again");
        assert_eq!(world.readies, 2);
        world.act(&Act::Publish(0)).expect("as promised");
        assert!(world.server.has_answer(world.subscriber()));
    }
}

#[test]
fn what_is_wanted_anew_while_the_second_link_waits_comes_with_it() {
    let mut world = World::new(Resp::Two, false, Reads::Whole);
    world.settle().expect("rest");
    for act in [
        Act::Subscribe(TopicKind::Channel, 0),
        Act::Refuse,
        Act::Unsubscribe(TopicKind::Channel, 0),
        Act::Subscribe(TopicKind::Channel, 0),
    ] {
        world.act(&act).expect("as promised");
    }
    world.settle().expect("rest");
    assert_eq!(world.server.subscribed().len(), 1);
}

#[test]
fn a_loss_at_any_point_of_resubscribing_loses_nothing() {
    for resp in BOTH {
        let mut world;
        let mut moment = 0;
        loop {
            world = World::new(resp, false, Reads::Whole);
            world.server.forbidden.insert("c".into());
            for name in NAMES {
                world.subscribe(TopicKind::Channel, name);
                world.subscribe(TopicKind::Pattern, name);
            }
            world.settle().expect("rest");
            world.lose(0);
            world.lose(1);
            // Ten bytes, one command or one answer at a time.
            let steps = [Act::Wait(0.02), Act::Connect, Act::Write(0, 10), Act::Write(1, 10)];
            let more = [Act::Run(0), Act::Run(1), Act::Deliver(0), Act::Deliver(1)];
            for step in steps.iter().chain(&more).cycle().take(moment) {
                world.act(step).expect("as promised");
            }
            let was_ready = world.client.counters.state() == State::Ready;
            world.lose(0);
            world.lose(1);
            world.settle().expect("rest");
            assert_eq!(world.server.subscribed().len(), 8, "lost after {moment} steps");
            assert_eq!(world.client.confirmed(), 8);
            if was_ready {
                break;
            }
            moment += 1;
        }
        assert!(moment > 100, "it went by in {moment} steps");
        println!("{resp:?}: ready after {moment} steps, lost after each of them");
    }
}

#[test]
fn a_hundred_thousand_channels_come_back_at_a_cost_that_grows_as_they_do() {
    for resp in BOTH {
        for channels in [10_000, 100_000] {
            let mut world = World::new(resp, false, Reads::Whole);
            for n in 0..channels {
                world.subscribe(TopicKind::Channel, &format!("channel-{n}"));
            }
            // Ten batches have one that is refused.
            world.server.forbidden.extend((0..10).map(|n| format!("channel-{}", n * 1000 + n)));
            world.settle().expect("rest");
            assert_eq!(world.server.subscribed().len(), channels - 10);
            world.lose(world.subscriber());
            let asked = std::mem::take(&mut world.server.asked);
            let began = std::time::Instant::now();
            world.settle().expect("rest");
            let again = std::mem::take(&mut world.server.asked);
            assert_eq!(world.server.subscribed().len(), channels - 10);
            assert_eq!(world.client.confirmed(), channels as u64 - 10);
            assert_eq!(asked, again, "the second time like the first");
            // A thousand names at most in each, and a refused batch in halves down to the one: twice its names, and
            // two commands for each of ten halvings.
            assert!(again.names <= channels + 10 * 2 * 1000, "{again:?}");
            assert!(again.commands <= channels / 1000 + 10 * 2 * 10, "{again:?}");
            println!("{resp:?}: {channels} channels, {again:?}, both sides in {:?}", began.elapsed());
        }
    }
}
