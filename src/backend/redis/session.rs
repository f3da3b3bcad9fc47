//! The session's face towards the event loop, and its state.
//!
//! [`Core`] is spread over this folder by concern: `connection` makes links and mourns them, `outbound` sends, `inbound`
//! understands what comes.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use resp::Decoder;

use super::address::Address;
use super::backoff::Backoff;
use super::config::Config;
use super::failure::Failure;
use super::handshake::Server;
use super::link::{Awaits, Link, Phase, Version};
use super::reply;
use super::request::{Asked, about};
use super::topics::Topics;
use super::verify::Verify;
use crate::backend::{Action, Connected, LinkError, Session, Start};
use crate::model::{Code, Command, Counters, Error, Event, LinkId, Request, Room, Sink, State};

/// The link of all commands, and under RESP3 of everything.
pub(super) const COMMANDS: usize = 0;
/// The link of the subscriptions under RESP2.
pub(super) const SUBSCRIBER: usize = 1;
pub(super) const LINKS: usize = 2;
/// A client's conversation with a Redis server.
pub(super) struct RedisSession {
    // Beside the core, since a frame borrows its decoder while the core takes it in.
    decoders: [Decoder; LINKS],
    core: Core,
}

/// All of the session but its decoders.
pub(super) struct Core {
    pub(super) config: Arc<Config>,
    /// Where the configuration came from, for errors.
    pub(super) origin: Arc<str>,
    pub(super) counters: Arc<Counters>,
    pub(super) links: [Link; LINKS],
    pub(super) actions: VecDeque<Action>,
    /// The last peer that was of no use although it could be connected to. The other addresses of its name come first.
    pub(super) failed_peer: Option<SocketAddr>,
    /// The version that is spoken, decided by the first link that comes up and for as long as one is.
    pub(super) protocol: Option<Version>,
    /// The server granted RESP3 and then spoke RESP2: it is not asked for RESP3 again.
    pub(super) resp2_alone: bool,
    pub(super) server: Server,
    pub(super) address: Address,
    /// That the server is a replica was told, and it was no master since.
    pub(super) replica_told: bool,
    /// When the server was asked that said last that it is a master, unless it was a replica since.
    pub(super) master_seen: Option<Instant>,
    pub(super) topics: Topics,
    /// SUBSCRIBEs and UNSUBSCRIBEs in flight.
    pub(super) batches: usize,
    /// The last fence's token.
    pub(super) last_token: u64,
    /// Requests accepted and not yet encoded.
    pub(super) backlog: VecDeque<Asked>,
    /// Requests accepted and not yet answered.
    pub(super) pending: usize,
    /// No request's deadline is before this.
    pub(super) due: Option<Instant>,
    pub(super) ready: bool,
    pub(super) was_ready: bool,
    /// All was well at once since the link of the subscriptions was made.
    pub(super) settled: bool,
    /// The subscriptions' link was lost, or its server ceased to serve, and no gap told of it yet.
    pub(super) loss: Option<Loss>,
    /// When the last gap of all subscriptions was told, on the present connection.
    pub(super) gap_told: Option<Instant>,
    /// A gap of some subscriptions was told, and a `ready` has to follow.
    pub(super) owes_ready: bool,
    /// Disconnect was asked for: when to end at the latest.
    pub(super) closing: Option<Instant>,
    pub(super) closed: bool,
    /// Whether messages are delivered, if that is asked.
    pub(super) verify: Option<Verify>,
}

/// A time in which messages may be missing.
#[derive(Debug)]
pub(super) struct Loss {
    /// Messages may be missing from here on.
    pub(super) since: Instant,
    pub(super) error: Error,
}

impl RedisSession {
    pub(super) fn new(config: Arc<Config>, origin: Arc<str>, start: Start) -> Self {
        let Start { now, seed, counters } = start;
        let link = |id: u8| {
            // Links that back off at the same time do so differently.
            let backoff =
                Backoff::new(seed.wrapping_add(u64::from(id)), config.reconnect_min, config.reconnect_max);
            Link::new(LinkId(id), backoff, now)
        };
        // Another sequence of random numbers than those of the links.
        let verify = config.verify_delivery.then(|| Verify::new(seed.wrapping_add(LINKS as u64), now));
        let limits = reply::limits(config.max_message_bytes);
        let decoders = [Decoder::with_limits(limits), Decoder::with_limits(limits)];
        let mut core = Core {
            links: [link(0), link(1)],
            counters,
            actions: VecDeque::new(),
            failed_peer: None,
            protocol: None,
            resp2_alone: false,
            server: Server::default(),
            address: Address::default(),
            replica_told: false,
            master_seen: None,
            topics: Topics::new(seed.wrapping_add(LINKS as u64 + 1)),
            batches: 0,
            last_token: 0,
            backlog: VecDeque::new(),
            pending: 0,
            due: None,
            ready: false,
            was_ready: false,
            settled: false,
            loss: None,
            gap_told: None,
            owes_ready: false,
            closing: None,
            closed: false,
            verify,
            config,
            origin,
        };
        core.connect(COMMANDS, now);
        core.update_state();
        Self { decoders, core }
    }

