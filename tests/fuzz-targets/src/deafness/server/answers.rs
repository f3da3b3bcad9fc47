//! The server's answer to each command.

use std::time::Instant;

use realtime::backend::{Action, Endpoint};
use realtime::model::{LinkId, Topic, TopicKind};
use resp::{Encoder, Value};
use session_driver::Peers;

use super::{Connection, HOSTS, Hello, Role, Server, until};
use crate::client::{LINKS, PROBES, push};

impl Peers for Server {
    fn written(&mut self, link: LinkId, now: Instant, mut bytes: &[u8]) {
        self.now = now;
        let Some(connection) = self.connections[usize::from(link.0)].as_mut() else {
            panic!("written to nobody")
        };
        while let Some(frame) = connection.decoder.feed(&mut bytes).expect("the session writes RESP") {
            let Value::Array(words) = frame.value() else { panic!("not a command: {frame:?}") };
            let words = words.map(|word| word.value().as_bytes().expect("of strings").to_vec()).collect();
            connection.inbox.push_back(words);
        }
    }

    fn wished(&mut self, action: Action) {
        if let Action::Connect { link, endpoint: Endpoint::Tcp { host, .. }, .. } = action
            && let Some(host) = HOSTS.iter().position(|name| *name == host)
        {
            self.wanted[usize::from(link.0)] = host;
        }
    }

    fn gone(&mut self, link: LinkId) {
        if let Some(connection) = self.connections[usize::from(link.0)].take() {
            self.unsubscribed |= !connection.subscribed.is_empty();
            self.lost.extend(connection.sent);
        }
    }
}

impl Server {
    pub(super) fn answer(&mut self, link: usize, words: &[Vec<u8>], out: &mut Vec<u8>) {
        let now = self.now;
        let (is_busy, short_pong) = (self.is_busy(), self.short_pong);
        let Some(connection) = &mut self.connections[link] else { return };
        let host = &self.hosts[connection.host];
        let name = words[0].to_ascii_uppercase();
        let argument = words.get(1).map(Vec::as_slice);
        let no_data = host.loading.filter(|(_, end, _)| now < *end).map(|(.., master_down)| {
            if master_down && host.role != Role::Master {
                &b"-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n"[..]
            } else {
                b"-LOADING Redis is loading the dataset in memory\r\n"
            }
        });
        let role: &[u8] = if host.role == Role::Master { b"master" } else { b"slave" };
        let in_subscribed_mode = !connection.resp3 && !connection.subscribed.is_empty();
        match &name[..] {
            b"HELLO" => self.hello(link, role == b"master", out),
            b"EXEC" if connection.in_transaction.is_some() => {
                if until(self.refuses_exec, now) || is_busy {
                    return out.extend(b"-BUSY Redis is busy running a script\r\n");
                }
                let count = connection.in_transaction.take().unwrap_or(0);
                let mut encoder = Encoder::new(out);
                encoder.array(count);
                for _ in 0..count {
                    encoder.integer(1);
                }
            }
            _ if is_busy && is_change(&name) => self.change(link, words, out),
            _ if is_busy => {
                if argument.is_some_and(|name| name.starts_with(PROBES)) {
                    connection.probe_refused = Some((now, false));
                }
                out.extend(b"-BUSY Redis is busy running a script\r\n");
            }
            _ if connection.in_transaction.is_some() => {
                connection.in_transaction = connection.in_transaction.map(|count| count + 1);
                out.extend(b"+QUEUED\r\n");
            }
            b"MULTI" => {
                connection.in_transaction = Some(0);
                out.extend(b"+OK\r\n");
            }
            _ if is_change(&name) => self.change(link, words, out),
            b"PUBLISH" => {
                let channel = argument.unwrap_or_default().to_vec();
                if let Some((error, _)) =
                    self.refuses_probes.filter(|(_, end)| now < *end && channel.starts_with(PROBES))
                {
                    return self.refuse_probe(link, error, out);
                }
                Encoder::new(out).integer(1);
                self.deliver_probe(link, &channel);
            }
            b"PING" if argument.is_none() && no_data.is_some() => {
                connection.said_unserved = host.loading.map(|(since, ..)| since);
                out.extend(no_data.unwrap_or_default());
            }
            b"PING" if in_subscribed_mode && !short_pong => {
                let echo = argument.unwrap_or_default();
                Encoder::new(out).array(2).bulk_string(b"pong").bulk_string(echo);
            }
            b"PING" => match argument {
                Some(echo) if !short_pong => {
                    Encoder::new(out).bulk_string(echo);
                }
                _ => out.extend(b"+PONG\r\n"),
            },
            b"ROLE" => {
                Encoder::new(out).array(1).bulk_string(role);
            }
            b"INFO" => {
                let text = format!("# Server\r\nredis_version:7.2.0\r\nrun_id:{:040x}\r\n", connection.host);
                Encoder::new(out).bulk_string(text.as_bytes());
            }
            b"GET" => match no_data {
                Some(refusal) => out.extend(refusal),
                None => {
                    Encoder::new(out).bulk_string(b"value");
                }
            },
            _ => out.extend(b"+OK\r\n"),
        }
    }

