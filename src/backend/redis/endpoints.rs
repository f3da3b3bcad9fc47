//! Where to connect to: the configured addresses and those of a cluster's other nodes, one after the other.
//!
//! The first one is chosen at random, so that clients spread. When one cannot be used, or its connection is lost, the
//! next one is tried at once. That makes a round: once each has been tried, the session waits, and the next round
//! begins. All attempts of a round share `connect_timeout`, so an address that hangs uses its own share only.
//!
//! A connection that lasted ends the round. If a connection is soon lost, the round goes on, so that servers
//! that accept and hang up in turn are tried more and more rarely. But addresses that could not be used
//! before that connection was made are tried again in this round, because they may have recovered meanwhile.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::config::Config;
use crate::backend::Endpoint;
use crate::model::{Code, Error};

/// The shortest time for an attempt, unless `connect_timeout` is shorter: enough for a name lookup and a handshake
/// over a long distance.
const LEAST_SHARE: Duration = Duration::from_secs(1);
/// How many nodes are learned at most. Any node of a cluster will do.
const MAX_LEARNED: usize = 8;
/// The most bytes of a text that lists the errors of the addresses. Errors that do not fit are only counted.
const TOLD_BYTES: usize = 1024;
/// How often a cluster is asked for its nodes.
const ASK_AGAIN: Duration = Duration::from_secs(60);
/// The same if they may have changed.
const HURRY: Duration = Duration::from_secs(1);

/// The addresses of a session, and whose turn it is.
#[derive(Debug)]
pub(super) struct Endpoints {
    /// The configured ones first, in their order, then the learned ones. Never empty.
    candidates: Vec<Candidate>,
    /// The word for them in an error about all of them.
    called: &'static str,
    /// How many are configured.
    configured: usize,
    /// The position of the current one: connected to, or being tried.
    present: usize,
    /// The time for one round.
    timeout: Duration,
    /// The deadline for the attempts of this round.
    round_ends: Option<Instant>,
    /// Failed attempts of this round. They are limited, because a server that names other nodes each time would
    /// lengthen a round for ever.
    failures: usize,
    /// When to ask the cluster for its nodes, if it is a cluster.
    ask: Option<Instant>,
    /// They may have changed: the cluster is asked earlier than usual.
    hurries: bool,
    /// A server has refused to name nodes.
    was_refused: bool,
}

#[derive(Debug)]
struct Candidate {
    endpoint: Endpoint,
    /// The last peer of the name that accepted the connection but could not be used. The name's other addresses are
    /// tried first.
    failed_peer: Option<SocketAddr>,
    /// Why it could not be used in this round.
    error: Option<Error>,
    /// It was in use when this round began, or in this round.
    was_used: bool,
}

/// How a connection, or the attempt to make one, ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    /// The address could not be used.
    Unused,
    /// It was in use, and the connection was soon lost.
    Brief,
    /// It was in use, and the connection had lasted.
    Lasting,
}

impl Life {
    pub(super) fn of(was_used: bool, had_lasted: bool) -> Self {
        match (was_used, had_lasted) {
            (_, true) => Self::Lasting,
            (true, false) => Self::Brief,
            (false, false) => Self::Unused,
        }
    }
}

/// What follows a failed attempt or a lost connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Another address is tried at once.
    Next,
    /// Each was tried in this round. The reasons why none could be used.
    RoundOver(Error),
}

impl Candidate {
    fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, failed_peer: None, error: None, was_used: false }
    }
}

impl Endpoints {
    /// `random` says which one comes first.
    pub(super) fn new(config: &Config, random: u64) -> Self {
        let candidates: Vec<_> = config.endpoints.iter().cloned().map(Candidate::new).collect();
        let configured = candidates.len();
        let present = usize::try_from(random % configured.max(1) as u64).unwrap_or(0);
        let timeout = config.connect_timeout;
        let called = "addresses";
        Self {
            candidates,
            called,
            configured,
            present,
            timeout,
            round_ends: None,
            failures: 0,
            ask: None,
            hurries: false,
            was_refused: false,
        }
    }

