//! The rules of the checks, one by one: each of these tests fails without the rule that it names.

use std::time::Duration;

use super::act::{Act, Profile};
use super::judged;

const SHORT: Duration = Duration::from_secs(20);
const LONG: Duration = Duration::from_secs(120);

fn run(acts: &[Act]) {
    for resp2 in [false, true] {
        for (verify, several) in [(false, false), (true, false), (false, true), (true, true)] {
            judged(Profile { resp2, verify, several, seed: 7 }, acts);
        }
    }
}

#[test]
fn a_refusal_that_passes() {
    for error in 0..8 {
        run(&[
            Act::Wait(SHORT),
            Act::Refuse(255, error, LONG),
            Act::HangUp(3),
            Act::Subscribe(1),
            Act::Subscribe(4),
            Act::Wait(LONG * 3),
        ]);
    }
}

#[test]
fn a_refused_unsubscribe() {
    let acts = [Act::Subscribe(1), Act::Wait(SHORT), Act::RefuseEnds(0, LONG), Act::Unsubscribe(1)];
    run(&[&acts[..], &[Act::Wait(LONG * 4)]].concat());
}

#[test]
fn a_server_that_hangs_up_and_loads() {
    run(&[Act::Wait(SHORT), Act::Load(false, LONG), Act::Wait(LONG * 2)]);
}

#[test]
fn a_replica_that_synchronizes() {
    for master_down in [false, true] {
        let become_replica = Act::Demote { moves: false, linked: true };
        run(&[become_replica, Act::Wait(LONG), Act::Load(master_down, LONG), Act::Wait(LONG * 2)]);
        // For less than the client takes to notice.
        run(&[become_replica, Act::Wait(LONG), Act::Load(master_down, SHORT / 4), Act::Wait(LONG)]);
    }
}

#[test]
fn a_master_that_is_demoted() {
    for moves in [false, true] {
        run(&[Act::Wait(SHORT), Act::Demote { moves, linked: false }, Act::Wait(LONG), Act::Promote]);
    }
}

#[test]
fn a_failover_that_breaks_one_link_of_two() {
    for links in [1, 2] {
        let demote = Act::Demote { moves: true, linked: false };
        run(&[Act::Wait(SHORT), demote, Act::HangUp(links), Act::Wait(LONG)]);
    }
}

/// Without a master the client cannot connect to one; with the next one it is connected, and has reported what it
/// missed.
#[test]
fn a_failover_in_two_steps() {
    let demote = Act::Demote { moves: false, linked: false };
    run(&[Act::Wait(SHORT), demote, Act::Wait(LONG), Act::Promote, Act::Wait(LONG)]);
    run(&[
        Act::Wait(SHORT),
        demote,
        Act::Demote { moves: true, linked: true },
        Act::HangUp(1),
        Act::Wait(LONG),
    ]);
}

#[test]
fn an_exec_that_is_refused() {
    let acts = [Act::Transaction, Act::Wait(SHORT), Act::Publish(0), Act::Subscribe(2), Act::Wait(LONG)];
    run(&[&[Act::RefuseExec(SHORT)], &acts[..]].concat());
}

#[test]
fn a_main_thread_that_stalls_and_a_connection_that_dies() {
    let seconds = Duration::from_secs;
    // The queue is full when a subscription is reported as confirmed, and still when a message comes 5 s later. Then
    // there is room, and silence.
    run(&[
        Act::Subscribe(1),
        Act::Wait(seconds(20)),
        Act::RefuseEnds(0, LONG),
        Act::Unsubscribe(1),
        Act::Wait(Duration::from_millis(1)),
        Act::Stall(seconds(6)),
        Act::Subscribe(1),
        Act::Wait(seconds(6) + Duration::from_millis(50)),
        Act::Die,
        Act::Wait(LONG),
    ]);
    // And before anything comes.
    run(&[Act::Wait(SHORT), Act::Stall(SHORT), Act::Die, Act::Wait(LONG)]);
}

#[test]
fn every_answer_to_hello() {
    for hello in 0..9 {
        run(&[Act::Hello(hello), Act::HangUp(3), Act::Wait(LONG * 2)]);
    }
}

#[test]
fn a_pong_that_echoes_nothing() {
    run(&[Act::ShortPong(true), Act::HangUp(3), Act::Subscribe(1), Act::Wait(LONG * 2)]);
}

#[test]
fn a_server_that_swallows() {
    run(&[Act::Wait(SHORT), Act::Swallow(LONG * 2), Act::Wait(LONG * 2)]);
}

#[test]
fn a_server_that_hangs_up_again_and_again() {
    let acts: Vec<_> = (0..40).flat_map(|_| [Act::HangUp(3), Act::Wait(Duration::from_secs(1))]).collect();
    run(&acts);
}

#[test]
fn a_hash_slot_that_moves() {
    let moves = [Act::Subscribe(3), Act::Wait(SHORT), Act::Move(LONG)];
    run(&[&moves[..], &[Act::Wait(LONG * 2)]].concat());
    // The end crosses a subscription's own end, and comes late.
    run(&[
        &[Act::Lag(Duration::from_millis(700))],
        &moves[..],
        &[Act::Unsubscribe(3), Act::Subscribe(3), Act::Wait(LONG * 2)],
    ]
    .concat());
    // And a loss.
    run(&[&moves[..], &[Act::Wait(SHORT), Act::HangUp(3), Act::Wait(LONG * 2)]].concat());
}
