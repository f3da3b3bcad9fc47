//! One client on the main thread.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::callbacks::{Callbacks, Origin};
use super::console::Console;
use super::message_options::{EntryOptions, MessageOptions};
use super::parked::Parked;
use super::{EventKind, Slab};
use crate::model::{
    Code, Command, Error, Event, ReplyTo, RequestSlot, Requests, SessionId, SubscriptionSlot, Subscriptions,
    Ticket, Topic,
};
use crate::queue::Consumer;

/// The reason of a gap if a client was given other settings.
const REPLACED: &str = "the connection was replaced by one with other settings";

/// One client: its callbacks, and the sessions whose events reach them. `R` refers to a callback or a string of the
/// embedding code, `D` is that code's data about a client.
#[derive(Debug)]
pub struct Client<R, D> {
    /// The embedding code's data.
    pub data: D,
    // The last one is the current session. Those before it were replaced and deliver their remaining items.
    pub(super) sources: Vec<Source>,
    pub(super) topics: HashMap<Topic, SubscriptionSlot>,
    pub(super) subscriptions: Slab<Subscriptions, Subscription<R>>,
    pub(super) requests: Slab<Requests, ReplyCallback<R>>,
    // Callbacks of requests that a session left unanswered when it ended, in the order of the calls.
    pub(super) leftover: VecDeque<R>,
    pub(super) listeners: [Callbacks<R>; EventKind::ALL.len()],
    // The newest serial number of a callback or a request.
    pub(super) serials: u64,
    pub(super) console: Console,
    pub(super) ready: Option<Event>,
    pub(super) down: Option<Error>,
    pub(super) was_ready: bool,
    pub(super) open: bool,
    pub(super) delivered: u64,
    // The message whose table is still being made. Nothing else of the client is delivered meanwhile.
    pub(super) parked: Option<Parked>,
    // A replaced session had subscriptions, and its successor has none yet: from when messages may be missing, and
    // why.
    pub(super) loss: Option<(Instant, Error)>,
    // When the gap between the two was reported, and its reason.
    handed_over: Option<(Instant, Error)>,
}

/// A session's way to the main thread.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) session: SessionId,
    pub(super) consumer: Consumer,
    pub(super) retired: bool,
}

/// A callback that waits for the answer to its request.
#[derive(Debug)]
pub(super) struct ReplyCallback<R> {
    pub(super) callback: R,
    // Which session the request went to.
    session: SessionId,
    // Ascending in the order of the calls.
    serial: u64,
}

/// One topic's callbacks, and its name in the form that callbacks get.
#[derive(Debug)]
pub(super) struct Subscription<R> {
    pub(super) name: R,
    pub(super) callbacks: Callbacks<R>,
    // The session that reported its confirmation first.
    confirmed: Option<SessionId>,
    // The session that reported its confirmation last.
    latest: Option<SessionId>,
}

/// Waiting and delivered items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traffic {
    /// Messages that reached at least one callback.
    pub delivered: u64,
    /// Topics with callbacks.
    pub subscriptions: usize,
    /// Requests accepted and not yet answered.
    pub pending: usize,
    /// Messages that wait for the main thread.
    pub queued_events: usize,
    /// Their bytes.
    pub queued_bytes: usize,
}

impl<R, D> Client<R, D> {
    /// A client with its first session. `label` names it on the console, and contains no secret.
    pub fn new(data: D, label: String, session: SessionId, consumer: Consumer) -> Self {
        Self {
            data,
            sources: vec![Source { session, consumer, retired: false }],
            topics: HashMap::new(),
            subscriptions: Slab::default(),
            requests: Slab::default(),
            leftover: VecDeque::new(),
            listeners: Default::default(),
            serials: 0,
            console: Console::new(label),
            ready: None,
            down: None,
            was_ready: false,
            open: true,
            delivered: 0,
            parked: None,
            loss: None,
            handed_over: None,
        }
    }

    /// Whether neither the script nor the session has ended it.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// The session that commands go to, while the client is open.
    pub fn session(&self) -> Option<SessionId> {
        self.current().map(|source| source.session)
    }

    fn current(&self) -> Option<&Source> {
        self.sources.last().filter(|source| self.open && !source.retired)
    }

    /// The last `ready`, while the client is ready.
    pub fn ready(&self) -> Option<&Event> {
        self.ready.as_ref()
    }

    /// Why the client is not ready: the last `down`, until the next `ready`.
    pub fn down(&self) -> Option<&Error> {
        self.down.as_ref()
    }