    /// The same with another word for them in errors.
    pub(super) fn called(self, called: &'static str) -> Self {
        Self { called, ..self }
    }

    /// From now on only this one is connected to.
    pub(super) fn point_to(&mut self, endpoint: Endpoint) {
        if self.candidates.len() != 1 || *self.present() != endpoint {
            (self.candidates, self.configured, self.present) = (vec![Candidate::new(endpoint)], 1, 0);
            self.begin_round();
        }
    }

    /// Whether one was not yet tried in this round.
    pub(super) fn has_untried(&self) -> bool {
        let others = self.candidates.iter().enumerate().filter(|(at, _)| *at != self.present);
        others.into_iter().any(|(_, candidate)| candidate.error.is_none())
    }

    /// The current one: connected to, or being tried.
    pub(super) fn present(&self) -> &Endpoint {
        &self.candidates[self.present].endpoint
    }

    /// Whether the owner gave several, some of which may be replicas that wait to be promoted.
    pub(super) fn are_alternatives(&self) -> bool {
        self.configured > 1
    }

    /// Whether a cluster named the current one.
    pub(super) fn is_learned(&self) -> bool {
        self.present >= self.configured
    }

    /// The deadline of an attempt with the current one that begins now: its share of the rest of the round.
    pub(super) fn deadline(&mut self, now: Instant) -> Instant {
        // Learned nodes take no time away from the configured ones.
        let times = self.candidates.len().div_ceil(self.configured);
        let timeout = self.timeout.saturating_mul(u32::try_from(times).unwrap_or(u32::MAX));
        let ends = *self.round_ends.get_or_insert(now + timeout);
        let untried = self.candidates.iter().filter(|candidate| candidate.error.is_none()).count();
        let share = ends.saturating_duration_since(now) / u32::try_from(untried.max(1)).unwrap_or(u32::MAX);
        now + share.max(self.timeout.min(LEAST_SHARE))
    }

    /// The last peer of this endpoint's name that could not be used; the addresses after it are tried first.
    pub(super) fn failed_peer(&self, endpoint: &Endpoint) -> Option<SocketAddr> {
        self.candidates.iter().find(|candidate| candidate.endpoint == *endpoint)?.failed_peer
    }

    /// A peer of this endpoint's name could not be used.
    pub(super) fn peer_failed(&mut self, endpoint: &Endpoint, peer: SocketAddr) {
        if let Some(candidate) = self.candidates.iter_mut().find(|candidate| candidate.endpoint == *endpoint)
        {
            candidate.failed_peer = Some(peer);
        }
    }

    /// The current one accepted the handshake. Attempts that may follow in this round have the full time again.
    pub(super) fn connected(&mut self) {
        self.round_ends = None;
        (self.ask, self.hurries) = (None, false);
    }

    /// An error about an endpoint, with its name if there are several.
    pub(super) fn named(&self, endpoint: &Endpoint, mut error: Error) -> Error {
        let name = endpoint.to_string();
        if self.candidates.len() > 1 && !error.message.contains(&name) {
            error.message = format!("{name}: {}", error.message).into();
        }
        error
    }

    /// The current one cannot be used, or its connection is lost.
    pub(super) fn failed(&mut self, error: Error, life: Life) -> Turn {
        if life == Life::Lasting {
            self.begin_round();
        }
        if life != Life::Unused {
            self.candidates[self.present].was_used = true;
            let unused = self.candidates.iter_mut().filter(|candidate| !candidate.was_used);
            unused.for_each(|candidate| candidate.error = None);
        }
        self.candidates[self.present].error = Some(error);
        self.failures += 1;
        let count = self.candidates.len();
        let mut others = (1..count).map(|step| (self.present + step) % count);
        if self.failures <= self.configured + MAX_LEARNED
            && let Some(next) = others.find(|&next| self.candidates[next].error.is_none())
        {
            self.present = next;
            return Turn::Next;
        }
        let error = self.told();
        self.begin_round();
        self.present = (self.present + 1) % count;
        Turn::RoundOver(error)
    }

    /// All may be tried again.
    pub(super) fn begin_round(&mut self) {
        for candidate in &mut self.candidates {
            (candidate.error, candidate.was_used) = (None, false);
        }
        (self.round_ends, self.failures) = (None, 0);
    }

