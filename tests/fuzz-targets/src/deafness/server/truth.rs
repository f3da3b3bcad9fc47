//! Queries of the server's state for the checks.

use std::time::{Duration, Instant};

use realtime::model::{Topic, TopicKind};

use super::{Role, Server, until};

/// After a refused probe verify_delivery asks again within this time, and starts over.
const PROBES_REST: Duration = Duration::from_secs(30 + 15);
/// The same after NOPERM.
const PROBES_REST_IF_FORBIDDEN: Duration = Duration::from_secs(300 + 15);

impl Server {
    pub(in crate::deafness) fn is_frozen(&self) -> bool {
        until(self.frozen, self.now)
    }

    pub(in crate::deafness) fn is_busy(&self) -> bool {
        until(self.busy, self.now)
    }

    pub(in crate::deafness) fn is_swallowing(&self) -> bool {
        until(self.swallows, self.now)
    }

    /// Whether a SUBSCRIBE to this topic is refused at present.
    pub(in crate::deafness) fn is_refused(&self, topic: &Topic) -> bool {
        self.is_busy()
            || self.is_moved(topic)
            || self.refuses.get(topic).is_some_and(|(_, end)| self.now < *end)
    }

    /// Whether another node has the hash slot of this topic at present.
    pub(super) fn is_moved(&self, topic: &Topic) -> bool {
        topic.kind == TopicKind::ShardedChannel && until(self.moved, self.now)
    }

    /// Whether an UNSUBSCRIBE is refused at present.
    pub(in crate::deafness) fn refuses_ends(&self) -> bool {
        self.is_busy() || self.refuses_ends.is_some_and(|(_, end)| self.now < end)
    }

    /// Whether a connection can be made and is served.
    pub(in crate::deafness) fn is_open(&self) -> bool {
        let is_away = self.away.is_some_and(|(_, end)| self.now < end);
        // Of several addresses none is of use without a master.
        let has_master = !self.several || self.hosts[self.current].role == Role::Master;
        let serves = has_master && self.unserved_since(self.current).is_none();
        !is_away && !self.is_frozen() && !self.is_busy() && serves
    }

    /// Whether a connection is refused (false) or hangs (true) at present.
    pub(in crate::deafness) fn turns_away(&self) -> Option<bool> {
        self.away.filter(|(_, end)| self.now < *end).map(|(hangs, _)| hangs)
    }

    /// From when a host has no data to serve, if it has none.
    pub(in crate::deafness) fn unserved_since(&self, host: usize) -> Option<Instant> {
        self.hosts[host].loading.filter(|(_, end, _)| self.now < *end).map(|(since, ..)| since)
    }

    /// Whether messages published on the master reach a host.
    pub(in crate::deafness) fn hears(&self, host: usize) -> bool {
        match self.hosts[host].role {
            Role::Master => host == self.current,
            Role::Replica { linked } => linked && self.unserved_since(host).is_none(),
        }
    }

    /// The link on which a topic is subscribed to, and its host.
    pub(in crate::deafness) fn subscriber(&self, topic: &Topic) -> Option<(usize, usize)> {
        self.connections.iter().enumerate().find_map(|(link, connection)| {
            let connection = connection.as_ref().filter(|connection| !connection.closed)?;
            connection.subscribed.contains(topic).then_some((link, connection.host))
        })
    }

    /// Takes note of a message that arrived. Returns the numbers of those before it that did not; `None` if there was no such
    /// message.
    pub(in crate::deafness) fn take_sent(&mut self, topic: &Topic, number: u64) -> Option<Vec<u64>> {
        let connections = self.connections.iter_mut().flatten();
        for sent in connections.map(|connection| &mut connection.sent).chain([&mut self.lost]) {
            if !sent.iter().any(|sent| sent.number == number && sent.topic == *topic) {
                continue;
            }
            let mut before = Vec::new();
            sent.retain(|sent| {
                let is_past = sent.topic == *topic && sent.number <= number;
                if is_past && sent.number < number {
                    before.push(sent.number);
                }
                !is_past
            });
            return Some(before);
        }
        None
    }

    /// Whether the server refused a topic on a present connection and does not have it; `Some(true)`: with NOPERM.
    pub(in crate::deafness) fn refusal(&self, topic: &Topic) -> Option<bool> {
        let connections = self.connections.iter().flatten().filter(|it| !it.closed && !it.dead);
        connections.filter_map(|connection| connection.refused.get(topic).copied()).next()
    }

    /// The client's main thread continues: a refused probe that waited for it is reported now.
    pub(in crate::deafness) fn is_read_again(&mut self) {
        let now = self.now;
        for (at, _) in self.connections.iter_mut().flatten().filter_map(|it| it.probe_refused.as_mut()) {
            *at = now;
        }
    }

    /// Whether the messages of a topic arrive. Swallowing counts if it can be found, `with_probes`.
    pub(in crate::deafness) fn is_heard(&self, topic: &Topic, with_probes: bool, now: Instant) -> bool {
        let Some((link, host)) = self.subscriber(topic) else { return false };
        let Some(connection) = &self.connections[link] else { return false };
        if connection.dead || self.is_frozen() {
            return false;
        }
        // The server's role cannot be queried while it runs a script.
        if !self.hears(host) && !self.is_busy() {
            return false;
        }
        let rests = self.connections.iter().flatten().filter_map(|connection| connection.probe_refused).any(
            |(at, forbidden)| {
                let pause = if forbidden { PROBES_REST_IF_FORBIDDEN } else { PROBES_REST };
                now < at + pause
            },
        );
        !self.is_swallowing() || !with_probes || rests
    }
}
