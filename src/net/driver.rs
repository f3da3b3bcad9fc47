//! Drives one session: passes it bytes, commands and the time, and carries out its wishes.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use mio::Token;
use mio::event::Event as Readiness;

use super::io::Io;
use super::link::{Link, Progress};
use super::resolve::Answer;
use crate::backend::{Action, LinkError, Session};
use crate::model::{Code, Command, Error, Event, LinkId, LoopCounters, SessionId, Sink, panic_text};
use crate::queue::Producer;

/// The sessions that the worker runs: one boxed session for each client.
pub type BoxedSession = Box<dyn Session>;

/// How often one link is read before the others have their turn.
const READS_PER_TURN: usize = 4;

/// One session and its links.
pub(super) struct Driver {
    id: SessionId,
    session: BoxedSession,
    producer: Producer,
    counters: LoopCounters,
    links: Vec<Link>,
    /// The session's last answer to when it must be called.
    timeout: Option<Instant>,
    /// Something happened, and a turn has to follow.
    touched: bool,
    finished: bool,
}

impl Driver {
    pub(super) fn new(id: SessionId, session: BoxedSession, producer: Producer) -> Self {
        let counters = LoopCounters::new(Arc::clone(producer.counters()));
        Self {
            id,
            session,
            producer,
            counters,
            links: Vec::new(),
            timeout: None,
            touched: true,
            finished: false,
        }
    }

    /// Whether the session has ended.
    pub(super) fn is_finished(&self) -> bool {
        self.finished
    }

    /// Whether there is something to do that no event and no timer will announce.
    pub(super) fn is_busy(&self) -> bool {
        self.touched || self.links.iter().any(Link::is_busy)
    }

