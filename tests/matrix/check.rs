//! The conditions that must hold after a run, wherever it was cut.

use std::collections::HashMap;

use fault_proxy::Connection;
use realtime::model::{Code, Event, Value};
use resp::{Decoder, Value as Resp};

use crate::game::Seen;
use crate::run::{Asked, Role, Run, TOPICS};

/// The server's output on one connection, as far as it reached the client.
#[derive(Debug, Default)]
pub struct Said {
    /// Topic and payload.
    messages: Vec<(Vec<u8>, Vec<u8>)>,
    confirmations: usize,
    replies: usize,
}

impl Said {
    fn read(mut bytes: &[u8]) -> Result<Self, String> {
        let mut said = Self::default();
        let mut decoder = Decoder::new();
        while let Some(frame) = decoder.feed(&mut bytes).map_err(|error| error.to_string())? {
            let (Resp::Push(mut items) | Resp::Array(mut items)) = frame.value() else {
                said.replies += 1;
                continue;
            };
            let mut next = || items.next().and_then(|item| item.value().as_bytes());
            match (next(), next()) {
                (Some(b"message"), Some(topic)) => {
                    said.messages.push((topic.into(), next().unwrap_or_default().into()));
                }
                (Some(b"pmessage"), Some(topic)) => {
                    let _channel = next();
                    said.messages.push((topic.into(), next().unwrap_or_default().into()));
                }
                (Some(b"subscribe" | b"psubscribe"), _) => said.confirmations += 1,
                _ => said.replies += 1,
            }
        }
        Ok(said)
    }
}

/// The names of the client's commands.
pub fn commands(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut decoder = Decoder::new();
    let mut names = Vec::new();
    while let Ok(Some(frame)) = decoder.feed(&mut bytes) {
        if let Resp::Array(mut items) = frame.value()
            && let Some(name) = items.next().and_then(|item| item.value().as_bytes())
        {
            names.push(name.into());
        }
    }
    names
}

/// Whether a connection carries subscriptions.
fn is_subscriber(run: &Run, protocol: u8, connection: &Connection) -> bool {
    let planned = run.cuts.iter().find(|cut| cut.connection as u64 == connection.id);
    match planned {
        Some(cut) if connection.cut => cut.role != Role::Commands,
        _ => protocol == 3 || !commands(&connection.up).iter().any(|name| name == b"ROLE"),
    }
}

/// How many answers a subscriber's handshake has.
pub fn handshake(run: &Run, protocol: u8) -> usize {
    let mut links = run.connections.iter().filter(|connection| is_subscriber(run, protocol, connection));
    let said = links.next().map(|connection| commands(&connection.up)).unwrap_or_default();
    said.iter().take_while(|name| !name.ends_with(b"SUBSCRIBE")).count()
}

/// # Errors
///
/// The violated condition.
pub fn check(run: &Run, protocol: u8, handshake: usize) -> Result<(), String> {
    if let Some(stuck) = &run.stuck {
        return Err(format!("stuck: {stuck}"));
    }
    events(run)?;
    answers(run)?;
    messages(run, protocol, handshake)?;
    losses(run)
}

/// Each subscription is reported once; nothing is refused or dropped; the first `ready` is the first.
fn events(run: &Run) -> Result<(), String> {
    let mut told = [0; TOPICS];
    let mut ready = 0;
    for seen in &run.log {
        match seen {
            Seen::Event(Event::Subscribed(topic)) => {
                told[run.topic(&topic.name).ok_or("a topic that nobody asked for")?] += 1;
            }
            Seen::Event(Event::Ready(info)) => {
                if info.first != (ready == 0) {
                    return Err(format!("`first` is {} on ready number {ready}", info.first));
                }
                ready += 1;
            }
            Seen::Event(
                event @ (Event::SubscribeFailed { .. }
                | Event::Dropped { .. }
                | Event::Gap { topics: Some(_), .. }),
            ) => {
                return Err(format!("{event:?}"));
            }
            Seen::Event(event @ (Event::Down { .. } | Event::Gap { .. })) if run.made == 0 => {
                return Err(format!("nothing was cut, and yet {event:?}"));
            }
            _ => {}
        }
    }
    if told != [1; TOPICS] {
        return Err(format!("`subscribed` came so often for each topic: {told:?}"));
    }
    Ok(())
}

