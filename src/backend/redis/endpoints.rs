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
        Self {
            candidates,
            configured,
            present,
            timeout,
            round_ends: None,
            failures: 0,
            ask: None,
            hurries: false,
        }
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

    fn begin_round(&mut self) {
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
        let mut text = format!("none of the {count} addresses can be used");
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
mod tests {
    use super::*;
    use crate::backend::Options;

    fn endpoints(url: &str) -> Endpoints {
        let options = Options { url: Some(url.to_owned()), ..Options::default() };
        Endpoints::new(&Config::new(options).unwrap(), 0)
    }

    fn node(host: &str) -> Endpoint {
        Endpoint::Tcp { host: host.to_owned(), port: 6379 }
    }

    fn error(text: &'static str) -> Error {
        Error::unsent(Code::Refused, text)
    }

    fn names(endpoints: &Endpoints) -> Vec<String> {
        endpoints.candidates.iter().map(|candidate| candidate.endpoint.to_string()).collect()
    }

    #[test]
    fn a_round_ends_when_each_was_tried_and_its_error_names_what_each_said() {
        let mut endpoints = endpoints("redis://a,b");
        assert_eq!(endpoints.failed(error("one."), false), Turn::Next);
        assert_eq!(*endpoints.present(), node("b"));
        let told = error("none of the 2 addresses can be used: one; two");
        assert_eq!(endpoints.failed(error("two."), false), Turn::RoundOver(told));
        assert_eq!(*endpoints.present(), node("a"));
        assert_eq!(endpoints.failed(error("three"), false), Turn::Next);
        // What b said in the round before counts no more.
        assert_eq!(endpoints.failed(error("four"), true), Turn::Next);
        assert_eq!(*endpoints.present(), node("a"));
    }

    #[test]
    fn what_to_do_is_said_once_and_what_has_no_room_is_counted() {
        let mut endpoints = endpoints("redis://a,b,c,d");
        let long = || Error::unsent(Code::Refused, format!("b: {}", "x".repeat(1000)));
        let (mut advised, mut last) = (error("a: no; do this").message, Turn::Next);
        for message in [advised.clone(), "b: neither; do this".into(), long().message, "d: no".into()] {
            last = endpoints.failed(Error::unsent(Code::Refused, message), false);
        }
        advised.to_mut().push_str("; b: neither; and 2 more");
        let told = Error::unsent(Code::Refused, format!("none of the 4 addresses can be used: {advised}"));
        assert_eq!(last, Turn::RoundOver(told));
    }

    #[test]
    fn the_error_of_the_only_address_is_told_as_it_is() {
        let mut endpoints = endpoints("redis://a");
        assert_eq!(endpoints.failed(error("one."), false), Turn::RoundOver(error("one.")));
        assert_eq!(endpoints.named(&node("a"), error("one")), error("one"));
    }

    #[test]
    fn an_error_names_its_address_once() {
        let endpoints = endpoints("redis://a,b");
        let named = |text| endpoints.named(&node("a"), error(text)).message;
        assert_eq!(named("lost"), "a:6379: lost");
        assert_eq!(named("cannot connect to a:6379"), "cannot connect to a:6379");
    }

    #[test]
    fn attempts_share_the_time_of_a_round_until_one_is_connected() {
        let (mut endpoints, now) = (endpoints("redis://a,b"), Instant::now());
        let second = Duration::from_secs(1);
        assert_eq!(endpoints.deadline(now), now + 5 * second / 2);
        endpoints.failed(error("one"), false);
        assert_eq!(endpoints.deadline(now + second), now + 5 * second);
        // It may have been in use for long.
        let (later, all) = (now + 100 * second, now + 105 * second);
        endpoints.connected();
        assert_eq!(endpoints.deadline(later), all, "what follows has all of it again");
        endpoints.failed(error("two"), true);
        assert_eq!(endpoints.deadline(later), all, "the one that was lost takes no share of a new round");
    }

    #[test]
    fn learned_nodes_take_the_place_of_those_before_but_for_the_present_one() {
        let mut endpoints = endpoints("redis://a,b");
        endpoints.learn(["b", "c", "d", "c"].map(node));
        assert_eq!(names(&endpoints), ["a:6379", "b:6379", "c:6379", "d:6379"]);
        let peer = ([10, 0, 0, 1], 6379).into();
        endpoints.peer_failed(&node("d"), peer);
        endpoints.failed(error("a"), false);
        endpoints.failed(error("b"), false);
        assert_eq!(*endpoints.present(), node("c"));
        endpoints.learn(["e", "d"].map(node));
        assert_eq!(names(&endpoints), ["a:6379", "b:6379", "e:6379", "d:6379", "c:6379"]);
        assert_eq!(*endpoints.present(), node("c"), "it is in use");
        assert_eq!(endpoints.failed_peer(&node("d")), Some(peer), "it was known already");
        // Both that failed did so in this round, which goes on.
        endpoints.failed(error("c"), false);
        assert_eq!(*endpoints.present(), node("e"));
        endpoints.learn(["e"].map(node));
        assert_eq!(names(&endpoints), ["a:6379", "b:6379", "e:6379"]);
        endpoints.learn((0..100).map(|n| node(&n.to_string())));
        assert_eq!(endpoints.candidates.len(), 2 + MAX_LEARNED + 1);
    }

    #[test]
    fn a_round_ends_though_other_nodes_are_named_each_time() {
        let mut endpoints = endpoints("redis://a");
        let mut names = (0..).map(|n| node(&n.to_string()));
        let mut next = |endpoints: &mut Endpoints| {
            endpoints.learn(names.by_ref().take(MAX_LEARNED));
            endpoints.failed(error("it hung up"), false) == Turn::Next
        };
        let tried = (0..100).take_while(|_| next(&mut endpoints)).count();
        assert_eq!(tried, 1 + MAX_LEARNED);
        assert!(next(&mut endpoints), "another round begins");
    }

    #[test]
    fn learned_nodes_take_no_time_away_from_the_configured_ones() {
        let (mut endpoints, now) = (endpoints("redis://a"), Instant::now());
        endpoints.learn(["b", "c", "d"].map(node));
        assert_eq!(endpoints.deadline(now), now + Duration::from_secs(5));
    }

    #[test]
    fn a_cluster_is_asked_for_its_nodes_now_and_then_unless_it_refuses() {
        let (mut endpoints, now) = (endpoints("redis://a"), Instant::now());
        assert!(!endpoints.asks_nodes(now));
        endpoints.is_cluster(now);
        assert!(endpoints.asks_nodes(now) && !endpoints.asks_nodes(now));
        assert!(endpoints.asks_nodes(now + ASK_AGAIN));
        let (now, soon) = (now + ASK_AGAIN, now + ASK_AGAIN + HURRY);
        assert!(endpoints.hurry(now) && endpoints.hurry(now + HURRY / 2));
        assert!(endpoints.hurried_due() == Some(soon) && endpoints.asks_nodes(soon));
        let late = soon + ASK_AGAIN / 2;
        assert!(endpoints.hurry(late) && endpoints.hurried_due() == Some(late), "at once");
        endpoints.nodes_refused();
        assert!(!endpoints.hurry(now) && endpoints.hurried_due().is_none());
        assert!(!endpoints.asks_nodes(now + 2 * ASK_AGAIN));
        endpoints.is_cluster(now);
        endpoints.connected();
        assert!(!endpoints.asks_nodes(now), "the next server may be none");
    }
}
