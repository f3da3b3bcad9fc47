//! The loop of the worker thread.

use std::collections::HashMap;
use std::io::{ErrorKind, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use mio::{Events, Poll};

use super::client::Client;
use super::io::Io;
use super::resolve::Resolver;
use super::{BoxedSession, LoopWaker};
use crate::model::{Command, SessionId};
use crate::queue::{Inbox, Order};

/// How long the loop stays awake after an order, in case more follow.
const LINGER: Duration = Duration::from_micros(50);
/// Orders carried out before links have their turn.
const ORDERS_PER_TURN: usize = 1024;
/// News of links taken from the system at a time; the rest comes with the next look.
const EVENTS_PER_TURN: usize = 256;

/// What runs on the worker thread.
pub(super) struct EventLoop {
    poll: Poll,
    events: Events,
    inbox: Inbox<BoxedSession>,
    clients: HashMap<SessionId, Client>,
    io: Io,
    /// More orders may follow until then.
    linger: Option<Instant>,
    shutdown: Option<Instant>,
}

impl EventLoop {
    pub(super) fn new(
        poll: Poll,
        inbox: Inbox<BoxedSession>,
        waker: Arc<LoopWaker>,
        resolver: Arc<Resolver>,
    ) -> Result<Self> {
        let io = Io::new(poll.registry(), waker, resolver)?;
        Ok(Self {
            poll,
            events: Events::with_capacity(EVENTS_PER_TURN),
            inbox,
            clients: HashMap::new(),
            io,
            linger: None,
            shutdown: None,
        })
    }

    /// Serves until it is told to stop.
    pub(super) fn run(mut self) {
        loop {
            let now = Instant::now();
            self.take_orders(now);
            self.take_addresses(now);
            self.turn_clients(now);
            if self.shutdown.is_some_and(|deadline| self.clients.is_empty() || deadline <= now) {
                return;
            }
            if let Err(error) = self.sleep() {
                // The selector itself is broken, and with it every link.
                let message = format!("the event loop cannot go on: {error}");
                self.clients.values_mut().for_each(|client| client.fail(message.clone()));
                return;
            }
            self.take_readiness();
        }
    }

    fn take_orders(&mut self, now: Instant) {
        for _ in 0..ORDERS_PER_TURN {
            let Some(order) = self.inbox.pop() else { return };
            self.linger = Some(now + LINGER);
            match order {
                Order::Open { id, session, producer, commands } => {
                    let mut client = Client::new(id, session, producer);
                    for command in commands {
                        guard(&mut client, |client| client.command(now, command));
                    }
                    self.clients.insert(id, client);
                }
                Order::Command { id, command } => {
                    if let Some(client) = self.clients.get_mut(&id) {
                        guard(client, |client| client.command(now, command));
                    }
                }
                Order::Shutdown { deadline } if self.shutdown.is_none() => {
                    self.shutdown = Some(deadline);
                    for client in self.clients.values_mut() {
                        guard(client, |client| client.command(now, Command::Disconnect { deadline }));
                    }
                }
                Order::Shutdown { .. } => {}
            }
        }
    }

    fn take_addresses(&mut self, now: Instant) {
        while let Some(answer) = self.io.looked_up() {
            let io = &mut self.io;
            match io.owner(answer.token).and_then(|client| self.clients.get_mut(&client)) {
                Some(client) => guard(client, |client| client.resolved(answer, io, now)),
                None => io.keep_late(answer, now),
            }
        }
    }

    fn turn_clients(&mut self, now: Instant) {
        let io = &mut self.io;
        for client in self.clients.values_mut() {
            if !client.is_finished() && client.is_due(now) {
                guard(client, |client| client.turn(io, now));
            }
        }
        self.clients.retain(|_, client| {
            if client.is_finished() {
                client.close_all(io);
            }
            !client.is_finished()
        });
    }

    /// Waits for something to happen, or for a moment, or not at all.
    fn sleep(&mut self) -> Result<()> {
        self.events.clear();
        let busy = self.clients.values().any(Client::is_busy);
        if busy || self.linger.is_some_and(|until| Instant::now() < until) {
            let looked = self.look(Some(Duration::ZERO));
            if !busy && self.events.is_empty() {
                thread::yield_now();
            }
            return looked;
        }
        self.linger = None;
        if !self.inbox.fall_asleep() {
            return Ok(());
        }
        // The time is read after the announcement: no timer that is due by now is slept through.
        let now = Instant::now();
        let timeouts = self.clients.values().filter_map(Client::next_timeout).chain(self.shutdown);
        let patience = timeouts.min().map(|timeout| timeout.saturating_duration_since(now));
        let looked = self.look(patience);
        self.inbox.wake_up();
        looked
    }

    fn look(&mut self, patience: Option<Duration>) -> Result<()> {
        match self.poll.poll(&mut self.events, patience) {
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            looked => looked,
        }
    }

    fn take_readiness(&mut self) {
        for event in &self.events {
            let client = self.io.owner(event.token());
            if let Some(client) = client.and_then(|client| self.clients.get_mut(&client)) {
                client.ready(event.token(), event);
            }
        }
    }
}

/// Runs `work`; if it panics, that client ends and no other does.
fn guard(client: &mut Client, work: impl FnOnce(&mut Client)) {
    // A client that panicked says so, and is dropped in this turn; its session is not called again.
    if client.is_finished() {
        return;
    }
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| work(client))) {
        client.panicked(&*panic);
    }
}