/// Each request is answered once, in their order, and ran once if it succeeded, at most once if it failed.
fn answers(run: &Run) -> Result<(), String> {
    let mut next = 0;
    for seen in &run.log {
        let Seen::Answer(number, result) = seen else { continue };
        if *number != next {
            return Err(format!("answer {number} where that of request {next} was due"));
        }
        next += 1;
        match (&run.asked[*number], result) {
            (_, Err(error)) if run.made > 0 && error.code == Code::Disconnected && error.sent => {}
            (Asked::Publish { .. }, Ok(Value::Integer(_))) | (Asked::Ping, Ok(Value::Double(_))) => {}
            (Asked::Echo(text), Ok(Value::String(echo))) if **text == **echo => {}
            (asked, result) => return Err(format!("{asked:?} was answered with {result:?}")),
        }
        if let Asked::Publish { payload } = &run.asked[*number] {
            let times = run.published.iter().filter(|(_, published)| published == payload).count();
            if times > 1 || result.is_ok() && times == 0 {
                return Err(format!("the publish {number} ran {times} times, and was answered {result:?}"));
            }
        }
    }
    if next != run.asked.len() {
        return Err(format!("{next} answers to {} requests", run.asked.len()));
    }
    Ok(())
}

/// Messages that reached the client reached the callbacks, in that order and once; and a gap comes before those of a
/// connection if and only if something was confirmed on an earlier one.
fn messages(run: &Run, protocol: u8, handshake: usize) -> Result<(), String> {
    let mut delivered = Vec::new();
    let mut gaps = Vec::new();
    for seen in &run.log {
        match seen {
            Seen::Message(topic, payload) => delivered.push((*topic, payload)),
            Seen::Event(Event::Gap { .. }) => gaps.push(delivered.len()),
            _ => {}
        }
    }
    let mut at = 0;
    let mut due = Vec::new();
    let mut confirmed = false;
    for connection in run.connections.iter().filter(|one| is_subscriber(run, protocol, one)) {
        let said = Said::read(&connection.down)?;
        if confirmed && said.replies >= handshake {
            due.push(at);
        }
        confirmed |= said.confirmations > 0;
        for (name, payload) in &said.messages {
            let topic = run.topic(name).ok_or("a message of a topic that nobody asked for")?;
            match delivered.get(at) {
                Some(&(t, p)) if (t, p) == (topic, payload) => at += 1,
                other => {
                    let want = payload.escape_ascii();
                    return Err(format!("message {at} is {other:?}, and {want} of topic {topic} was next"));
                }
            }
        }
    }
    if at < delivered.len() {
        return Err(format!("message {at} never came from a server: {:?}", delivered[at]));
    }
    // A run ends with messages on every link. A connection after the last of them was made while the client was
    // closing, when its events need not be reported any more.
    while gaps.len() < due.len() && due.last() == Some(&delivered.len()) {
        due.pop();
    }
    if gaps != due {
        return Err(format!("gaps stand before the messages {gaps:?}, and not before {due:?}"));
    }
    Ok(())
}

/// Messages that the server sent and no callback got lie in a gap; the rest came in the server's order.
fn losses(run: &Run) -> Result<(), String> {
    let order: HashMap<&[u8], usize> =
        run.published.iter().enumerate().map(|(i, (_, payload))| (payload.as_slice(), i)).collect();
    let subscribed: HashMap<&[u8], &[bool; TOPICS]> =
        run.sent.iter().map(|sent| (sent.payload.as_slice(), &sent.subscribed)).collect();
    let audiences: Vec<Vec<usize>> = run.published.iter().map(|(channel, _)| run.audience(channel)).collect();
    for topic in 0..TOPICS {
        // Place in the server's order of each message, with the number of gaps before it.
        let mut got: Vec<(usize, usize)> = Vec::new();
        let mut gaps = 0;
        for seen in &run.log {
            match seen {
                Seen::Message(number, payload) if *number == topic => {
                    let place = *order.get(payload.as_slice()).ok_or("a message that nobody sent")?;
                    if got.last().is_some_and(|&(last, _)| last >= place) {
                        return Err(format!("topic {topic}: message {place} is out of order, or came twice"));
                    }
                    got.push((place, gaps));
                }
                Seen::Event(Event::Gap { .. }) => gaps += 1,
                _ => {}
            }
        }
        for (place, (_, payload)) in run.published.iter().enumerate() {
            // A message from outside that came before the subscription was reported may have come too early for it.
            let early = subscribed.get(payload.as_slice()).is_some_and(|told| !told[topic]);
            let mine = audiences[place].contains(&topic);
            let Err(next) = got.binary_search_by_key(&place, |&(place, _)| place) else { continue };
            if !mine || early {
                continue;
            }
            let before = if next == 0 { 0 } else { got[next - 1].1 };
            let behind = got.get(next).map_or(gaps, |&(_, gaps)| gaps);
            if before == behind {
                let text = payload.escape_ascii();
                return Err(format!("topic {topic}: {text} is missing, and no gap stands where it was"));
            }
        }
    }
    Ok(())
}