    /// Adds a callback to a topic, under an identifier. Returns the command that the session needs if the topic is
    /// new. `name` is the topic's name as callbacks get it. `origin` is where it was added, if the identifier is not
    /// the script's own.
    pub fn subscribe(
        &mut self,
        topic: Topic,
        identifier: &[u8],
        callback: R,
        name: impl FnOnce() -> R,
        options: MessageOptions,
        origin: Option<Origin<R>>,
    ) -> Option<Command> {
        let options = EntryOptions::from(options);
        let known = self.topics.get(&topic).copied();
        if let Some(subscription) = known.and_then(|slot| self.subscriptions.get_mut(slot)) {
            subscription.callbacks.set(&mut self.serials, identifier, callback, options, origin);
            return None;
        }
        let mut callbacks = Callbacks::default();
        callbacks.set(&mut self.serials, identifier, callback, options, origin);
        let slot = self.subscriptions.insert(Subscription {
            name: name(),
            callbacks,
            confirmed: None,
            latest: None,
        });
        self.topics.insert(topic.clone(), slot);
        Some(Command::Subscribe { topic, slot })
    }

    /// Removes a callback from a topic, at once. Returns the command that the session needs if it was the last one.
    pub fn unsubscribe(&mut self, topic: Topic, identifier: &[u8]) -> Option<Command> {
        let slot = *self.topics.get(&topic)?;
        let subscription = self.subscriptions.get_mut(slot)?;
        subscription.callbacks.remove(identifier);
        if !subscription.callbacks.is_empty() {
            return None;
        }
        self.subscriptions.remove(slot);
        self.topics.remove(&topic);
        Some(Command::Unsubscribe(topic))
    }

    /// The callbacks of a topic, if it has any.
    pub fn subscribers(&self, topic: &Topic) -> Option<&Callbacks<R>> {
        let slot = *self.topics.get(topic)?;
        self.subscriptions.get(slot).map(|subscription| &subscription.callbacks)
    }

    /// The topics that have callbacks: how many each has, and whether the current session reported its confirmation.
    pub fn wishes(&self) -> impl Iterator<Item = (&Topic, usize, bool)> {
        let present = self.session();
        self.topics.iter().filter_map(move |(topic, &slot)| {
            let subscription = self.subscriptions.get(slot)?;
            let is_told = subscription.latest.is_some() && subscription.latest == present;
            Some((topic, subscription.callbacks.len(), is_told))
        })
    }

    /// The listeners of an event.
    pub fn listeners(&self, kind: EventKind) -> &Callbacks<R> {
        &self.listeners[kind as usize]
    }

    /// Removes a listener, at once.
    pub fn off(&mut self, kind: EventKind, identifier: &[u8]) {
        self.listeners[kind as usize].remove(identifier);
    }

    /// Reserves the place of one answer to a request of `bytes` bytes; the answer goes to `callback` if there is one.
    ///
    /// # Errors
    ///
    /// `CLOSED` and `OVERLOADED`: there will be no answer.
    pub fn ticket(&mut self, callback: Option<R>, bytes: usize) -> Result<Ticket, Error> {
        let Some(source) = self.sources.last().filter(|source| self.open && !source.retired) else {
            return Err(Error::closed());
        };
        let Some(callback) = callback else {
            return source.consumer.ticket(ReplyTo::Nobody, bytes);
        };
        self.serials += 1;
        let waiting = ReplyCallback { callback, session: source.session, serial: self.serials };
        let slot = self.requests.insert(waiting);
        source
            .consumer
            .ticket(ReplyTo::Callback(slot), bytes)
            .inspect_err(|_| drop(self.requests.remove(slot)))
    }

    /// Reserves the place of one answer for a caller that is blocked until it comes.
    ///
    /// # Errors
    ///
    /// Those of [`Client::ticket`].
    pub fn ticket_to(&self, to: ReplyTo, bytes: usize) -> Result<Ticket, Error> {
        self.current().ok_or_else(Error::closed)?.consumer.ticket(to, bytes)
    }

    /// Ends the client for its script: no message and no change of state reaches a callback from now on. Answers
    /// still do. Returns the session to disconnect, unless there is none any more.
    pub fn close(&mut self) -> Option<SessionId> {
        let session = self.session();
        self.open = false;
        (self.ready, self.down) = (None, None);
        self.parked = None;
        self.topics.clear();
        self.subscriptions = Slab::default();
        for source in &mut self.sources {
            source.retired = true;
        }
        session
    }