    fn hello(&mut self, link: usize, is_master: bool, out: &mut Vec<u8>) {
        let Some(connection) = &mut self.connections[link] else { return };
        // A connection keeps its version.
        let mode = connection.hello;
        connection.resp3 = mode == Hello::Three;
        let role: &[u8] = if is_master { b"master" } else { b"replica" };
        let mut encoder = Encoder::new(out);
        match mode {
            Hello::Three | Hello::MapThenTwo => encoder.map(2),
            Hello::ListThenTwo => encoder.array(4),
            Hello::OkThenTwo => return out.extend(b"+OK\r\n"),
            Hello::Refused(text) => return out.extend(format!("-{text}\r\n").into_bytes()),
        };
        encoder.bulk_string(b"server").bulk_string(b"redis").bulk_string(b"role").bulk_string(role);
    }

    /// SUBSCRIBE and its like: all names, or none.
    fn change(&mut self, link: usize, words: &[Vec<u8>], out: &mut Vec<u8>) {
        let now = self.now;
        let name = words[0].to_ascii_uppercase();
        let kind = match &name[..] {
            b"PSUBSCRIBE" | b"PUNSUBSCRIBE" => TopicKind::Pattern,
            b"SSUBSCRIBE" | b"SUNSUBSCRIBE" => TopicKind::ShardedChannel,
            _ => TopicKind::Channel,
        };
        let subscribes = !name.ends_with(b"UNSUBSCRIBE");
        let topics: Vec<_> = words[1..].iter().map(|name| Topic { kind, name: (**name).into() }).collect();
        let is_probes = topics.iter().any(|topic| topic.name.starts_with(PROBES));
        let is_sharded_end = kind == TopicKind::ShardedChannel && !subscribes;
        if topics.iter().any(|topic| self.is_moved(topic)) {
            out.extend(b"-MOVED 11298 10.0.0.2:6379\r\n");
            if let (Some(connection), [topic], true) = (&mut self.connections[link], &topics[..], subscribes)
            {
                connection.refused.insert(topic.clone(), false);
            }
            return;
        }
        // While a script runs and a hash slot migrates, an error could not be matched to a command.
        let refusal = if is_sharded_end {
            None
        } else if self.is_busy() {
            Some(0)
        } else if is_probes {
            self.refuses_probes.filter(|(_, end)| now < *end).map(|(error, _)| error)
        } else if subscribes {
            let refuses = |topic| self.refuses.get(topic).filter(|(_, end)| now < *end);
            topics.iter().find_map(refuses).map(|(error, _)| *error)
        } else {
            self.refuses_ends.filter(|(_, end)| now < *end).map(|(error, _)| error)
        };
        if let Some(error) = refusal.filter(|_| is_probes) {
            return self.refuse_probe(link, error, out);
        }
        if let Some(error) = refusal {
            let forbidden = self.error(error, out);
            if let (Some(connection), [topic]) = (&mut self.connections[link], &topics[..])
                && subscribes
                && !connection.subscribed.contains(topic)
            {
                connection.refused.insert(topic.clone(), forbidden);
            }
            return;
        }
        let Some(connection) = &mut self.connections[link] else { return };
        for topic in topics {
            if subscribes {
                connection.refused.remove(&topic);
                connection.subscribed.insert(topic.clone());
            } else {
                connection.subscribed.remove(&topic);
            }
            let count = i64::try_from(connection.subscribed.len()).unwrap_or(i64::MAX);
            let word = name.to_ascii_lowercase();
            connection.push(3, out).bulk_string(&word).bulk_string(&topic.name).integer(count);
        }
    }