    /// Whether a turn has something to do.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.is_busy() || self.waits_for_room() || self.next_timeout().is_some_and(|timeout| timeout <= now)
    }

    /// Whether the worker waits for room: the main thread wakes it once it has taken something.
    fn waits_for_room(&self) -> bool {
        self.producer.has_untold() || self.links.iter().any(Link::is_paused)
    }

    /// When a turn is due at the latest.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.links.iter().filter_map(Link::timeout).chain(self.timeout).min()
    }

    /// A command from the main thread.
    pub(super) fn command(&mut self, now: Instant, command: Command) {
        self.touched = true;
        self.session.handle_command(now, command, &mut self.producer);
    }

    /// The selector reported something about a link.
    pub(super) fn handle_event(&mut self, token: Token, readiness: &Readiness) {
        if let Some(link) = self.links.iter_mut().find(|link| link.token == token) {
            link.handle_event(readiness);
            self.touched = true;
        }
    }

    /// The resolver reported something about a link.
    pub(super) fn handle_answer(&mut self, answer: Answer, io: &mut Io, now: Instant) {
        if let Some(at) = self.links.iter().position(|link| link.token == answer.token)
            && let Err(cause) = self.links[at].handle_answer(answer, io, now)
        {
            self.lose(at, cause, io, now);
        }
    }

    /// Ends the client after its session panicked.
    pub(super) fn panicked(&mut self, panic: &(dyn Any + Send)) {
        let text = panic_text(panic);
        self.fail(format!("the client ended because of a bug in this module, please report it: {text}"));
    }

    /// Ends the client, for a reason that its session does not know.
    pub(super) fn fail(&mut self, message: String) {
        let error = Error::unsent(Code::Closed, message);
        self.producer.event(Event::Down { error, retry_in: None });
        self.finished = true;
    }

    /// Does everything that can be done now.
    pub(super) fn turn(&mut self, io: &mut Io, now: Instant) {
        self.touched = false;
        self.carry_out(io, now);
        self.for_each_link(io, now, Self::check);
        self.for_each_link(io, now, Self::resume);
        self.for_each_link(io, now, Self::read);
        // After reading, because bytes that came while this process stood still show that the server was not silent.
        if self.timeout.is_some_and(|timeout| timeout <= now) {
            self.session.handle_timeout(now, &mut self.producer);
            self.carry_out(io, now);
        }
        self.for_each_link(io, now, Self::write);
        self.producer.flush();
        self.timeout = self.session.poll_timeout();
    }

    /// Calls `step` with the position of each link. Links may be added or removed meanwhile.
    fn for_each_link(&mut self, io: &mut Io, now: Instant, step: fn(&mut Self, usize, &mut Io, Instant)) {
        let mut at = 0;
        while let Some(token) = self.links.get(at).map(|link| link.token) {
            step(self, at, io, now);
            if self.links.get(at).is_some_and(|link| link.token == token) {
                at += 1;
            }
        }
    }

    /// Continues making a link.
    fn check(&mut self, at: usize, io: &mut Io, now: Instant) {
        match self.links[at].check(io, now) {
            Ok(None) => {}
            Ok(Some(progress)) => {
                self.touched = true;
                let id = self.links[at].id;
                match progress {
                    Progress::Connected(how) => {
                        self.session.handle_connected(id, now, how, &mut self.producer);
                    }
                    Progress::Secured(how) => {
                        self.session.handle_secured(id, now, how, &mut self.producer);
                    }
                }
                self.carry_out(io, now);
            }
            Err(cause) => self.lose(at, cause, io, now),
        }
    }

    fn lose(&mut self, at: usize, cause: LinkError, io: &mut Io, now: Instant) {
        self.touched = true;
        let link = self.links.remove(at);
        let id = link.id;
        link.close(io);
        self.session.handle_disconnected(id, now, cause, &mut self.producer);
        self.carry_out(io, now);
    }

    /// Resumes a paused link once there is room.
    fn resume(&mut self, at: usize, _: &mut Io, now: Instant) {
        let link = &mut self.links[at];
        if link.is_paused() && self.producer.has_room(self.session.room_needed(link.id)) {
            link.resume();
            self.session.handle_resumed(link.id, now);
        }
    }

    fn read(&mut self, at: usize, io: &mut Io, now: Instant) {
        let token = self.links[at].token;
        for _ in 0..READS_PER_TURN {
            let link = self.links.get_mut(at).filter(|link| link.token == token && link.can_read());
            let Some(link) = link else { return };
            let id = link.id;
            if self.producer.is_full(self.session.room_needed(id)) {
                link.pause();
                self.session.handle_paused(id);
                // The next turn finds room, or asks to be woken when there is some.
                self.touched = true;
                return;
            }
            let Some(transport) = link.transport() else { return };
            match transport.read(&mut io.buffer) {
                Ok(0) => return,
                Ok(n) => {
                    self.counters.read(n);
                    self.session.handle_input(id, now, &io.buffer[..n], &mut self.producer);
                    // The main thread can take these while more is read.
                    self.producer.flush();
                    self.carry_out(io, now);
                }
                Err(cause) => return self.lose(at, cause, io, now),
            }
        }
    }

    fn write(&mut self, at: usize, io: &mut Io, now: Instant) {
        let link = &mut self.links[at];
        let id = link.id;
        if let Some(transport) = link.transport() {
            while transport.can_write() {
                let bytes = self.session.poll_transmit(id, now);
                let written = if bytes.is_empty() { 0 } else { transport.write(bytes) };
                if written == 0 {
                    break;
                }
                self.counters.written(written);
                self.session.transmitted(id, written);
            }
        }
        self.links[at].rearm(&io.registry);
        self.carry_out(io, now);
    }

    /// Carries out the session's wishes.
    fn carry_out(&mut self, io: &mut Io, now: Instant) {
        while let Some(action) = self.session.poll_action() {
            match action {
                // The new link replaces the one with this number, if there is one.
                Action::Connect { link: id, endpoint, after, deadline } => {
                    self.close(id, io);
                    let token = io.new_token(self.id);
                    match Link::connect(id, token, endpoint, after, deadline, io, now) {
                        Ok(link) => self.links.push(link),
                        Err(cause) => {
                            io.forget_token(token);
                            self.touched = true;
                            self.session.handle_disconnected(id, now, cause, &mut self.producer);
                        }
                    }
                }
                Action::Secure { link: id, tls, name } => {
                    self.touched = true;
                    if let Some(link) = self.links.iter_mut().find(|link| link.id == id) {
                        link.begin_securing(tls, name);
                    }
                }
                Action::Close(link) => self.close(link, io),
                Action::Finish => {
                    self.finished = true;
                    self.close_all(io);
                }
            }
        }
    }

    fn close(&mut self, id: LinkId, io: &mut Io) {
        if let Some(at) = self.links.iter().position(|link| link.id == id) {
            self.links.remove(at).close(io);
        }
    }

    /// Closes all links.
    pub(super) fn close_all(&mut self, io: &mut Io) {
        for link in self.links.drain(..) {
            link.close(io);
        }
    }
}
