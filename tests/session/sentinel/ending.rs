//! The client disconnects, whatever its watch is doing: it ends, and has no wishes afterwards.

use realtime::backend::{Action, LinkError};
use realtime::model::{Event, State};

use super::*;

/// A client that has come so far.
fn at(stage: usize, resp: Resp) -> Client {
    let mut client = client("s1,s2", &[]);
    client.attempt(WATCH);
    let steps: [&dyn Fn(&mut Client); 8] = [
        &|_| {},
        &|client| client.driver.connected(LinkId(WATCH), Connected::default()),
        &|client| let_in_once_more(client, resp),
        &|client| tells(client, A),
        &|client| drop(client.attempt(0)),
        &|client| several::greeted(client, resp, MASTER),
        &|client| client.lost(WATCH, LinkError::Eof),
        &|client| {
            client.attempt(WATCH);
            unreachable(client, "s2:26379");
        },
    ];
    steps[..=stage].iter().for_each(|step| step(&mut client));
    client
}

/// The link is made already.
fn let_in_once_more(client: &mut Client, resp: Resp) {
    client.commands(WATCH);
    match resp {
        Resp::Three => {
            client.server(WATCH, b"%1\r\n+mode\r\n+sentinel\r\n");
            client.server(WATCH, b">3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n");
        }
        Resp::Two => client.server(WATCH, b"-ERR unknown command 'HELLO'\r\n"),
    }
}

#[test]
fn in_each_state_a_client_that_disconnects_ends() {
    for resp in BOTH {
        for stage in 0..8 {
            let mut client = at(stage, resp);
            client.get(1, "k");
            client.disconnect(3.0);
            client.advance(4.0);
            let mut last = None;
            while let Some(action) = client.action() {
                last = Some(action);
            }
            assert_eq!(last, Some(Action::Finish), "{resp:?} {stage}");
            let said = client.said();
            assert_eq!(said.last(), Some(&Said::Event(Event::Closed)));
            let answers = said.iter().filter(|said| matches!(said, Said::Answer { id: 1, .. })).count();
            assert_eq!((answers, client.counters.state()), (1, State::Closed), "{resp:?} {stage}");
            assert_eq!(sentinel(&client), [None, None]);
            // Nothing is wished for any more: the driver would panic.
            client.driver.connected(LinkId(WATCH), Connected::default());
            client.driver.lost(LinkId(WATCH), LinkError::Eof);
            client.advance(100.0);
        }
    }
}

/// Answers that are still awaited are worth more than the right master.
#[test]
fn a_switch_at_the_end_costs_no_answer() {
    let mut client = subscribed(Resp::Three);
    client.get(1, "k");
    client.disconnect(3.0);
    client.advance(1.0);
    announce(&mut client, "mymaster a 6379 b 6379");
    tells(&mut client, B);
    assert_eq!(client.action(), None);
    client.commands(0);
    client.server(0, b"$1\r\nv\r\n");
    assert!(matches!(
        &client.said()[..],
        [Said::Event(Event::Gap { .. }), Said::Answer { result: Ok(_), .. }, ..]
    ));
    assert_eq!(client.action(), Some(Action::Finish));
}
