//! `verify_delivery`: a server that answers but delivers nothing.

mod channel;
mod probes;
mod refusals;
mod verdict;

use realtime::backend::OptionValue;
use realtime::model::TopicKind;

use crate::client::{Client, Resp, life};
use crate::sink::{Said, subscribed};

const PONG_ON_SUBSCRIBER: &[u8] = b"*2\r\n$4\r\npong\r\n$0\r\n\r\n";

const ON: [(&str, OptionValue); 1] = [("verify_delivery", OptionValue::Boolean(true))];

/// Ready and subscribed to `chat`; the channel of its probes is asked for, but not confirmed.
fn asking(resp: Resp) -> (Client, String) {
    let mut client = Client::ready(resp, &ON);
    assert_eq!(client.commands(0), Vec::<String>::new(), "nothing is asked before a subscription");
    client.subscribe("chat", 1);
    client.subscriber_up();
    client.confirm("subscribe", "chat");
    client.fence(1);
    assert_eq!(client.said(), [subscribed(TopicKind::Channel, "chat")]);
    let channel = ask(&mut client);
    (client, channel)
}

/// The session subscribes to the channel of its probes, after everything else; returns its name.
fn ask(client: &mut Client) -> String {
    let commands = client.commands(client.subscriber);
    let last = commands.last().expect("a SUBSCRIBE");
    let name = last.strip_prefix("SUBSCRIBE ").expect("a SUBSCRIBE");
    assert!(name.starts_with("realtime:probe:") && name.len() > 20, "{name}");
    name.to_owned()
}

/// As [`asking`], with the channel confirmed.
fn verified(resp: Resp) -> (Client, String) {
    let (mut client, channel) = asking(resp);
    client.confirm("subscribe", &channel);
    (client, channel)
}

/// Time passes; the server answers every PING and every probe, and delivers nothing. Returns the number of probes.
fn answer_for(client: &mut Client, seconds: f64) -> usize {
    let step: f64 = 0.25;
    let mut probes = 0;
    let mut left = seconds;
    while left > 0.0 {
        client.advance(step.min(left));
        left -= step;
        probes += answer(client);
    }
    probes
}

fn answer(client: &mut Client) -> usize {
    let mut probes = 0;
    for link in [0, 1] {
        for command in client.commands(link) {
            match &*command {
                "PING" if link == 1 => client.server(1, PONG_ON_SUBSCRIBER),
                other if life(other).is_some() => client.server(0, life(other).unwrap_or_default()),
                probe if probe.starts_with("PUBLISH realtime:probe:") => {
                    probes += 1;
                    client.server(0, b":1\r\n");
                }
                // Fences are answered by the tests.
                _ => {}
            }
        }
    }
    probes
}

fn no_events(client: &mut Client) {
    let said = client.said();
    assert!(!said.iter().any(|said| matches!(said, Said::Event(_))), "{said:?}");
}
