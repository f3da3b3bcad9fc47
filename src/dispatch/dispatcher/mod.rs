//! Chooses the next callback.

mod events;
mod fetch;
mod lines;
mod read;
mod step;

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use super::callbacks::Walk;
use super::client::Client;
use super::parked::Message;
use super::{EventKind, Slab};
use crate::model::{ClientSlot, Clients, Error, Event, SessionId, SubscriptionSlot, Value};
use crate::queue::Signal;
use lines::Lines;
use read::{Documents, LongDocument};
pub use step::{Reference, Step};

/// All clients of one Lua state, and the order in which their callbacks run.
///
/// [`Dispatcher::step`] returns the callback and its arguments.
#[derive(Debug)]
pub struct Dispatcher<R, D> {
    clients: Slab<Clients, Client<R, D>>,
    // In order of creation.
    order: Vec<ClientSlot>,
    signal: Signal,
    // Something may wait although the signal was cleared.
    waiting: bool,
    turn: Turn,
    // Tasks that come before the next item.
    tasks: VecDeque<Task>,
    walk: Option<(ClientSlot, List, Walk)>,
    message: Message,
    content: Box<Content<R>>,
    // The client and the callback for which the long document of the content is read.
    long: Option<LongDocument>,
    // Something other than messages is being delivered or waits: messages check only this one flag.
    unusual: bool,
    lines: Lines,
}

/// Whose turn it is.
#[derive(Debug, Default)]
struct Turn {
    // Position in the order of clients.
    client: usize,
    source: usize,
    // Items since the turn began.
    taken: u32,
    // How many clients in a row had nothing.
    empty: usize,
}

/// Something to be done before the next item is taken.
#[derive(Debug, PartialEq)]
enum Task {
    /// Passes an event of a session to its listeners.
    Tell { client: ClientSlot, session: SessionId, event: Box<Event> },
    /// A session reported its end.
    End { client: ClientSlot, session: SessionId },
    /// Answers the requests that such a session left unanswered, one after the other.
    GiveUp { client: ClientSlot },
    /// Calls a listener that was added to a client that was ready already.
    Notify { client: ClientSlot, serial: u64 },
}

/// The memory that a step points to. Only the next step changes it, so the embedding code may read it while other
/// code calls the dispatcher.
#[derive(Debug)]
struct Content<R> {
    // The callback stays while it is called.
    answer: Option<(R, Result<Value, Error>)>,
    event: Option<Event>,
    line: String,
    documents: Documents,
}

#[derive(Debug, Clone, Copy)]
enum List {
    Topic(SubscriptionSlot),
    Event(EventKind),
}

impl<R, D> Dispatcher<R, D> {
    /// No clients yet. `signal` is the one that the queues of all clients raise.
    pub fn new(signal: Signal) -> Self {
        Self {
            clients: Slab::default(),
            order: Vec::new(),
            signal,
            waiting: false,
            turn: Turn::default(),
            tasks: VecDeque::new(),
            walk: None,
            message: Message::default(),
            content: Box::new(Content {
                answer: None,
                event: None,
                line: String::new(),
                documents: Documents::default(),
            }),
            long: None,
            unusual: false,
            lines: Lines::default(),
        }
    }

    /// Whether there may be something to do. Costs one load.
    pub fn has_work(&self) -> bool {
        self.waiting || self.signal.load(Ordering::Acquire)
    }

    /// Adds a client.
    pub fn insert(&mut self, client: Client<R, D>) -> ClientSlot {
        let slot = self.clients.insert(client);
        self.order.push(slot);
        slot
    }

    /// A client, until its last answer was delivered.
    pub fn get(&self, slot: ClientSlot) -> Option<&Client<R, D>> {
        self.clients.get(slot)
    }

    /// A client, until its last answer was delivered.
    pub fn get_mut(&mut self, slot: ClientSlot) -> Option<&mut Client<R, D>> {
        self.clients.get_mut(slot)
    }

    /// The clients that are open, in order of creation.
    pub fn open(&self) -> impl Iterator<Item = (ClientSlot, &Client<R, D>)> {
        let clients = self.order.iter().filter_map(|&slot| Some((slot, self.clients.get(slot)?)));
        clients.filter(|(_, client)| client.open)
    }

    /// Begins a round of steps: finds everything that the signal has announced so far.
    pub fn begin(&mut self) {
        if self.signal.swap(false, Ordering::AcqRel) {
            self.waiting = true;
        }
        self.turn.empty = 0;
    }

    /// Whether the last item may still have callbacks to go to. They get it in the next step, which may come in a
    /// later round.
    pub fn is_walking(&self) -> bool {
        self.walk.is_some()
    }

    /// Gives up the item that is being delivered: the remaining callbacks do not get it. Returns whether a table was
    /// begun for them.
    pub fn abandon(&mut self) -> bool {
        self.walk = None;
        self.drop_long_unless_parked()
    }
}

