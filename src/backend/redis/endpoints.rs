//! Where to connect to: the addresses of the options, and those of a cluster's other nodes, each in its turn.
//!
//! The first one is chosen at random, so that clients spread. When one is of no use, or its connection is lost, the next one has its
//! turn at once. That makes a round: once each has been tried, the session waits, and the next round begins. All attempts of a
//! round together have `connect_timeout`, so an address that hangs takes its share of that alone. A connection that lasted ends
//! the round; after one that is lost soon the round goes on, so that servers that hang up in turn are tried ever more rarely.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::config::Config;
use crate::backend::Endpoint;
use crate::model::{Code, Error};

/// An attempt has so long at least, unless `connect_timeout` is shorter: a handshake over a long way, with a name to be looked up.
const LEAST_SHARE: Duration = Duration::from_secs(1);
/// Nodes that are learned at most. Any of a cluster will do.
const MAX_LEARNED: usize = 8;
/// Bytes of an error that tells what addresses said. Those beyond are counted.
const TOLD_BYTES: usize = 1024;
/// A cluster is asked for its nodes again after so long.
const ASK_AGAIN: Duration = Duration::from_secs(60);
/// And after so long if they may have changed.
const HURRY: Duration = Duration::from_secs(1);

/// The addresses of a session, and whose turn it is.
#[derive(Debug)]
pub(super) struct Endpoints {
    /// Those of the options first, in their order, then the learned ones. Never empty.
    candidates: Vec<Candidate>,
    /// What they are called where an error tells of all.
    called: &'static str,
    /// How many the options name.
    configured: usize,
    /// The position of the one that is connected to, or that is tried.
    present: usize,
    /// What one round may take.
    timeout: Duration,
    /// When the attempts of this round are to be over.
    round_ends: Option<Instant>,
    /// Attempts of this round that failed. A server that names other nodes each time would lengthen it for ever.
    failures: usize,
    /// When the cluster is to be asked for its nodes, if it is one.
    ask: Option<Instant>,
    /// They may have changed: it is asked earlier than usual.
    hurries: bool,
}

#[derive(Debug)]
struct Candidate {
    endpoint: Endpoint,
    /// The last peer of the name that was of no use although it could be connected to. The name's other addresses come first.
    failed_peer: Option<SocketAddr>,
    /// Why it was of no use in this round.
    error: Option<Error>,
}

/// What comes after an attempt that failed, or a connection that was lost.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Another address has its turn, at once.
    Next,
    /// Each was tried in this round. Why none was of use.
    RoundOver(Error),
}