    /// Removes a session that has ended; if it is the current one, the client ends, too. It answers nothing from now
    /// on: its waiting callbacks will get an error.
    pub(super) fn end(&mut self, session: SessionId) {
        if self.session() == Some(session) {
            self.close();
        }
        self.sources.retain(|source| source.session != session);
        let of_session = |(slot, waiting): (RequestSlot, &ReplyCallback<R>)| {
            (waiting.session == session).then_some((waiting.serial, slot))
        };
        let mut owed: Vec<_> = self.requests.iter().filter_map(of_session).collect();
        owed.sort_unstable_by_key(|&(serial, _)| serial);
        let owed = owed.into_iter().filter_map(|(_, slot)| self.requests.remove(slot));
        self.leftover.extend(owed.map(|waiting| waiting.callback));
    }

    /// Notes that the subscriptions of a replaced session were lost, `lasted` ago.
    pub(super) fn lose(&mut self, lasted: Duration, mut error: Error) {
        if error.code == Code::Closed {
            // The session knows only that it had to disconnect.
            error.message = REPLACED.into();
        }
        let now = Instant::now();
        self.lose_since(now.checked_sub(lasted).unwrap_or(now), error);
    }

    fn lose_since(&mut self, since: Instant, error: Error) {
        match &mut self.loss {
            Some((earlier, _)) => *earlier = since.min(*earlier),
            missing => *missing = Some((since, error)),
        }
    }

    /// The gap between a replaced session and its successor, reported once.
    pub(super) fn gap(&mut self) -> Option<Event> {
        let (since, error) = self.loss.take()?;
        self.handed_over = Some((Instant::now(), error.clone()));
        Some(Event::Gap { lasted: since.elapsed(), error, topics: None })
    }

    /// Notes that a session reported the confirmation of a topic. Returns whether no session before it did.
    pub(super) fn confirm(&mut self, topic: &Topic, session: SessionId) -> bool {
        let known = self.topics.get(topic).copied();
        let Some(subscription) = known.and_then(|slot| self.subscriptions.get_mut(slot)) else { return true };
        subscription.latest = Some(session);
        *subscription.confirmed.get_or_insert(session) == session
    }

    /// The current session reports a topic that an earlier one had. If it was ready before, the server refused the
    /// topic until now: returns the gap of that topic, and the `ready` that follows.
    pub(super) fn regain(&self, topic: Topic) -> Option<(Event, Event)> {
        let (since, error) = self.handed_over.clone()?;
        let ready = self.ready.clone()?;
        Some((Event::Gap { lasted: since.elapsed(), error, topics: Some([topic].into()) }, ready))
    }

    /// The subscriptions that a session needs for this client. A new one gets them when it is opened: otherwise, if
    /// it connects quickly, it would be ready before the last subscription, and again after it.
    pub fn wanted(&self) -> Vec<Command> {
        let topics = self.topics.iter();
        topics.map(|(topic, &slot)| Command::Subscribe { topic: topic.clone(), slot }).collect()
    }

    /// Replaces the current session, which was told to disconnect before the new one was opened, and whose messages
    /// and answers still arrive.
    pub fn replace(&mut self, label: String, session: SessionId, consumer: Consumer) {
        // A topic that was refused for the current session has been silent since that session took over. The session
        // does not know that there was one before it, so its own gap does not reach back that far.
        let present = self.session();
        let was_refused = |topic: &Subscription<R>| topic.confirmed.is_some() && topic.latest != present;
        if let Some((since, error)) = self.handed_over.clone()
            && self.subscriptions.iter().any(|(_, topic)| was_refused(topic))
        {
            self.lose_since(since, error);
        }
        for source in &mut self.sources {
            source.retired = true;
        }
        self.sources.push(Source { session, consumer, retired: false });
        self.console.relabel(label);
        (self.ready, self.down) = (None, None);
        self.delivered = 0;
    }

    /// Waiting and delivered items.
    pub fn traffic(&self) -> Traffic {
        let mut traffic = Traffic {
            delivered: self.delivered,
            subscriptions: self.subscriptions.len(),
            pending: self.leftover.len(),
            queued_events: 0,
            queued_bytes: 0,
        };
        for source in &self.sources {
            let (events, bytes) = source.consumer.queued();
            traffic.pending += source.consumer.pending();
            traffic.queued_events += events;
            traffic.queued_bytes += bytes;
        }
        traffic
    }
}
