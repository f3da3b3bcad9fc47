//! Whether the server serves data: it may let clients in and answer `LOADING` or `MASTERDOWN` to most commands.
//!
//! A new connection is not ready before the server serves. A replica may also cease to serve while clients are connected: it
//! synchronizes with its master anew, or has lost it. Then it hears nothing that is published on its master, and what it
//! missed does not come later. So a server that is no master is asked with the question for its role, and any server after
//! it answered a command like this.

use std::time::Instant;

use super::handshake::{self, ASK_AGAIN};
use super::link::{Awaits, Link, Unserved};
use super::session::{COMMANDS, Core, Loss};
use crate::model::{Error, Event, Sink, Value};

impl Link {
    /// Asks whether the server serves, unless that is under way.
    pub(super) fn ask_serving(&mut self) {
        if !std::mem::replace(&mut self.serving_in_flight, true) {
            self.send(Awaits::Serving, &[b"PING"]);
        }
    }
}

/// Whether an error says that the server has no data to serve.
pub(super) fn is_unserved(error: &Error) -> bool {
    matches!(error.code.as_str(), "LOADING" | "MASTERDOWN")
}

impl Core {
    /// Tells why the server does not serve, if it does not.
    pub(super) fn tell_unserved(&self, i: usize, sink: &mut dyn Sink) {
        if let Some(Unserved { error, .. }) = &self.links[i].unserved {
            sink.event(Event::Down { error: error.clone(), retry_in: Some(ASK_AGAIN) });
        }
    }

    /// The server does not serve: what is published meanwhile may be missing on a link that has subscriptions.
    pub(super) fn lose_service(&mut self, i: usize, error: Error) {
        // Before that, the `ready` to come is about all that was missed.
        if self.settled && self.loss.is_none() && self.topics.was_confirmed() {
            let served = self.links[i].served;
            let since = self.gap_told.map_or(served, |told| told.max(served));
            self.loss = Some(Loss { since, error });
        }
    }

    /// A command was answered: a server that has no data for it is asked whether that holds for all. Where the subscriptions
    /// have a link of their own, that one alone may say so, while there is no other.
    pub(super) fn watch_for_unserved(&mut self, i: usize, reply: &Result<Value, Error>) {
        let link = &mut self.links[i];
        let Err(error) = reply else { return };
        if !is_unserved(error) || !link.is_up() {
            return;
        }
        if i == COMMANDS && link.unserved.is_none() {
            link.ask_serving();
        } else if i != COMMANDS && !self.ready {
            self.lose_service(i, error.clone());
        }
    }

    /// The server was asked whether it serves.
    pub(super) fn serving_answered(
        &mut self,
        i: usize,
        reply: Result<Value, Error>,
        now: Instant,
        sink: &mut dyn Sink,
    ) {
        let link = &mut self.links[i];
        link.serving_in_flight = false;
        match handshake::unserved(reply, &self.config) {
            // It did serve, and a script may keep it busy.
            Err(_) if link.unserved.is_none() => {}
            Err(failure) => self.fail(i, failure, now, sink),
            Ok(None) => {
                link.unserved = None;
                link.served = now;
                self.check_ready(now, sink);
            }
            Ok(Some(error)) => {
                let unserved = Unserved { error: error.clone(), ask_at: Some(now + ASK_AGAIN) };
                let before = link.unserved.replace(unserved);
                self.lose_service(i, error);
                let code = |unserved: &Unserved| unserved.error.code.clone();
                if before.as_ref().map(code) != self.links[i].unserved.as_ref().map(code) {
                    self.ready = false;
                    self.update_state();
                    self.tell_unserved(i, sink);
                }
            }
        }
    }
}