impl Candidate {
    fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, failed_peer: None, error: None }
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
        }
    }

    /// The same with another word for them in errors.
    pub(super) fn called(self, called: &'static str) -> Self {
        Self { called, ..self }
    }

    /// This one alone is to be connected to from now on.
    pub(super) fn point_to(&mut self, endpoint: Endpoint) {
        if self.candidates.len() != 1 || *self.present() != endpoint {
            (self.candidates, self.configured, self.present) = (vec![Candidate::new(endpoint)], 1, 0);
            self.begin_round();
        }
    }

    /// Whether one has not had its turn in this round.
    pub(super) fn has_untried(&self) -> bool {
        let others = self.candidates.iter().enumerate().filter(|(at, _)| *at != self.present);
        others.into_iter().any(|(_, candidate)| candidate.error.is_none())
    }

    /// The one that is connected to, or that is tried.
    pub(super) fn present(&self) -> &Endpoint {
        &self.candidates[self.present].endpoint
    }

    /// Whether the owner gave several, of which some may be replicas that wait to be promoted.
    pub(super) fn are_alternatives(&self) -> bool {
        self.configured > 1
    }

    /// Whether a cluster told of the present one.
    pub(super) fn is_learned(&self) -> bool {
        self.present >= self.configured
    }

    /// When an attempt with the present one that begins now is given up: it has its share of what is left of the round.
    pub(super) fn deadline(&mut self, now: Instant) -> Instant {
        // Learned nodes take no time away from those of the options.
        let times = self.candidates.len().div_ceil(self.configured);
        let timeout = self.timeout.saturating_mul(u32::try_from(times).unwrap_or(u32::MAX));
        let ends = *self.round_ends.get_or_insert(now + timeout);
        let untried = self.candidates.iter().filter(|candidate| candidate.error.is_none()).count();
        let share = ends.saturating_duration_since(now) / u32::try_from(untried.max(1)).unwrap_or(u32::MAX);
        now + share.max(self.timeout.min(LEAST_SHARE))
    }

    /// The peer of this endpoint's name after which its addresses are tried.
    pub(super) fn failed_peer(&self, endpoint: &Endpoint) -> Option<SocketAddr> {
        self.candidates.iter().find(|candidate| candidate.endpoint == *endpoint)?.failed_peer
    }

    /// A peer of this endpoint's name was of no use.
    pub(super) fn peer_failed(&mut self, endpoint: &Endpoint, peer: SocketAddr) {
        if let Some(candidate) = self.candidates.iter_mut().find(|candidate| candidate.endpoint == *endpoint)
        {
            candidate.failed_peer = Some(peer);
        }
    }

    /// The present one let us in. The attempts that may follow in this round have all of the time again.
    pub(super) fn connected(&mut self) {
        self.round_ends = None;
        (self.ask, self.hurries) = (None, false);
    }

    /// An error about an endpoint, which names it if there are several.
    pub(super) fn named(&self, endpoint: &Endpoint, mut error: Error) -> Error {
        let name = endpoint.to_string();
        if self.candidates.len() > 1 && !error.message.contains(&name) {
            error.message = format!("{name}: {}", error.message).into();
        }
        error
    }

    /// The present one is of no use, or its connection is lost, which had lasted or not.
    pub(super) fn failed(&mut self, error: Error, had_lasted: bool) -> Turn {
        if had_lasted {
            self.begin_round();
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

    /// All have their turn again.
    pub(super) fn begin_round(&mut self) {
        self.candidates.iter_mut().for_each(|candidate| candidate.error = None);
        (self.round_ends, self.failures) = (None, 0);
    }

    /// What all addresses said. In the order of the options, so that it is the same text while nothing changes.
    fn told(&self) -> Error {
        let errors = || self.candidates.iter().filter_map(|candidate| candidate.error.as_ref());
        // Who answers says more of the settings than who does not.
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
            // What to do about it is said once.
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

    /// The server that let us in is a node of a cluster: it is asked for the others.
    pub(super) fn is_cluster(&mut self, now: Instant) {
        self.ask = Some(now);
    }

    /// Whether the server is a node of a cluster and tells of the others.
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

    /// The cluster may have changed: it is asked soon. Returns whether it tells.
    pub(super) fn hurry(&mut self, now: Instant) -> bool {
        let Some(ask) = &mut self.ask else { return false };
        if !std::mem::replace(&mut self.hurries, true) {
            *ask = ask.checked_sub(ASK_AGAIN - HURRY).map_or(now, |soon| soon.max(now)).min(*ask);
        }
        true
    }

    /// When the cluster is to be asked because it may have changed.
    pub(super) fn hurried_due(&self) -> Option<Instant> {
        self.ask.filter(|_| self.hurries)
    }

    /// The server refuses to tell of nodes: it is asked no more on this connection.
    pub(super) fn nodes_refused(&mut self) {
        self.ask = None;
    }

    /// The nodes of the cluster as it told them last take the place of those before.
    pub(super) fn learn(&mut self, nodes: impl IntoIterator<Item = Endpoint>) {
        let present = self.present.checked_sub(self.configured);
        let mut learned: Vec<_> = self.candidates.drain(self.configured..).map(Some).collect();
        // It may be known by another name now; it stays as long as its connection.
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
