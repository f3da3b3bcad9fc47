//! Whether the master is confirmed, how far a gap reaches back if it is not, and what is reported if no Sentinel
//! confirms it.

use std::time::Duration;

use realtime::backend::LinkError;
use realtime::model::State;

use super::*;

const LONELY: Knows = Knows { has_quorum: false, ..A };

/// The client moves to `b`, another server. Returns the length of the reported gap.
fn gap_of_switch(client: &mut Client) -> Duration {
    announce(client, "mymaster a 6379 b 6379");
    client.advance(0.25);
    tells(client, B);
    client.expect_down();
    client.expect_close(0);
    assert_eq!(client.attempt(0).0, "b:6379");
    several::greeted(client, Resp::Three, OTHER);
    restored(client, Resp::Three, OTHER);
    several::gap(&client.said())
}

#[test]
fn a_gap_reaches_back_to_the_last_confirmation() {
    let mut client = subscribed(Resp::Three);
    live(&mut client, 40, A);
    // Asked after 15 and 30 seconds. A Sentinel may be 5 seconds behind.
    client.message("chat", "hello");
    client.said();
    assert_eq!(gap_of_switch(&mut client), Duration::from_millis(15_250));
}

#[test]
fn a_sentinel_on_the_minoritys_side_confirms_nothing() {
    let mut client = subscribed_with("s1", Resp::Three, &[]);
    live(&mut client, 20, A);
    live(&mut client, 80, LONELY);
    let told = notices(&mut client);
    let [told] = &told[..] else { panic!("once, not {told:?}") };
    assert!(
        told.starts_with("no Sentinel confirms the master: NOQUORUM: it does not reach enough"),
        "{told}"
    );
    assert!(told.contains("1 usable Sentinels"), "{told}");
    assert_eq!(client.counters.state(), State::Ready);
    let [Some(_), Some(problem)] = sentinel(&client) else { panic!("{:?}", sentinel(&client)) };
    assert!(problem.contains("NOQUORUM"), "{problem}");
    // Messages came all the time, from the wrong master. It was confirmed after 15 seconds, as it was 5 seconds before.
    client.message("chat", "hello");
    client.said();
    assert_eq!(gap_of_switch(&mut client), Duration::from_millis(90_250));
}

#[test]
fn a_sentinel_on_the_minoritys_side_that_names_another_master_is_not_followed() {
    for resp in BOTH {
        let mut client = subscribed_with("s1", resp, &[]);
        live(&mut client, 20, A);
        live(&mut client, 40, Knows { has_quorum: false, ..B });
        assert_eq!((client.action(), client.counters.state()), (None, State::Ready));
        assert_eq!(notices(&mut client).len(), 1);
        // If there is no other master any more, it is as good as any.
        client.lost(0, LinkError::Eof);
        client.advance(1.0);
        client.server(WATCH, Knows { has_quorum: false, ..B }.answers().as_bytes());
        let mut used = Vec::new();
        while let Some(action) = client.action() {
            if let realtime::backend::Action::Connect { link: LinkId(0), endpoint, .. } = action {
                used.push(endpoint.to_string());
            }
        }
        assert_eq!(used.last().map(String::as_str), Some("b:6379"), "{resp:?}");
    }
}

#[test]
fn where_there_are_others_one_that_confirms_is_looked_for() {
    let mut client = subscribed(Resp::Three);
    client.advance(15.0);
    tells(&mut client, LONELY);
    client.expect_close(WATCH);
    assert_eq!(client.attempt(WATCH).0, "s2:26379");
    let_in(&mut client, Resp::Three);
    tells(&mut client, A);
    assert_eq!(client.action(), None);
    assert_eq!(sentinel(&client), [Some("s2:26379".into()), None]);
    assert_eq!(client.said(), []);
    // If none does, the last one stays, and the others are asked again after a minute.
    live(&mut client, 1, A);
    let mut used = Vec::new();
    for _ in 0..300 {
        if !client.commands(WATCH).is_empty() {
            client.server(WATCH, LONELY.answers().as_bytes());
        }
        while let Some(action) = client.action() {
            if let realtime::backend::Action::Connect { link: LinkId(WATCH), endpoint, .. } = action {
                used.push(endpoint.to_string());
                let_in(&mut client, Resp::Three);
                client.server(WATCH, LONELY.answers().as_bytes());
                client.commands(WATCH);
            }
        }
        client.advance(0.5);
        let asked = client.commands(0);
        asked.iter().filter_map(|command| crate::client::life(command)).for_each(|it| client.server(0, it));
    }
    assert_eq!(client.counters.state(), State::Ready);
    assert!((4..=7).contains(&used.len()), "{used:?}");
}

