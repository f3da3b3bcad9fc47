//! The loop of the worker thread.

use std::collections::HashMap;
use std::io::{ErrorKind, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use mio::{Events, Poll};

use super::driver::{BoxedSession, Driver};
use super::io::Io;
use super::resolve::Resolver;
use super::transport::TlsConfigs;
use super::waker::LoopWaker;
use crate::model::{Command, SessionId};
use crate::queue::{Inbox, Order};

/// How long the loop stays awake after an order, in case more follow.
const LINGER: Duration = Duration::from_micros(50);
/// How many orders are carried out before links have their turn.
const ORDERS_PER_TURN: usize = 1024;
/// How many events are taken from the selector at a time. The next call returns the rest.
const EVENTS_PER_TURN: usize = 256;

/// The state of the worker thread.
pub(super) struct EventLoop {
    poll: Poll,
    events: Events,
    inbox: Inbox<BoxedSession>,
    drivers: HashMap<SessionId, Driver>,
    io: Io,
    /// The loop stays awake until this time, because more orders may follow.
    linger: Option<Instant>,
    shutdown: Option<Instant>,
}

impl EventLoop {
    pub(super) fn new(
        poll: Poll,
        inbox: Inbox<BoxedSession>,
        waker: Arc<LoopWaker>,
        resolver: Arc<Resolver>,
        tls: Arc<TlsConfigs>,
    ) -> Result<Self> {
        let io = Io::new(poll.registry(), waker, resolver, tls)?;
        Ok(Self {
            poll,
            events: Events::with_capacity(EVENTS_PER_TURN),
            inbox,
            drivers: HashMap::new(),
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
            self.turn_drivers(now);
            if self.shutdown.is_some_and(|deadline| self.drivers.is_empty() || deadline <= now) {
                return;
            }
            if let Err(error) = self.sleep() {
                // The selector itself is broken, and with it every link.
                let message = format!("the event loop cannot go on: {error}");
                self.drivers.values_mut().for_each(|driver| driver.fail(message.clone()));
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
                    let mut driver = Driver::new(id, session, producer);
                    for command in commands {
                        guard(&mut driver, |driver| driver.command(now, command));
                    }
                    self.drivers.insert(id, driver);
                }
                Order::Command { id, command } => {
                    if let Some(driver) = self.drivers.get_mut(&id) {
                        guard(driver, |driver| driver.command(now, command));
                    }
                }
                Order::Shutdown { deadline } if self.shutdown.is_none() => {
                    self.shutdown = Some(deadline);
                    for driver in self.drivers.values_mut() {
                        guard(driver, |driver| driver.command(now, Command::Disconnect { deadline }));
                    }
                }
                Order::Shutdown { .. } => {}
            }
        }
    }

    fn take_addresses(&mut self, now: Instant) {
        while let Some(answer) = self.io.looked_up() {
            let io = &mut self.io;
            match io.owner(answer.token).and_then(|client| self.drivers.get_mut(&client)) {
                Some(driver) => guard(driver, |driver| driver.handle_answer(answer, io, now)),
                None => io.keep_late(answer, now),
            }
        }
    }

    fn turn_drivers(&mut self, now: Instant) {
        let io = &mut self.io;
        io.begin_round();
        for driver in self.drivers.values_mut() {
            if !driver.is_finished() && driver.is_due(now) {
                guard(driver, |driver| driver.turn(io, now));
            }
        }
        self.drivers.retain(|_, driver| {
            if driver.is_finished() {
                driver.close_all(io);
            }
            !driver.is_finished()
        });
    }

    /// Waits for an event or the next timer. Does not wait if there is work, or if an order came a moment
    /// ago.
    fn sleep(&mut self) -> Result<()> {
        self.events.clear();
        let busy = self.drivers.values().any(Driver::is_busy);
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
        // The clock is read after the inbox knows that we sleep, so that no timer which is due by now is missed.
        let now = Instant::now();
        let timeouts = self.drivers.values().filter_map(Driver::next_timeout).chain(self.shutdown);
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
            if let Some(driver) = client.and_then(|client| self.drivers.get_mut(&client)) {
                driver.handle_event(event.token(), event);
            }
        }
    }
}

/// Runs `work`; if it panics, that client ends and no other does.
fn guard(driver: &mut Driver, work: impl FnOnce(&mut Driver)) {
    // A client that panicked reports it, and is dropped in this turn; its session is not called again.
    if driver.is_finished() {
        return;
    }
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| work(driver))) {
        driver.panicked(&*panic);
    }
}