    fn index(link: LinkId) -> Option<usize> {
        Some(usize::from(link.0)).filter(|&i| i < LINKS)
    }
}

impl Session for RedisSession {
    fn handle_connected(&mut self, link: LinkId, now: Instant, how: Connected, sink: &mut dyn Sink) {
        let Some(i) = Self::index(link) else { return };
        if self.core.connected(i, now, how) {
            self.decoders[i].reset();
        }
        self.core.settle(now, sink);
    }

    fn room_needed(&self, link: LinkId) -> Room {
        let core = &self.core;
        match Self::index(link) {
            Some(i) if core.links[i].is_up() => {
                if i == core.subscriber() && !core.topics.is_empty() {
                    Room::Messages
                } else {
                    Room::Answers
                }
            }
            _ => Room::None,
        }
    }

    fn handle_input(&mut self, link: LinkId, now: Instant, bytes: &[u8], sink: &mut dyn Sink) {
        let Self { decoders, core } = self;
        let Some(i) = Self::index(link).filter(|&i| core.links[i].is_open()) else { return };
        core.links[i].hear(now, bytes);
        let mut input = bytes;
        loop {
            match decoders[i].decode(&mut input) {
                Ok(None) => break,
                Ok(Some(frame)) => core.frame(i, now, &frame, sink),
                Err(error) => core.fail(i, Failure::Decode(error), now, sink),
            }
            if !core.links[i].is_open() {
                // The rest belongs to a connection that is no more.
                decoders[i].reset();
                break;
            }
        }
        if core.links[i].is_open() {
            core.links[i].understood(now, bytes.len(), decoders[i].frame_start().is_some());
        }
        core.settle(now, sink);
    }

    fn handle_paused(&mut self, link: LinkId) {
        if let Some(i) = Self::index(link) {
            self.core.links[i].pause();
        }
    }

    fn handle_resumed(&mut self, link: LinkId, now: Instant) {
        if let Some(i) = Self::index(link) {
            self.core.links[i].resume(now);
        }
    }

    fn handle_command(&mut self, now: Instant, command: Command, sink: &mut dyn Sink) {
        let core = &mut self.core;
        let is_open = core.closing.is_none() && !core.closed;
        match command {
            Command::Subscribe { topic, slot } if is_open => core.subscribe(topic, slot, now, sink),
            Command::Unsubscribe(topic) if is_open => core.topics.unsubscribe(&topic),
            Command::Subscribe { .. } | Command::Unsubscribe(_) => {}
            Command::Request(request) if is_open => core.request(request, now, sink),
            Command::Request(request) => refuse_closed(request, now, sink),
            Command::Disconnect { deadline } => core.close(now, deadline, sink),
        }
        core.settle(now, sink);
    }

    fn handle_timeout(&mut self, now: Instant, sink: &mut dyn Sink) {
        let core = &mut self.core;
        core.expire(now, sink);
        for i in 0..LINKS {
            core.link_timeout(i, now, sink);
        }
        core.topics.ask_again(now);
        core.probe_timeout(now, sink);
        core.settle(now, sink);
    }

    fn handle_disconnected(&mut self, link: LinkId, now: Instant, cause: LinkError, sink: &mut dyn Sink) {
        let Some(i) = Self::index(link) else { return };
        let core = &mut self.core;
        if !matches!(core.links[i].phase, Phase::Idle | Phase::Waiting { .. }) {
            core.fail(i, Failure::Link(cause), now, sink);
        }
        core.settle(now, sink);
    }

    fn poll_transmit(&mut self, link: LinkId, now: Instant) -> &[u8] {
        let Some(i) = Self::index(link) else { return &[] };
        self.core.pump(i, now);
        self.core.links[i].transmit.pending()
    }

    fn transmitted(&mut self, link: LinkId, n: usize) {
        let Some(i) = Self::index(link) else { return };
        self.core.links[i].transmit.transmitted(n);
    }

    fn poll_action(&mut self) -> Option<Action> {
        self.core.actions.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let core = &self.core;
        if core.closed {
            return None;
        }
        let links = core
            .links
            .iter()
            .filter_map(|link| link.timer(core.config.ping_interval, core.config.ping_timeout));
        let requests = core.due.filter(|_| core.pending > 0);
        let refused = core.topics.again_due();
        links.chain(requests).chain(core.closing).chain(core.probe_due()).chain(refused).min()
    }
}

