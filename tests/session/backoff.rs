//! How long the client waits between two attempts to connect.

use std::time::Duration;

use realtime::backend::{LinkError, OptionValue};

use crate::client::{Client, Resp, life};

/// The longest wait of each attempt, in seconds, with the options below.
const BOUNDS: [f64; 4] = [1.0, 2.0, 4.0, 8.0];

fn with_backoff(seed: u64) -> Client {
    let options = [("reconnect_min", OptionValue::Number(1.0)), ("reconnect_max", OptionValue::Number(8.0))];
    let mut client = Client::with_seed("redis://server", &options, seed);
    client.handshake(Resp::Three);
    client.expect_ready(true, Resp::Three);
    client
}

/// Loses the connection; returns how long the client waits then, in seconds.
fn wait_after_loss(client: &mut Client) -> f64 {
    client.lost(0, LinkError::Eof);
    client.expect_down().1.as_secs_f64()
}

fn ready_again(client: &mut Client) {
    client.reconnect(0);
    client.hello(Resp::Three);
    client.expect_ready(false, Resp::Three);
}

/// Lets time pass on a connection on which the questions for life are answered.
fn live(client: &mut Client, seconds: f64) {
    let mut left = seconds;
    while left > 0.0 {
        client.advance(left.min(1.0));
        left -= 1.0;
        for answer in client.commands(0).iter().filter_map(|command| life(command)) {
            client.server(0, answer);
        }
    }
}

#[test]
fn backoff_grows_with_jitter_and_is_forgotten_by_a_connection_that_lasts() {
    let mut client = with_backoff(7);
    live(&mut client, 40.0);
    for _ in 0..3 {
        let mut waits = vec![wait_after_loss(&mut client)];
        for _ in 0..40 {
            client.await_attempt();
            client.expect_connect(0);
            client.refused(0);
            waits.push(client.expect_down().1.as_secs_f64());
        }
        for (n, wait) in waits.iter().enumerate() {
            let bound = BOUNDS.get(n).unwrap_or(&8.0);
            assert!(wait < bound, "attempt {n} waits {wait}");
        }
        assert!(
            waits.iter().any(|&wait| wait > 7.0) && waits[3..].iter().any(|&wait| wait < 1.0),
            "full jitter"
        );
        ready_again(&mut client);
        live(&mut client, 32.0);
    }
    // Accepted, but never ready: no good connection.
    client.lost(0, LinkError::Eof);
    client.said();
    let mut longest = Duration::ZERO;
    for _ in 0..40 {
        client.reconnect(0);
        client.lost(0, LinkError::Eof);
        longest = longest.max(client.expect_down().1);
    }
    assert!(longest > Duration::from_secs(7));
}

#[test]
fn a_server_that_hangs_up_right_after_ready_is_tried_ever_more_rarely() {
    // At most three quarters of what would be long enough for the current bound.
    for life in [0.0, 3.0] {
        let mut client = with_backoff(7);
        let mut waits = Vec::new();
        for n in 0..40 {
            live(&mut client, life);
            waits.push(wait_after_loss(&mut client));
            assert!(waits[n] < *BOUNDS.get(n).unwrap_or(&8.0), "{waits:?}");
            ready_again(&mut client);
        }
        assert!(waits.iter().filter(|&&wait| wait > 2.0).count() > 20, "{waits:?}");
    }
}

#[test]
fn how_long_a_connection_must_last_grows_with_the_waits() {
    // The bound of the next wait, and how long a connection must last for it to be forgotten.
    for (losses, enough) in [(0, 4.0), (1, 8.0), (2, 16.0), (3, 32.0), (9, 32.0)] {
        for (life, forgotten) in [(enough - 0.1, false), (enough, true)] {
            let mut longest: f64 = 0.0;
            for seed in 0..30 {
                let mut client = with_backoff(seed);
                for _ in 0..losses {
                    client.lost(0, LinkError::Eof);
                    client.said();
                    ready_again(&mut client);
                }
                live(&mut client, life);
                longest = longest.max(wait_after_loss(&mut client));
            }
            let bound = if forgotten { 1.0 } else { *BOUNDS.get(losses).unwrap_or(&8.0) };
            assert!(longest < bound, "after {losses} losses and {life} s: {longest}");
            if losses > 0 && !forgotten {
                assert!(longest > 1.0, "after {losses} losses and {life} s: {longest}");
            }
        }
    }
}

#[test]
fn waits_of_a_millisecond_are_not_forgotten_within_four_seconds() {
    let options = [("reconnect_min", OptionValue::Number(0.001))];
    let waits = |life: f64| {
        let mut client = Client::ready(Resp::Three, &options);
        let mut longest: f64 = 0.0;
        for _ in 0..9 {
            live(&mut client, life);
            longest = longest.max(wait_after_loss(&mut client));
            ready_again(&mut client);
        }
        longest
    };
    assert!(waits(3.9) > 0.01);
    assert!(waits(4.0) < 0.001);
}

#[test]
fn a_link_that_nobody_needed_when_it_was_lost_is_not_judged_by_a_later_failure() {
    let options = [("reconnect_min", OptionValue::Number(1.0)), ("reconnect_max", OptionValue::Number(8.0))];
    let mut longest: f64 = 0.0;
    for seed in 0..10 {
        let mut client = Client::with_seed("redis://server", &options, seed);
        client.handshake(Resp::Two);
        client.expect_ready(true, Resp::Two);
        client.subscribe("chat", 1);
        for _ in 0..4 {
            client.expect_connect(1);
            client.refused(1);
            client.await_attempt();
        }
        client.subscriber_up();
        client.confirm("subscribe", "chat");
        client.fence(1);
        client.unsubscribe("chat");
        client.confirm("unsubscribe", "chat");
        client.fence(2);
        client.lost(1, LinkError::Eof);
        live(&mut client, 40.0);
        client.said();
        client.subscribe("chat", 1);
        client.expect_connect(1);
        client.refused(1);
        longest = longest.max(client.expect_down().1.as_secs_f64());
    }
    assert!(longest > 1.0, "the link was not up for long: {longest}");
}
