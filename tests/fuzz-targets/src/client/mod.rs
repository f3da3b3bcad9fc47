//! A client under a fuzzer: its session, whose memory is counted, the driver, and the main thread's commands. It
//! checks that the session keeps its promises whatever happens: no panic, no endless loop, one answer to each
//! request, `closed` as the last event, bounded memory that is freed at the end, no secret revealed.

mod counted;
mod encode;
mod main_thread;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use realtime::backend::{Backend, LinkError, Session, Stage, Start};
use realtime::model::{
    Command, Counters, LinkId, ReplyTo, Request, RequestKind, RequestSlot, State, SubscriptionSlot, Ticket,
    Topic,
};
use session_driver::{Driver, Peers};

pub(crate) use counted::Counted;
pub(crate) use encode::push;
pub(crate) use main_thread::{Heard, MainThread};

pub(crate) const PASSWORD: &str = "correct-horse-battery-staple";
/// The prefix of the channels of the option verify_delivery.
pub(crate) const PROBES: &[u8] = b"realtime:probe:";
/// The links that a session has at most.
pub(crate) const LINKS: usize = 2;
/// Requests under way at most: the queue refuses more, and the option `max_pending` is the same.
pub(crate) const MAX_PENDING: usize = 40;

/// A session and all that surrounds it.
pub(crate) struct Client<P> {
    pub(crate) driver: Driver<MainThread, P, Counted>,
    pub(crate) counters: Arc<Counters>,
    /// Subscriptions and requests so far.
    asked: u32,
}

impl<P: Peers> Client<P> {
    pub(crate) fn new(
        backend: &dyn Backend,
        seed: u64,
        peers: P,
        main_thread: MainThread,
        max_held: i64,
    ) -> Self {
        let now = Instant::now();
        let counters = Arc::new(Counters::default());
        let start = || Start { now, seed, counters: Arc::clone(&counters) };
        let session = Counted::new(|| backend.session(start()), max_held);
        let driver = Driver::new(Box::new(session), now, main_thread, peers);
        Self { driver, counters, asked: 0 }
    }

    /// The end of a turn.
    pub(crate) fn drive(&mut self) {
        self.driver.drive();
        if self.driver.is_finished() {
            assert!(self.driver.queue.closed, "it ends without a word");
            assert_eq!(self.counters.state(), State::Closed);
        }
    }

    /// The queue to the main thread is full, or there is room again and reading resumes.
    pub(crate) fn set_full(&mut self, full: bool) {
        self.driver.queue.full = full;
        self.driver.resume();
    }

    /// Runs a script of at most so many acts, each of which returns whether the client continues. Returns whether it
    /// did to the end.
    pub(crate) fn carry_out(
        &mut self,
        most: usize,
        mut act: impl FnMut(&mut Self) -> arbitrary::Result<bool>,
    ) -> bool {
        let mut goes_on = true;
        for _ in 0..most {
            match act(self) {
                Ok(is_open) => goes_on &= is_open,
                Err(_) => break,
            }
            self.drive();
        }
        goes_on
    }

    pub(crate) fn lost(&mut self, link: u8, cause: u8) {
        let error = io::Error::from(
            [io::ErrorKind::ConnectionReset, io::ErrorKind::TimedOut][usize::from(cause & 1)],
        );
        let cause = self.driver.session.made(|| match cause % 4 {
            0 => LinkError::Eof,
            1 => LinkError::Io(error),
            2 => LinkError::Connect { address: "127.0.0.1:6379".to_owned(), source: error },
            _ if cause & 4 != 0 => LinkError::TimedOut(
                Stage::Lookup { host: "server".to_owned(), took: Duration::from_secs(5) },
                None,
            ),
            _ => LinkError::Resolve { host: "server".to_owned(), reason: "no such name".to_owned() },
        });
        self.driver.lost(LinkId(link), cause);
    }

    /// Returns the slot of the subscription's messages.
    pub(crate) fn subscribe(&mut self, topic: &Topic) -> SubscriptionSlot {
        self.asked += 1;
        let slot = SubscriptionSlot::new(self.asked, 0);
        if !self.driver.queue.closing {
            self.driver.queue.wanted.insert(topic.clone(), slot);
        }
        self.hand_over(|| Command::Subscribe { topic: topic.clone(), slot });
        slot
    }

    pub(crate) fn unsubscribe(&mut self, topic: &Topic) {
        self.driver.queue.unwanted(topic);
        self.hand_over(|| Command::Unsubscribe(topic.clone()));
    }

    /// Asks for something. Returns the number of the request, if the queue has room for it.
    pub(crate) fn request(&mut self, time: Duration, kind: impl FnOnce() -> RequestKind) -> Option<u32> {
        if self.driver.queue.pending.len() >= MAX_PENDING {
            return None;
        }
        self.asked += 1;
        let id = self.asked;
        self.driver.queue.pending.insert(id);
        let deadline = self.driver.now + time;
        let ticket = Ticket { to: ReplyTo::Callback(RequestSlot::new(id, 0)), bytes: 0 };
        self.hand_over(move || Command::Request(Request { ticket, deadline, kind: kind() }));
        assert!(
            !self.driver.queue.closed || !self.driver.queue.pending.contains(&id),
            "what comes behind the end is answered at once"
        );
        Some(id)
    }

    pub(crate) fn disconnect(&mut self, time: Duration) {
        self.driver.queue.wanted.clear();
        self.driver.queue.closing = true;
        let deadline = self.driver.now + time;
        self.hand_over(move || Command::Disconnect { deadline });
    }

    fn hand_over(&mut self, command: impl FnOnce() -> Command) {
        let command = self.driver.session.made(command);
        self.driver.command(command);
    }

    /// Checks that it ends, with an answer to everything and with nothing left behind.
    pub(crate) fn end(mut self) {
        self.disconnect(Duration::from_secs(1));
        self.drive();
        self.driver.advance(Duration::from_millis(1100));
        self.drive();
        assert!(self.driver.is_finished(), "it does not end");
        let Driver { session, queue, .. } = self.driver;
        assert!(queue.pending.is_empty(), "unanswered: {:?}", queue.pending);
        assert_eq!(session.poll_timeout(), None, "a timer behind the end");
        session.end();
    }
}