/// A request that comes when the client is closed.
fn refuse_closed(request: Request, now: Instant, sink: &mut dyn Sink) {
    let Asked { ticket, kind, .. } = Asked::new(request, 0, now);
    sink.answer(ticket, Err(closed(false)), about(&kind));
}

/// The error of a request that the client's end overtook.
pub(super) fn closed(sent: bool) -> Error {
    let text = "the client was disconnected before the answer came";
    if sent { Error::sent(Code::Closed, text) } else { Error::unsent(Code::Closed, text) }
}

impl Core {
    /// The link that carries the subscriptions.
    pub(super) fn subscriber(&self) -> usize {
        if self.protocol == Some(Version::Resp2) { SUBSCRIBER } else { COMMANDS }
    }

    /// Whether a link has anything to do.
    pub(super) fn is_needed(&self, i: usize) -> bool {
        i == COMMANDS || i == self.subscriber() && !self.topics.is_empty()
    }

    /// Ends each call: does what follows from what happened in it.
    fn settle(&mut self, now: Instant, sink: &mut dyn Sink) {
        if self.closed {
            return;
        }
        if let Some(deadline) = self.closing {
            let hopeless = matches!(self.links[COMMANDS].phase, Phase::Idle | Phase::Waiting { .. });
            if self.pending == 0 || hopeless || deadline <= now {
                self.finish(now, sink);
                return;
            }
        }
        if self.links[COMMANDS].is_up()
            && self.is_needed(SUBSCRIBER)
            && self.links[SUBSCRIBER].phase == Phase::Idle
        {
            self.connect(SUBSCRIBER, now);
        }
        self.check_ready(now, sink);
        self.note_refused(now, sink);
        self.update_state();
    }

    /// Tells that the client is ready, once it is.
    pub(super) fn check_ready(&mut self, now: Instant, sink: &mut dyn Sink) {
        let subscriber = self.subscriber();
        let restored = self.topics.is_restored();
        for (i, link) in self.links.iter_mut().enumerate() {
            if link.is_up() && link.unserved.is_none() && !link.proved && (i != subscriber || restored) {
                link.proved = true;
                link.backoff.good(now);
            }
        }
        let serves = |link: &Link| link.proved && link.unserved.is_none();
        let good = |i: usize| serves(&self.links[i]) || !self.is_needed(i);
        if self.closing.is_some() || self.protocol.is_none() || !good(COMMANDS) || !good(SUBSCRIBER) {
            return;
        }
        // The link of the subscriptions may be a new one though the client was ready all the time: nothing was wanted when the old
        // one was lost.
        self.settled = true;
        if self.ready {
            return;
        }
        self.tell_gaps(now, sink);
        let first = !std::mem::replace(&mut self.was_ready, true);
        self.ready = true;
        if !first {
            Counters::add(&self.counters.reconnects, 1);
        }
        self.update_state();
        self.tell_ready(first, sink);
    }

    pub(super) fn update_state(&self) {
        let waits = |i: usize| self.is_needed(i) && matches!(self.links[i].phase, Phase::Waiting { .. });
        self.counters.set_state(if self.closed {
            State::Closed
        } else if self.ready {
            State::Ready
        } else if waits(COMMANDS) || waits(SUBSCRIBER) {
            State::Waiting
        } else {
            State::Connecting
        });
    }

    /// Disconnect was asked for.
    fn close(&mut self, now: Instant, deadline: Instant, sink: &mut dyn Sink) {
        if self.topics.was_confirmed() {
            let since =
                self.loss.as_ref().map_or_else(|| self.missing_since(self.subscriber()), |loss| loss.since);
            // Nobody asks this server any more whether it was still a master, or compares the next one's role with its.
            let since = self.master_seen.map_or(since, |seen| seen.min(since));
            let lasted = now.saturating_duration_since(since);
            sink.event(Event::Gap { lasted, error: Error::closed(), topics: None });
        }
        self.closing = Some(self.closing.map_or(deadline, |earlier| earlier.min(deadline)));
        self.topics.clear();
        self.loss = None;
    }

    /// The session ends: whoever still waits is answered.
    fn finish(&mut self, now: Instant, sink: &mut dyn Sink) {
        for link in &mut self.links {
            let sent = link.transmit.sent();
            for entry in link.in_flight.drain(..) {
                if let Awaits::Request(asked) = entry.awaits {
                    asked.answer(Err(closed(entry.start < sent)), sink);
                }
            }
            link.reset(now);
            link.phase = Phase::Idle;
        }
        for asked in self.backlog.drain(..) {
            asked.answer(Err(closed(false)), sink);
        }
        self.pending = 0;
        self.ready = false;
        self.closed = true;
        self.counters.confirmed.store(0, Ordering::Relaxed);
        self.counters.set_refused(0, None);
        self.update_state();
        sink.event(Event::Closed);
        self.actions.push_back(Action::Finish);
    }
}
