//! What is wanted and what the server has: whatever the interleaving of Subscribe, Unsubscribe, confirmations and
//! losses, the two end up the same.

use std::collections::{BTreeSet, VecDeque};

use proptest::collection::vec;
use proptest::prelude::*;
use realtime::backend::LinkError;
use realtime::model::{Command, Event, TopicKind};

use crate::client::{BOTH, Client, Resp, subscribe, topic};
use crate::sink::Said;

const NAMES: [&str; 4] = ["a", "b", "c", "secret"];

/// A server that takes commands late and answers them later.
#[derive(Default)]
struct Server {
    /// Commands that it has not read yet.
    inbox: VecDeque<String>,
    /// Answers that are on their way.
    outbox: VecDeque<Answer>,
    /// What it would deliver: kind and name.
    subscribed: BTreeSet<(TopicKindName, String)>,
}

type TopicKindName = &'static str;

enum Answer {
    Confirmation { what: &'static str, name: String },
    Error,
    Pong(String),
    Message { channel: String },
}

impl Server {
    /// Reads one command.
    fn read(&mut self) {
        let Some(command) = self.inbox.pop_front() else { return };
        let mut words = command.split(' ');
        let (what, kind, add) = match words.next() {
            Some("SUBSCRIBE") => ("subscribe", "channel", true),
            Some("PSUBSCRIBE") => ("psubscribe", "pattern", true),
            Some("UNSUBSCRIBE") => ("unsubscribe", "channel", false),
            Some("PUNSUBSCRIBE") => ("punsubscribe", "pattern", false),
            Some("PING") => {
                let token = words.next().expect("fences only").to_owned();
                return self.outbox.push_back(Answer::Pong(token));
            }
            other => panic!("unexpected {other:?}"),
        };
        let names: Vec<_> = words.map(str::to_owned).collect();
        if add && names.iter().any(|name| name == "secret") {
            return self.outbox.push_back(Answer::Error);
        }
        for name in names {
            if add {
                self.subscribed.insert((kind, name.clone()));
            } else {
                self.subscribed.remove(&(kind, name.clone()));
            }
            self.outbox.push_back(Answer::Confirmation { what, name });
        }
    }

    /// Somebody publishes.
    fn publish(&mut self, channel: &str) {
        if self.subscribed.contains(&("channel", channel.to_owned())) {
            self.outbox.push_back(Answer::Message { channel: channel.to_owned() });
        }
    }

    /// One answer arrives.
    fn deliver(&mut self, client: &mut Client) {
        match self.outbox.pop_front() {
            None => {}
            Some(Answer::Confirmation { what, name }) => client.confirm(what, &name),
            Some(Answer::Error) => client.server(client.subscriber, b"-NOPERM no\r\n"),
            Some(Answer::Pong(token)) => {
                let number = token.trim_start_matches("realtime:").parse().expect("a fence's token");
                client.fence(number);
            }
            Some(Answer::Message { channel }) => client.message(&channel, "x"),
        }
    }
}

#[derive(Debug, Clone)]
enum Act {
    Subscribe(TopicKind, usize),
    Unsubscribe(TopicKind, usize),
    /// The session writes; until then it gathers.
    Flush,
    Read,
    Deliver,
    Publish(usize),
    Lose,
}

fn act() -> impl Strategy<Value = Act> {
    let kind = prop_oneof![3 => Just(TopicKind::Channel), 1 => Just(TopicKind::Pattern)];
    prop_oneof![
        8 => (kind.clone(), 0..NAMES.len()).prop_map(|(kind, name)| Act::Subscribe(kind, name)),
        6 => (kind, 0..NAMES.len()).prop_map(|(kind, name)| Act::Unsubscribe(kind, name)),
        6 => Just(Act::Flush),
        8 => Just(Act::Read),
        12 => Just(Act::Deliver),
        2 => (0..NAMES.len()).prop_map(Act::Publish),
        1 => Just(Act::Lose),
    ]
}

/// A session whose subscriptions' link is up, with whatever it wants.
fn link_up(client: &mut Client, resp: Resp) {
    if resp == Resp::Two {
        client.connected(1);
        client.commands(1);
        client.server(1, b"+OK\r\n+OK\r\n");
    }
}

fn check(resp: Resp, acts: &[Act]) -> Result<(), TestCaseError> {
    let mut client = Client::ready(resp, &[]);
    let mut server = Server::default();
    let mut wanted: BTreeSet<(TopicKindName, String)> = BTreeSet::new();
    let mut slot = 0;
    // Opens the second link of RESP2 for good.
    client.psubscribe("always", 1_000_000);
    wanted.insert(("pattern", "always".to_owned()));
    link_up(&mut client, resp);
    let kind_name = |kind: TopicKind| if kind == TopicKind::Channel { "channel" } else { "pattern" };
    for act in acts {
        match *act {
            Act::Subscribe(kind, name) => {
                slot += 1;
                client.command_in_one_tick(subscribe(kind, NAMES[name], slot));
                wanted.insert((kind_name(kind), NAMES[name].to_owned()));
            }
            Act::Unsubscribe(kind, name) => {
                client.command_in_one_tick(Command::Unsubscribe(topic(kind, NAMES[name])));
                wanted.remove(&(kind_name(kind), NAMES[name].to_owned()));
            }
            Act::Flush => server.inbox.extend(client.commands(client.subscriber)),
            Act::Read => server.read(),
            Act::Deliver => server.deliver(&mut client),
            Act::Publish(name) => server.publish(NAMES[name]),
            Act::Lose => {
                server = Server::default();
                client.lost(client.subscriber, LinkError::Eof);
                let link = client.subscriber;
                client.reconnect(link);
                match resp {
                    Resp::Three => client.hello(resp),
                    Resp::Two => {
                        client.commands(1);
                        client.server(1, b"+OK\r\n+OK\r\n");
                    }
                }
            }
        }
        for said in client.said() {
            let unwanted = match &said {
                Said::Message { slot: at, .. } => *at > slot,
                Said::Event(Event::Down { error, .. }) => error.code.as_str() == "PROTOCOL",
                _ => false,
            };
            prop_assert!(!unwanted, "{said:?}");
        }
    }
    // Everything comes to rest.
    for _ in 0..1000 {
        server.inbox.extend(client.commands(client.subscriber));
        if server.inbox.is_empty() && server.outbox.is_empty() {
            break;
        }
        server.read();
        server.deliver(&mut client);
    }
    wanted.retain(|(_, name)| name != "secret");
    prop_assert_eq!(&server.subscribed, &wanted);
    prop_assert_eq!(client.confirmed(), wanted.len() as u64);
    client.said();
    for name in NAMES {
        client.message(name, "x");
        let arrived = client.said().len();
        if name != "secret" {
            prop_assert_eq!(arrived, usize::from(wanted.contains(&("channel", name.to_owned()))), "{}", name);
        }
    }
    // Nothing waits for a confirmation that will not come.
    client.publish(1, "a", "x");
    prop_assert_eq!(client.commands(0), ["PUBLISH a x"]);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_asked_last_is_what_the_server_has(acts in vec(act(), 0..80)) {
        for resp in BOTH {
            check(resp, &acts)?;
        }
    }
}
