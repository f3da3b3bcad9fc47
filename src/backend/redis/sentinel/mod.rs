//! The watch over a master by what Sentinels say: a state machine of its own, on a link of its own.
//!
//! It asks one Sentinel after the other, until one knows the master. It subscribes to that one's announcements, asks only then for
//! the address, so that no switch falls in between, and for the other Sentinels. The link stays open. Each `ping_interval` the
//! master is asked for again, together with whether the Sentinel reaches enough others for a failover (`CKQUORUM`): one that does
//! not goes on naming the old master while the others have chosen another one. Under RESP2 a subscribed link takes no questions, so
//! there the watch subscribes to nothing and asks each second.
//!
//! An announcement is a reason to ask and nothing more. What is done about a master that is named is the session's: `watch.rs`.

mod answers;
mod conversation;
mod failure;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use failure::WatchFailure;

use super::config::{Config, Protocol};
use super::connection::{Connection, LinkRole, circumstances};
use super::endpoints::{Endpoints, Turn};
use super::failure::Failure;
use super::link::Link;
use super::protocol::Version;
use crate::backend::toolbox::{Backoff, Sign};
use crate::backend::{Action, Connected, Endpoint, LinkError, Secured, Stage};
use crate::model::{Error, LinkId};

/// The link to the Sentinel. No other link of a session has this number.
pub(super) const WATCH: LinkId = LinkId(u8::MAX);

/// Nothing is a reason to ask more often than this.
const PAUSE: Duration = Duration::from_millis(250);
/// How often a Sentinel is asked that announces nothing.
const POLL: Duration = Duration::from_secs(1);
/// So long a Sentinel may go on naming the old master after the new one was promoted: the Sentinel that promotes it looks at it
/// once a second, and tells the others within two seconds.
const LAG: Duration = Duration::from_secs(5);
/// How long the others are left alone when no Sentinel confirms its master.
const REST: Duration = Duration::from_secs(60);

/// What the watch has found out.
#[derive(Debug)]
pub(super) enum WatchNews {
    /// A Sentinel names this server as the master.
    Named(Endpoint),
    /// The one that it named last is the master, as Sentinels know it that were asked then.
    Confirmed(Instant),
    /// A Sentinel names this server as the master and no Sentinel confirms it. Why this one does not.
    Unconfirmed(Endpoint, Error),
    /// No Sentinel is of use. Why, and how long until they are asked again.
    Lost(Error, Duration),
}

/// The watch over one master.
#[derive(Debug)]
pub(super) struct SentinelWatch {
    /// That of the links to Sentinels: their addresses, their login.
    config: Arc<Config>,
    /// That of the links to the master.
    servers: Arc<Config>,
    /// The name that the Sentinels have for it.
    master: Box<str>,
    link: Link,
    endpoints: Endpoints,
    actions: VecDeque<Action>,
    news: VecDeque<WatchNews>,
    /// The server that was named last, and is taken for the master.
    named: Option<Endpoint>,
    /// The server that the Sentinel named, until it has said whether it reaches enough others.
    answer: Option<Endpoint>,
    /// It was named to a question that was asked after the session had lost it.
    is_fresh: bool,
    /// Whether that will hold for what is being asked.
    will_be_fresh: bool,
    /// When the master was asked for last.
    asked: Option<Instant>,
    /// When it is to be asked for again.
    due: Instant,
    /// On this connection: switches are announced on it.
    is_announced: bool,
    /// On this connection: the name is unknown, and those that are known are asked for.
    is_unknown: bool,
    /// Why the master is not confirmed at present.
    problem: Option<Error>,
    /// Until then no other Sentinel is asked instead of one that confirms nothing.
    rests: Option<Instant>,
    /// The master of the session's connection was the master for certain as of this time.
    confirmed: Option<Instant>,
    /// Which Sentinel watches, or what is wrong, is not what it was.
    is_changed: bool,
    /// The owner was told that nobody watches.
    is_told: bool,
    /// When that was.
    told: Option<Instant>,
}

impl SentinelWatch {
    /// Begins to watch, if the settings name Sentinels. `random` says which comes first, `seed` makes the jitter.
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

    /// The server that is to be connected to. `None` while no Sentinel has named one since the last was lost.
    pub(super) fn master(&self) -> Option<&Endpoint> {
        self.named.as_ref().filter(|_| self.is_fresh)
    }

    /// The Sentinel that watches at present.
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

    /// Whether it waits before it asks the Sentinels again.
    pub(super) fn is_waiting(&self) -> bool {
        self.link.is_waiting()
    }