impl<R: Reference, D: Reference> Dispatcher<R, D> {
    /// What to do next.
    #[inline]
    pub fn step(&mut self) -> Step<'_, R, D> {
        if self.walk.is_some() {
            if let Some(callback) = self.next_sharing() {
                return self.again_for(callback);
            }
            if let Some(is_special) = self.advance() {
                return if is_special { self.special() } else { self.again() };
            }
        }
        if self.unusual { self.step_unusual() } else { self.fetch() }
    }

    /// Takes the next step if it is a [`Step::Again`] for a callback without options, and returns that
    /// callback. Otherwise takes no step. This is the shortest way through a walk.
    #[inline]
    pub fn next_sharing(&mut self) -> Option<R::Index> {
        let (slot, list, walk) = self.walk.as_mut()?;
        if self.message.is_new {
            return None;
        }
        let client = self.clients.get(*slot)?;
        let callbacks = match list {
            List::Topic(topic) if self.message.is_out => &client.subscriptions.get(*topic)?.callbacks,
            List::Topic(_) => return None,
            List::Event(kind) => &client.listeners[*kind as usize],
        };
        callbacks.advance_to_plain(walk).map(Reference::index)
    }

    fn again_for(&self, callback: R::Index) -> Step<'_, R, D> {
        let client = self.walk.as_ref().and_then(|(slot, ..)| self.clients.get(*slot));
        client.map_or(Step::Skipped, |client| Step::Again { callback, client: client.data.index() })
    }

    /// What to do next, if something other than messages is being delivered or waits.
    #[inline(never)]
    fn step_unusual(&mut self) -> Step<'_, R, D> {
        (self.content.answer, self.content.event) = (None, None);
        while let Some(task) = self.tasks.pop_front() {
            match task {
                Task::Tell { client, session, event } => return self.tell(client, session, *event),
                Task::End { client: slot, session } => {
                    if let Some(client) = self.clients.get_mut(slot) {
                        client.end(session);
                        self.tasks.push_front(Task::GiveUp { client: slot });
                    }
                }
                Task::GiveUp { client: slot } => {
                    let leftover = |client: &mut Client<R, D>| client.leftover.pop_front();
                    if let Some(callback) = self.clients.get_mut(slot).and_then(leftover) {
                        self.tasks.push_front(Task::GiveUp { client: slot });
                        return self.give_up(slot, callback);
                    }
                    self.settle(slot);
                }
                Task::Notify { client, serial } => return self.notify(client, serial),
            }
        }
        self.unusual = false;
        self.fetch()
    }

    /// Advances the current walk to its next callback, if there is one. Returns whether that one has options other
    /// than a bound.
    fn advance(&mut self) -> Option<bool> {
        let (slot, list, mut walk) = self.walk.take()?;
        let client = self.clients.get(slot)?;
        let callbacks = match list {
            List::Topic(topic) => &client.subscriptions.get(topic)?.callbacks,
            List::Event(kind) => &client.listeners[kind as usize],
        };
        let entry = if self.message.is_new {
            self.message.is_new = false;
            callbacks.resume(&mut walk)
        } else {
            callbacks.advance(&mut walk)
        }?;
        let is_special = !entry.is_plain && callbacks.options(&walk)?.special.is_some();
        self.walk = Some((slot, list, walk));
        Some(is_special)
    }

    /// The callback that the walk is at, with the same arguments as the ones before it, unless its bound differs.
    fn again(&mut self) -> Step<'_, R, D> {
        let Some((slot, list, walk)) = &self.walk else { return Step::Skipped };
        let Some(client) = self.clients.get(*slot) else { return Step::Skipped };
        let owner = client.data.index();
        let topic = match list {
            List::Topic(topic) => client.subscriptions.get(*topic),
            List::Event(kind) => {
                return match client.listeners[*kind as usize].at(walk) {
                    Some(entry) => Step::Again { callback: entry.callback.index(), client: owner },
                    None => Step::Skipped,
                };
            }
        };
        let Some(topic) = topic else { return Step::Skipped };
        let Some(entry) = topic.callbacks.at(walk) else { return Step::Skipped };
        let Some(options) = topic.callbacks.options(walk) else { return Step::Skipped };
        let callback = entry.callback.index();
        let message = &mut self.message;
        let bytes = message.bytes;
        let is_whole = bytes <= options.max_bytes;
        if is_whole && message.is_out {
            return Step::Again { callback, client: owner };
        }
        if !is_whole && message.is_shared {
            return Step::AgainTooLarge { callback, client: owner, bytes };
        }
        let source = client.sources.get(message.source);
        let Some((channel, payload)) = source.and_then(|source| source.consumer.last_message()) else {
            return Step::Skipped;
        };
        message.is_out |= is_whole;
        let name = topic.name.index();
        match (std::mem::replace(&mut message.is_shared, true), is_whole) {
            (true, _) => Step::AgainWhole { callback, client: owner, payload },
            (false, true) => Step::Message { callback, client: owner, payload, name, channel, alone: false },
            (false, false) => Step::TooLarge { callback, client: owner, bytes, name, channel },
        }
    }

    /// Answers a request whose session ended without an answer.
    fn give_up(&mut self, slot: ClientSlot, callback: R) -> Step<'_, R, D> {
        let Some(client) = self.clients.get(slot) else { return Step::Skipped };
        let (callback, result) = self.content.answer.insert((callback, Err(Error::unanswered())));
        Step::Answer { callback: callback.index(), client: client.data.index(), result }
    }

    /// Forgets a client if that was its last session.
    fn settle(&mut self, slot: ClientSlot) {
        if self.clients.get(slot).is_some_and(|client| client.sources.is_empty()) {
            if let Some(mut client) = self.clients.remove(slot) {
                self.keep_lines(client.console.rest());
            }
            self.order.retain(|&other| other != slot);
        }
        // Positions have moved: a new round looks at every client.
        self.turn = Turn::default();
    }
}