    /// The errors of all addresses, in the configured order, so that the text stays the same while nothing changes.
    fn told(&self) -> Error {
        let errors = || self.candidates.iter().filter_map(|candidate| candidate.error.as_ref());
        // Errors of servers that answered say more about the settings than those of silent ones.
        let answered = |error: &&Error| {
            !matches!(error.code, Code::Refused | Code::Timeout | Code::Resolve | Code::Disconnected)
        };
        let Some(first) = errors().find(answered).or_else(|| errors().next()) else {
            return Error::unsent(Code::Disconnected, "no address was tried");
        };
        if self.candidates.len() == 1 {
            return first.clone();
        }
        let count = errors().count();
        let mut text = format!("none of the {count} {} can be used", self.called);
        let mut advice = Vec::new();
        for (told, error) in errors().enumerate() {
            let message = error.message.trim_end_matches('.');
            // Advice that several errors share is given once.
            let known = message.split_once("; ").filter(|(_, what)| advice.contains(what));
            let message = known.map_or(message, |(words, _)| words);
            advice.extend(message.split_once("; ").map(|(_, what)| what));
            if told > 0 && text.len() + message.len() > TOLD_BYTES {
                text.push_str(&format!("; and {} more", count - told));
                break;
            }
            text.push_str(if told > 0 { "; " } else { ": " });
            text.push_str(message);
        }
        Error::unsent(first.code.clone(), text)
    }

    /// The server that accepted us is a node of a cluster: it is asked for the others.
    pub(super) fn is_cluster(&mut self, now: Instant) {
        self.ask = Some(now);
    }

    /// Whether the server is a node of a cluster and names the others.
    pub(super) fn tells_nodes(&self) -> bool {
        self.ask.is_some()
    }

    /// Whether to ask for the cluster's nodes now.
    pub(super) fn asks_nodes(&mut self, now: Instant) -> bool {
        let asks = self.ask.is_some_and(|due| due <= now);
        if asks {
            (self.ask, self.hurries) = (Some(now + ASK_AGAIN), false);
        }
        asks
    }

    /// The cluster may have changed: it is asked soon. Returns whether it answers such questions.
    pub(super) fn hurry(&mut self, now: Instant) -> bool {
        let Some(ask) = &mut self.ask else { return false };
        if !std::mem::replace(&mut self.hurries, true) {
            *ask = ask.checked_sub(ASK_AGAIN - HURRY).map_or(now, |soon| soon.max(now)).min(*ask);
        }
        true
    }

    /// When to ask the cluster because it may have changed.
    pub(super) fn hurried_due(&self) -> Option<Instant> {
        self.ask.filter(|_| self.hurries)
    }

    /// The server refuses to name nodes: it is not asked again on this connection. Returns whether that is the first
    /// refusal.
    pub(super) fn nodes_refused(&mut self) -> bool {
        self.ask = None;
        !std::mem::replace(&mut self.was_refused, true)
    }

    /// The nodes that the cluster named last replace the earlier ones.
    pub(super) fn learn(&mut self, nodes: impl IntoIterator<Item = Endpoint>) {
        let present = self.present.checked_sub(self.configured);
        let mut learned: Vec<_> = self.candidates.drain(self.configured..).map(Some).collect();
        // The cluster may use another name for the current one; it stays as long as its connection.
        let present = present.and_then(|at| learned.get_mut(at)?.take());
        for node in nodes {
            let is_known = |candidate: &Candidate| candidate.endpoint == node;
            if self.candidates.len() == self.configured + MAX_LEARNED {
                break;
            }
            if self.candidates.iter().chain(&present).any(is_known) {
                continue;
            }
            let known = learned.iter_mut().find(|candidate| candidate.as_ref().is_some_and(is_known));
            self.candidates.push(known.and_then(Option::take).unwrap_or_else(|| Candidate::new(node)));
        }
        if let Some(present) = present {
            self.present = self.candidates.len();
            self.candidates.push(present);
        }
    }
}

#[cfg(test)]
mod tests;