    /// The session is connected to the master since `made`.
    pub(super) fn connected_to_master(&mut self, made: Instant) {
        self.confirmed.get_or_insert(made);
    }

    /// The server that the session is connected to was named and confirmed to a question of then.
    pub(super) fn note_confirmed(&mut self, asked: Instant) {
        let as_of = asked.checked_sub(LAG);
        self.confirmed = self.confirmed.map(|before| as_of.map_or(before, |as_of| as_of.max(before)));
    }

    /// As of when that was certain last.
    pub(super) fn confirmed(&self) -> Option<Instant> {
        self.confirmed
    }

    /// Another server is the master, or may be: as of when the old one was certain last.
    pub(super) fn take_confirmed(&mut self) -> Option<Instant> {
        self.confirmed.take()
    }

    /// The session has lost the master: it is to be named anew.
    pub(super) fn master_lost(&mut self, now: Instant) {
        (self.is_fresh, self.will_be_fresh) = (false, false);
        self.ask_soon(now);
    }

    /// What was named as the master is a replica.
    pub(super) fn is_replica(&mut self, endpoint: &Endpoint, now: Instant) {
        if self.link.is_up() && self.named.as_ref() == Some(endpoint) {
            self.fail(WatchFailure::NamesReplica(endpoint.clone()), now);
        }
    }

    /// Nobody confirms the master of a client that is ready. Returns whether its owner is to be told now: then that counts as told.
    pub(super) fn note_unwatched(&mut self, now: Instant) -> bool {
        let is_recent = self.told.is_some_and(|told| now.saturating_duration_since(told) < REST);
        let tells = !self.is_told && !is_recent;
        if tells {
            (self.is_told, self.told) = (true, Some(now));
        }
        tells
    }

    /// The master is confirmed. Returns whether the owner is to be told, because he was told before that nobody confirmed it.
    pub(super) fn note_watched(&mut self) -> bool {
        std::mem::take(&mut self.is_told)
    }

    /// The next thing that was found out.
    pub(super) fn poll_news(&mut self) -> Option<WatchNews> {
        self.news.pop_front()
    }

    /// As in [`Session`](crate::backend::Session).
    pub(super) fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Likewise.
    pub(super) fn poll_transmit(&mut self, now: Instant) -> &[u8] {
        self.ask(now);
        self.link.connection().map_or(&[], |connection| connection.pipeline.pending())
    }

    /// Likewise.
    pub(super) fn transmitted(&mut self, n: usize) {
        self.link.connection_mut().into_iter().for_each(|connection| connection.pipeline.transmitted(n));
    }

    /// Likewise.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let Some(connection) = self.link.up() else { return self.link.due() };
        let asks = connection.pipeline.is_empty().then_some(self.due);
        connection.liveness.due().into_iter().chain(asks).min()
    }

    /// Likewise.
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

    /// Likewise.
    pub(super) fn handle_connected(&mut self, now: Instant, how: Connected) {
        if self.link.connected(how, now, &self.config).is_none() {
            return;
        }
        match self.link.secure(&self.config) {
            Some(action) => self.actions.push_back(action),
            None => self.say_hello(now),
        }
    }

    /// Likewise.
    pub(super) fn handle_secured(&mut self, now: Instant, how: Secured) {
        if let Some(connection) = self.link.connection_mut() {
            connection.secure(how, now);
            self.say_hello(now);
        }
    }

    /// Likewise.
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

    /// The master is to be asked for as soon as may be.
    fn ask_soon(&mut self, now: Instant) {
        let earliest = self.asked.map_or(now, |asked| now.max(asked + PAUSE));
        self.due = self.due.min(earliest);
    }

    /// Asks for the master if it is time, and nothing else has been asked that is not answered yet.
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

    /// What it named is to be taken for the master.
    fn adopt(&mut self) -> Option<Endpoint> {
        let endpoint = self.answer.take()?;
        self.is_fresh = self.will_be_fresh;
        self.named = Some(endpoint.clone());
        Some(endpoint)
    }

    /// The Sentinel reaches enough others: what it named is the master.
    fn confirm(&mut self) {
        self.is_changed |= self.problem.is_some();
        (self.problem, self.rests) = (None, None);
        let named = self.adopt().map(WatchNews::Named);
        self.news.extend(named);
        self.news.extend(self.asked.map(WatchNews::Confirmed));
    }

    /// It does not. Another one may, and is asked; if none does, this one is as good as any.
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

    /// The link is lost, could not be made or is of no use: another Sentinel has its turn, or all of them are asked again later.
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
        match self.endpoints.failed(error, had_lasted) {
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