    /// The hash slots move to another node until then: subscribers to sharded channels are notified that their
    /// subscription has ended.
    pub(super) fn move_slots(&mut self, end: Instant) {
        self.moved = Some(end);
        let due = self.now + self.lag;
        for connection in self.connections.iter_mut().flatten().filter(|it| !it.dead && !it.closed) {
            let is_moved = |topic: &&Topic| topic.kind == TopicKind::ShardedChannel;
            let moved: Vec<_> = connection.subscribed.iter().filter(is_moved).cloned().collect();
            for topic in moved {
                connection.subscribed.remove(&topic);
                let mut bytes = Vec::new();
                connection
                    .push(3, &mut bytes)
                    .bulk_string(b"sunsubscribe")
                    .bulk_string(&topic.name)
                    .integer(0);
                connection.outbox.push_back((due, bytes));
            }
        }
    }

    fn refuse_probe(&mut self, link: usize, error: usize, out: &mut Vec<u8>) {
        let forbidden = self.error(error, out);
        if let Some(connection) = &mut self.connections[link] {
            connection.probe_refused = Some((self.now, forbidden));
        }
    }

    /// A probe of verify_delivery comes back, if it is one. The client does not get its other publishes.
    fn deliver_probe(&mut self, from: usize, channel: &[u8]) {
        let topic = Topic { kind: TopicKind::Channel, name: channel.into() };
        if !channel.starts_with(PROBES) || self.is_swallowing() {
            return;
        }
        let due = self.now + self.lag;
        let host = |link: usize| self.connections[link].as_ref().map(|connection| connection.host);
        let from = host(from);
        for link in 0..LINKS {
            let hears = self.connections[link].as_ref().is_some_and(|connection| {
                let is_near = from == Some(connection.host) || self.hears(connection.host);
                connection.subscribed.contains(&topic) && is_near
            });
            if let Some(connection) = self.connections[link].as_mut().filter(|_| hears) {
                connection.message(&topic, b"verify_delivery", due);
            }
        }
    }
}

/// Whether this command subscribes or unsubscribes.
fn is_change(name: &[u8]) -> bool {
    name.ends_with(b"SUBSCRIBE")
}

impl Connection {
    pub(super) fn message(&mut self, topic: &Topic, payload: &[u8], due: Instant) {
        let mut bytes = Vec::new();
        match topic.kind {
            TopicKind::Channel => self.push(3, &mut bytes).bulk_string(b"message"),
            TopicKind::Pattern => self.push(4, &mut bytes).bulk_string(b"pmessage").bulk_string(&topic.name),
            TopicKind::ShardedChannel => self.push(3, &mut bytes).bulk_string(b"smessage"),
        };
        Encoder::new(&mut bytes).bulk_string(&topic.name).bulk_string(payload);
        self.outbox.push_back((due, bytes));
    }

    fn push<'a>(&self, count: usize, out: &'a mut Vec<u8>) -> Encoder<'a> {
        push(self.resp3, count, out)
    }
}
