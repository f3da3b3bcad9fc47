//! Refused subscriptions: when the server is asked again, and what is reported once it accepts.

mod many;
mod pauses;
mod regained;
mod remedies;
mod unsubscribes;

use std::sync::atomic::Ordering;
use std::time::Duration;

use realtime::backend::LinkError;
use realtime::model::Event;

use crate::client::{Client, HELLO3, MASTER, Resp};
use crate::sink::Said;

const BUSY: &str = "BUSY Redis is busy running a script";
const FORBIDDEN: &str = "NOPERM No permissions to access a channel";

/// Answers everything that was written: `refuse` gives the error, if any. Returns the commands about subscriptions.
fn answer(client: &mut Client, mut refuse: impl FnMut(&str) -> Option<&'static str>) -> Vec<String> {
    let mut asked = Vec::new();
    for link in [0, 1] {
        for command in client.commands(link) {
            let (word, rest) = command.split_once(' ').unwrap_or((&command, ""));
            match word {
                "PING" if rest.is_empty() && link == 1 => client.server(1, b"*2\r\n$4\r\npong\r\n$0\r\n\r\n"),
                "PING" if rest.is_empty() => client.server(0, b"+PONG\r\n"),
                "HELLO" => client.server(0, HELLO3),
                "ROLE" => client.server(0, MASTER),
                "PING" => client.fence(rest.strip_prefix("realtime:").unwrap().parse().unwrap()),
                "PUBLISH" => client.server(0, b":1\r\n"),
                _ => {
                    match refuse(&command) {
                        Some(error) => client.server(link, format!("-{error}\r\n").as_bytes()),
                        None => rest.split(' ').for_each(|name| client.confirm(&word.to_lowercase(), name)),
                    }
                    asked.push(command);
                }
            }
        }
    }
    asked
}

/// Time passes, and the server refuses everything, until something is asked for. Returns what, and how long it took.
fn until_asked(client: &mut Client, error: &'static str) -> (Vec<String>, f64) {
    let begin = client.driver.now;
    loop {
        let due = client.driver.session.poll_timeout().expect("a timer");
        client.advance(due.saturating_duration_since(client.driver.now).as_secs_f64());
        let mut asked = answer(client, |_| Some(error));
        if !asked.is_empty() {
            loop {
                let more = answer(client, |_| Some(error));
                if more.is_empty() {
                    break;
                }
                asked.extend(more);
            }
            return (asked, (client.driver.now - begin).as_secs_f64());
        }
        assert!(client.driver.now - begin < Duration::from_secs(1000), "nothing is asked for");
    }
}

/// Ready, and `chat` was refused; the events of that wait.
fn refused(resp: Resp, error: &'static str) -> Client {
    let mut client = Client::ready(resp, &[]);
    client.subscribe("chat", 1);
    client.subscriber_up();
    assert_eq!(answer(&mut client, |_| Some(error)), ["SUBSCRIBE chat"]);
    client
}

/// Ready, and subscribed to `chat`.
fn hearing(resp: Resp) -> Client {
    let mut client = Client::subscribed(resp, &[]);
    client.commands(client.subscriber);
    client.said();
    client
}

/// As [`refused`], but confirmed before on another connection.
fn deaf(resp: Resp) -> Client {
    let mut client = hearing(resp);
    client.lost(client.subscriber, LinkError::Eof);
    client.subscriber_back(resp);
    client.said();
    assert_eq!(answer(&mut client, |_| Some(BUSY)), ["SUBSCRIBE chat"]);
    let said = client.said();
    let [Said::Event(Event::SubscribeFailed { .. }), Said::Event(Event::Ready(_))] = &said[..] else {
        panic!("{said:?}")
    };
    client
}

fn figures(client: &Client) -> (u64, Option<String>) {
    let counters = &client.counters;
    (counters.refused.load(Ordering::Relaxed), counters.one_refused().map(Into::into))
}

fn reconnects(client: &Client) -> u64 {
    client.counters.reconnects.load(Ordering::Relaxed)
}