#[test]
fn when_all_sentinels_are_gone_the_client_goes_on_and_says_so_once() {
    let mut client = subscribed(Resp::Three);
    live(&mut client, 10, A);
    client.lost(WATCH, LinkError::Eof);
    for address in ["s2:26379", "s3:26379"] {
        assert_eq!(client.attempt(WATCH).0, address);
        unreachable(&mut client, address);
    }
    let told = notices(&mut client);
    let [told] = &told[..] else { panic!("once, not {told:?}") };
    let start = "no Sentinel confirms the master: DISCONNECTED: none of the 3 Sentinels can be used: ";
    assert!(told.starts_with(start) && told.contains("s1:26379") && told.contains("s3:26379"), "{told}");
    assert_eq!(client.counters.state(), State::Ready);
    assert_eq!(sentinel(&client)[0], None);
    for _ in 0..9 {
        client.await_attempt();
        client.attempt(WATCH);
        unreachable(&mut client, "s:26379");
        client
            .commands(0)
            .iter()
            .filter_map(|command| crate::client::life(command))
            .for_each(|it| client.server(0, it));
    }
    assert_eq!(notices(&mut client), [] as [&str; 0]);
    client.get(1, "k");
    assert_eq!(client.commands(0).last().map(String::as_str), Some("GET k"));
    client.server(0, b"$1\r\nv\r\n");
    assert_eq!(client.said().len(), 1);
    // The same master is named: nothing was missed.
    client.await_attempt();
    client.attempt(WATCH);
    let_in(&mut client, Resp::Three);
    tells(&mut client, A);
    assert_eq!(client.action(), None);
    let told = notices(&mut client);
    assert!(told.len() == 1 && told[0].contains("confirms the master again"), "{told:?}");
    client.message("chat", "hello");
    assert!(matches!(&client.said()[..], [Said::Message { .. }]));
}

#[test]
fn a_switch_that_nobody_watched_is_found_when_somebody_does_again() {
    let mut client = subscribed_with("s1", Resp::Three, &[]);
    live(&mut client, 20, A);
    client.lost(WATCH, LinkError::Eof);
    notices(&mut client);
    client.await_attempt();
    client.attempt(WATCH);
    let_in(&mut client, Resp::Three);
    tells(&mut client, B);
    client.expect_down();
    client.expect_close(0);
    assert_eq!(client.attempt(0).0, "b:6379");
    several::greeted(&mut client, Resp::Three, OTHER);
    restored(&mut client, Resp::Three, OTHER);
    assert!(several::gap(&client.said()) >= Duration::from_secs(5), "since it was confirmed");
}

/// It watches as well as it can: if the session kept looking for others, none would watch.
#[test]
fn a_sentinel_that_is_left_alone_is_kept() {
    let mut client = subscribed(Resp::Three);
    client.advance(15.0);
    let asked = client.commands(0);
    asked.iter().filter_map(|command| crate::client::life(command)).for_each(|it| client.server(0, it));
    tells(&mut client, LONELY);
    client.expect_close(WATCH);
    for address in ["s2:26379", "s3:26379"] {
        assert_eq!(client.attempt(WATCH).0, address);
        unreachable(&mut client, address);
    }
    client.await_attempt();
    assert_eq!(client.attempt(WATCH).0, "s1:26379");
    let_in(&mut client, Resp::Three);
    tells(&mut client, LONELY);
    live(&mut client, 40, LONELY);
    assert_eq!(client.action(), None, "it is kept");
    assert_eq!(sentinel(&client)[0].as_deref(), Some("s1:26379"));
    // After a minute the others are asked again.
    live(&mut client, 25, LONELY);
    client.expect_close(WATCH);
}
