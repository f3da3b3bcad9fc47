//! The watch over a master through Sentinels: a state machine on a link of its own.
//!
//! It asks one Sentinel after the other, until one knows the master. It first subscribes to the announcements
//! of that Sentinel and then asks it for the address, so that no switch is missed in between, and for the
//! other Sentinels. The link stays open. Each `ping_interval` the watch asks for the master again, and
//! whether the Sentinel reaches enough others (`CKQUORUM`): a Sentinel that reaches too few goes on naming
//! the old master after the others have chosen a new one. Under RESP2 a subscribed link takes no questions,
//! so there the watch does not subscribe and asks every second.
//!
//! An announcement is a reason to ask and nothing more. How the session reacts to a named master is in `watch.rs`.

mod answers;
mod conversation;
mod failure;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use failure::WatchFailure;

use super::config::{Config, Protocol};
use super::connection::{Connection, LinkRole, circumstances};
use super::endpoints::{Endpoints, Life, Turn};
use super::failure::Failure;
use super::link::Link;
use super::protocol::Version;
use crate::backend::toolbox::{Backoff, Sign};
use crate::backend::{Action, Connected, Endpoint, LinkError, Secured, Stage};
use crate::model::{Error, LinkId};

/// The link to the Sentinel. No other link of a session has this number.
pub(super) const WATCH: LinkId = LinkId(u8::MAX);

/// The shortest time between two questions.
const PAUSE: Duration = Duration::from_millis(250);
/// How often a Sentinel without announcements is asked.
const POLL: Duration = Duration::from_secs(1);
/// How long a Sentinel may keep naming the old master after the new one was promoted: the Sentinel that promotes it
/// looks at it once a second, and informs the others within two seconds.
const LAG: Duration = Duration::from_secs(5);
/// How long the others are left alone when no Sentinel confirms its master.
const REST: Duration = Duration::from_secs(60);

/// What the watch has found out.
#[derive(Debug)]
pub(super) enum WatchNews {
    /// A Sentinel names this server as the master.
    Named(Endpoint),
    /// The server named last is the master according to Sentinels that were asked at this time.
    Confirmed(Instant),
    /// A Sentinel names this server as the master and no Sentinel confirms it. The error says why this one does not.
    Unconfirmed(Endpoint, Error),
    /// No Sentinel can be used. Why, and how long until they are asked again.
    Lost(Error, Duration),
}

/// The watch over one master.
#[derive(Debug)]
pub(super) struct SentinelWatch {
    /// The settings of the links to Sentinels: their addresses, their login.
    config: Arc<Config>,
    /// The settings of the links to the master.
    servers: Arc<Config>,
    /// The Sentinels' name for the master.
    master: Box<str>,
    link: Link,
    endpoints: Endpoints,
    actions: VecDeque<Action>,
    news: VecDeque<WatchNews>,
    /// The server that was named last and counts as the master.
    named: Option<Endpoint>,
    /// The server that the Sentinel named, until it has said whether it reaches enough others.
    answer: Option<Endpoint>,
    /// The question that `named` answers was asked after the session had lost the server.
    is_fresh: bool,
    /// What `is_fresh` becomes with the answer to the question in flight.
    will_be_fresh: bool,
    /// When the master was last asked for.
    asked: Option<Instant>,
    /// When the next question is due.
    due: Instant,
    /// Switches are announced on this connection.
    is_announced: bool,
    /// The Sentinel of this connection does not know the name, and is asked for the names that it knows.
    is_unknown: bool,
    /// Why the master is not confirmed at present.
    problem: Option<Error>,
    /// Until this time no other Sentinel is tried in place of one that does not confirm.
    rests: Option<Instant>,
    /// The latest time at which the master of the session's connection is known to have been the master.
    confirmed: Option<Instant>,
    /// The Sentinel in use, or the problem, has changed.
    is_changed: bool,
    /// The owner was told that no Sentinel confirms the master.
    is_told: bool,
    /// When that was.
    told: Option<Instant>,
}

impl SentinelWatch {
    /// Begins to watch, if the settings name Sentinels. `random` chooses the first one, `seed` makes the jitter.
    pub(super) fn new(servers: &Arc<Config>, random: u64, seed: u64, now: Instant) -> Option<Self> {
        let sentinel = servers.sentinel.as_ref()?;
        let credentials = sentinel.credentials.clone();
        let config = Arc::new(Config { credentials, ..Config::clone(servers) });
        let backoff = Backoff::new(seed, config.reconnect_min, config.reconnect_max);
        let mut watch = Self {
            endpoints: Endpoints::new(&config, random).called("Sentinels"),
            link: Link::new(WATCH, LinkRole::Watch, backoff),
            servers: Arc::clone(servers),
            master: sentinel.master.as_str().into(),
            config,
            actions: VecDeque::new(),
            news: VecDeque::new(),
            named: None,
            answer: None,
            is_fresh: false,
            will_be_fresh: true,
            asked: None,
            due: now,
            is_announced: false,
            is_unknown: false,
            problem: None,
            rests: None,
            confirmed: None,
            is_changed: false,
            is_told: false,
            told: None,
        };
        watch.connect(now);
        Some(watch)
    }

    /// The server to connect to. `None` while no Sentinel has named one since the last was lost.
    pub(super) fn master(&self) -> Option<&Endpoint> {
        self.named.as_ref().filter(|_| self.is_fresh)
    }

    /// The Sentinel in use.
    pub(super) fn sentinel(&self) -> Option<&Endpoint> {
        self.link.endpoint().filter(|_| self.link.is_up())
    }

    /// Why the master is not confirmed at present.
    pub(super) fn problem(&self) -> Option<&Error> {
        self.problem.as_ref()
    }

    /// Whether one of these two has changed since the last call.
    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.is_changed)
    }

    /// Whether it pauses before it asks the Sentinels again.
    pub(super) fn is_waiting(&self) -> bool {
        self.link.is_waiting()
    }

    /// The session has been connected to the master since `made`.
    pub(super) fn connected_to_master(&mut self, made: Instant) {
        self.confirmed.get_or_insert(made);
    }

    /// The session's server was named and confirmed as the master, in answer to a question sent at `asked`.
    pub(super) fn note_confirmed(&mut self, asked: Instant) {
        let as_of = asked.checked_sub(LAG);
        self.confirmed = self.confirmed.map(|before| as_of.map_or(before, |as_of| as_of.max(before)));
    }

    /// When the master was last known to be the master.
    pub(super) fn confirmed(&self) -> Option<Instant> {
        self.confirmed
    }

    /// Another server is the master, or may be: returns when the old one was last known as the master.
    pub(super) fn take_confirmed(&mut self) -> Option<Instant> {
        self.confirmed.take()
    }

    /// The session has lost the master: a Sentinel has to name it again.
    pub(super) fn master_lost(&mut self, now: Instant) {
        (self.is_fresh, self.will_be_fresh) = (false, false);
        self.ask_soon(now);
    }

    /// The server that was named as the master is a replica.
    pub(super) fn is_replica(&mut self, endpoint: &Endpoint, now: Instant) {
        if self.link.is_up() && self.named.as_ref() == Some(endpoint) {
            self.fail(WatchFailure::NamesReplica(endpoint.clone()), now);
        }
    }

    /// No Sentinel confirms the master of a client that is ready. Returns whether to tell the owner now; then it
    /// counts as told.
    pub(super) fn note_unwatched(&mut self, now: Instant) -> bool {
        let is_recent = self.told.is_some_and(|told| now.saturating_duration_since(told) < REST);
        let tells = !self.is_told && !is_recent;
        if tells {
            (self.is_told, self.told) = (true, Some(now));
        }
        tells
    }

    /// The master is confirmed. Returns whether to tell the owner, because the owner was told before that no Sentinel
    /// confirmed it.
    pub(super) fn note_watched(&mut self) -> bool {
        std::mem::take(&mut self.is_told)
    }

    /// The next thing that was found out.
    pub(super) fn poll_news(&mut self) -> Option<WatchNews> {
        self.news.pop_front()
    }

    /// See [`Session`](crate::backend::Session).
    pub(super) fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The same.
    pub(super) fn poll_transmit(&mut self, now: Instant) -> &[u8] {
        self.ask(now);
        self.link.connection().map_or(&[], |connection| connection.pipeline.pending())
    }

    /// The same.
    pub(super) fn transmitted(&mut self, n: usize) {
        self.link.connection_mut().into_iter().for_each(|connection| connection.pipeline.transmitted(n));
    }

    /// The same.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let Some(connection) = self.link.up() else { return self.link.due() };
        let asks = connection.pipeline.is_empty().then_some(self.due);
        connection.liveness.due().into_iter().chain(asks).min()
    }

    /// The same.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if let Some(connection) = self.link.up_mut() {
            match connection.liveness.check(now) {
                Sign::Silent(silence) => self.fail_connection(Failure::Silent(silence), now),
                Sign::Quiet => self.due = now,
                Sign::Alive | Sign::Unconfirmed(_) => {}
            }
            self.ask(now);
        } else if self.link.due().is_some_and(|due| due <= now) {
            match self.link.connection() {
                Some(connection) => {
                    let waited = now.saturating_duration_since(connection.made);
                    let slowest = connection.slowest.clone().filter(|stage: &Stage| stage.took() > waited);
                    self.fail_connection(Failure::HandshakeTimeout { waited, slowest }, now);
                }
                None => self.connect(now),
            }
        }
    }

    /// The same.
    pub(super) fn handle_connected(&mut self, now: Instant, how: Connected) {
        if self.link.connected(how, now, &self.config).is_none() {
            return;
        }
        match self.link.secure(&self.config) {
            Some(action) => self.actions.push_back(action),
            None => self.say_hello(now),
        }
    }

    /// The same.
    pub(super) fn handle_secured(&mut self, now: Instant, how: Secured) {
        if let Some(connection) = self.link.connection_mut() {
            connection.secure(how, now);
            self.say_hello(now);
        }
    }

    /// The same.
    pub(super) fn handle_disconnected(&mut self, now: Instant, cause: LinkError) {
        if self.link.is_open() || self.link.is_under_way() {
            self.fail_connection(Failure::Link(cause), now);
        }
    }

    /// Begins an attempt.
    fn connect(&mut self, now: Instant) {
        let endpoint = self.endpoints.present().clone();
        let deadline = self.endpoints.deadline(now);
        let after = self.endpoints.failed_peer(&endpoint);
        self.actions.push_back(self.link.connect(endpoint, after, deadline));
    }

    /// Asks for the master as soon as possible.
    fn ask_soon(&mut self, now: Instant) {
        let earliest = self.asked.map_or(now, |asked| now.max(asked + PAUSE));
        self.due = self.due.min(earliest);
    }

    /// Asks for the master if that is due and no question is in flight.
    fn ask(&mut self, now: Instant) {
        if self.due <= now && self.link.up().is_some_and(|connection| connection.pipeline.is_empty()) {
            self.ask_for_master(now);
        }
    }

    /// A Sentinel named the master, asked at `asked`.
    fn named(&mut self, endpoint: Endpoint, now: Instant) {
        if !self.link.is_up() {
            self.is_changed = true;
            self.link.handshaken(now);
            self.endpoints.connected();
        }
        self.link.serves(true, now);
        self.answer = Some(endpoint);
    }

    /// The server that it named counts as the master now.
    fn adopt(&mut self) -> Option<Endpoint> {
        let endpoint = self.answer.take()?;
        self.is_fresh = self.will_be_fresh;
        self.named = Some(endpoint.clone());
        Some(endpoint)
    }

    /// The Sentinel reaches enough others: the server that it named is the master.
    fn confirm(&mut self) {
        self.is_changed |= self.problem.is_some();
        (self.problem, self.rests) = (None, None);
        let named = self.adopt().map(WatchNews::Named);
        self.news.extend(named);
        self.news.extend(self.asked.map(WatchNews::Confirmed));
    }

    /// It does not reach enough others. Another Sentinel may, and is asked; if none does, this one is as good as any.
    fn unconfirmed(&mut self, error: Error, now: Instant) {
        let problem = failure::no_quorum(error.clone(), &self.config);
        self.is_changed |= self.problem.as_ref() != Some(&problem);
        self.problem = Some(problem.clone());
        if self.rests.take_if(|until| *until <= now).is_some() {
            self.endpoints.begin_round();
        }
        if self.rests.is_none() && self.endpoints.has_untried() {
            self.fail(WatchFailure::NoQuorum(error), now);
        } else {
            self.rests.get_or_insert(now + REST);
            if let Some(master) = self.adopt() {
                self.news.push_back(WatchNews::Unconfirmed(master, problem));
            }
        }
    }

    fn fail_connection(&mut self, failure: Failure, now: Instant) {
        self.fail(WatchFailure::Connection(failure), now);
    }

    /// The link was lost, could not be made or cannot be used: another Sentinel is tried, or all of them are asked
    /// again later.
    fn fail(&mut self, failure: WatchFailure, now: Instant) {
        if !failure.is_link_gone() {
            self.actions.push_back(Action::Close(WATCH));
        }
        self.is_changed = true;
        self.answer = None;
        let closed = self.link.close();
        let connection = closed.as_deref();
        let endpoint = self.endpoints.present().clone();
        let was_new = !connection.is_some_and(Connection::is_proved);
        let seen = circumstances(connection, was_new, &self.config, now);
        let peer = connection.and_then(|connection| connection.peer).or_else(|| failure.last_tried());
        if let Some(peer) = peer.filter(|_| was_new) {
            self.endpoints.peer_failed(&endpoint, peer);
        }
        let mut error = failure.into_error(&self.master, &self.config, seen);
        error.message = format!("the Sentinel {endpoint}: {}", error.message.trim_end_matches('.')).into();
        let had_lasted = self.link.lost(now);
        // Each Sentinel is asked once in a round, also if another one answered meanwhile and was soon lost.
        match self.endpoints.failed(error, Life::of(false, had_lasted)) {
            Turn::Next => self.connect(now),
            Turn::RoundOver(error) => {
                let retry_in = self.link.back_off(now);
                self.problem = Some(error.clone());
                // The next one that answers may be the only one.
                self.rests = Some(now + REST);
                self.news.push_back(WatchNews::Lost(error, retry_in));
            }
        }
    }

    /// The version of the protocol that a connection begins with.
    fn first_version(&self) -> Version {
        if self.config.protocol == Protocol::Resp2 { Version::Resp2 } else { Version::Resp3 }
    }
}
