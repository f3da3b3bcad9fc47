//! Requests from their acceptance to their one answer.

use std::collections::VecDeque;
use std::time::Instant;

use super::delivery::Delivery;
use super::pipeline::Cut;
use crate::model::{Error, Request, RequestKind, RequestName, Sink, Ticket, Value};

/// A request that has no answer yet. It moves by value, from the backlog into a link's pipeline and perhaps back, and ends
/// with [`Requests::answer`] alone.
#[derive(Debug)]
pub struct PendingRequest {
    ticket: Ticket,
    deadline: Instant,
    kind: RequestKind,
    /// Number of the last Subscribe before it.
    after: u64,
    /// When it was encoded.
    since: Instant,
}

impl PendingRequest {
    /// What is asked.
    pub fn kind(&self) -> &RequestKind {
        &self.kind
    }

    /// Whether its time is up.
    pub fn is_over(&self, now: Instant) -> bool {
        self.deadline <= now
    }

    /// When it was encoded.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// It is encoded now: its answer is awaited.
    pub fn encoded(&mut self, now: Instant) {
        self.since = now;
    }
}

/// The requests of a session: nothing else answers one.
#[derive(Debug, Default)]
pub struct Requests {
    /// Accepted and not yet encoded.
    backlog: VecDeque<PendingRequest>,
    /// How many are accepted and not yet answered.
    pending: usize,
    /// No request's deadline is before this.
    due: Option<Instant>,
}

impl Requests {
    /// Accepts a request, which is sent after all that the server was asked to deliver before it.
    pub fn accept(&mut self, request: Request, delivery: &Delivery, now: Instant) {
        let Request { ticket, deadline, kind } = request;
        self.pending += 1;
        self.note_deadline(deadline);
        let after = delivery.last_number();
        self.backlog.push_back(PendingRequest { ticket, deadline, kind, after, since: now });
    }

    /// Answers a request that is not accepted.
    pub fn refuse(request: Request, error: Error, sink: &mut dyn Sink) {
        let Request { ticket, kind, .. } = request;
        sink.answer(ticket, Err(error), about(&kind));
    }

    /// Whether every request is answered.
    pub fn is_empty(&self) -> bool {
        self.pending == 0
    }

    /// Those that are not encoded.
    pub fn backlog(&self) -> impl Iterator<Item = &PendingRequest> {
        self.backlog.iter()
    }

    /// The next request to be sent. It waits for every subscription made or ended before it to be confirmed or refused, so
    /// that a publish reaches the one and is not counted for the other: on two links nothing else orders them, and on one
    /// the parts of a refused SUBSCRIBE are tried again.
    pub fn next(&mut self, delivery: &Delivery, now: Instant) -> Option<PendingRequest> {
        self.backlog.pop_front_if(|request| !delivery.holds_back(request.after) && !request.is_over(now))
    }

    /// A connection is lost: answers those that may have been sent with `error`. The others are sent again, before all in the
    /// backlog.
    pub fn lost(&mut self, cut: Cut<impl Into<Option<PendingRequest>>>, error: &Error, sink: &mut dyn Sink) {
        for request in cut.maybe_sent.into_iter().filter_map(Into::into) {
            self.answer(request, Err(error.clone()), sink);
        }
        self.put_back(cut.unsent.into_iter().filter_map(Into::into).collect());
    }

    /// These come before all others again, in their order.
    pub fn put_back(&mut self, requests: Vec<PendingRequest>) {
        for request in requests.into_iter().rev() {
            self.backlog.push_front(request);
        }
    }

    /// Gives a request its one answer.
    pub fn answer(&mut self, request: PendingRequest, result: Result<Value, Error>, sink: &mut dyn Sink) {
        self.pending -= 1;
        sink.answer(request.ticket, result, about(&request.kind));
    }

    /// When the next request's time is up, or earlier.
    pub fn due(&self) -> Option<Instant> {
        self.due.filter(|_| self.pending > 0)
    }

    /// Answers those of the backlog whose time is up. If it returns true, the deadlines of those in flight are to be
    /// looked at, too: each whose time is not up has to be [noted](Requests::note_deadline_of).
    pub fn expire(&mut self, now: Instant, error: impl Fn() -> Error, sink: &mut dyn Sink) -> bool {
        if self.due().is_none_or(|due| due > now) {
            return false;
        }
        self.due = None;
        for _ in 0..self.backlog.len() {
            match self.backlog.pop_front() {
                Some(request) if request.is_over(now) => self.answer(request, Err(error()), sink),
                Some(request) => {
                    self.note_deadline(request.deadline);
                    self.backlog.push_back(request);
                }
                None => {}
            }
        }
        true
    }

    /// A request in flight has time left.
    pub fn note_deadline_of(&mut self, request: &PendingRequest) {
        self.note_deadline(request.deadline);
    }

    fn note_deadline(&mut self, deadline: Instant) {
        self.due = Some(self.due.map_or(deadline, |due| due.min(deadline)));
    }

    /// Answers the whole backlog.
    pub fn fail_backlog(&mut self, error: &Error, sink: &mut dyn Sink) {
        for request in std::mem::take(&mut self.backlog) {
            self.answer(request, Err(error.clone()), sink);
        }
    }
}

/// What an error may say of a request.
fn about(kind: &RequestKind) -> RequestName<'_> {
    match kind {
        RequestKind::Publish(args) => RequestName { command: b"PUBLISH", channel: args.get(0) },
        RequestKind::Command(args) => RequestName { command: args.get(0).unwrap_or_default(), channel: None },
        RequestKind::Transaction(_) => RequestName { command: b"MULTI", channel: None },
        RequestKind::Ping => RequestName { command: b"PING", channel: None },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::{
        Args, Code, DropReason, Event, ReplyTo, RequestSlot, SubscriptionSlot, Topic, TopicKind,
    };

    /// The answers: whose they are, and their codes.
    #[derive(Default)]
    struct Answers(Vec<(RequestSlot, Option<String>)>);

    impl Sink for Answers {
        fn message(&mut self, _: SubscriptionSlot, _: Option<&[u8]>, _: &[u8]) {}
        fn dropped(&mut self, _: u64, _: DropReason) {}
        fn event(&mut self, _: Event) {}
        fn answer(&mut self, ticket: Ticket, result: Result<Value, Error>, _: RequestName<'_>) {
            let ReplyTo::Callback(slot) = ticket.to else { unreachable!() };
            self.0.push((slot, result.err().map(|error| error.code.to_string())));
        }
    }

    fn slot(index: u32) -> RequestSlot {
        RequestSlot::new(index, 0)
    }

    fn request(index: u32, deadline: Instant) -> Request {
        let to = ReplyTo::Callback(slot(index));
        let kind = RequestKind::Publish(["chat", "hello"].iter().collect::<Args>());
        Request { ticket: Ticket { to, bytes: 0 }, deadline, kind }
    }

    fn timeout() -> Error {
        Error::unsent(Code::Timeout, "too late")
    }

    #[test]
    fn each_is_answered_once_at_its_deadline_or_before() {
        let (now, mut answers) = (Instant::now(), Answers::default());
        let later = |seconds| now + Duration::from_secs(seconds);
        let (mut requests, delivery) = (Requests::default(), Delivery::new(1));
        for (index, seconds) in [(1, 5), (2, 9), (3, 7)] {
            requests.accept(request(index, later(seconds)), &delivery, now);
        }
        assert_eq!(requests.due(), Some(later(5)));
        assert!(!requests.expire(later(4), timeout, &mut answers));
        assert!(requests.expire(later(5), timeout, &mut answers));
        assert_eq!(requests.due(), Some(later(7)), "the first is answered");
        let second = requests.next(&delivery, later(6)).unwrap();
        requests.answer(second, Ok(Value::Null), &mut answers);
        assert!(requests.next(&delivery, later(7)).is_none(), "its time is up");
        assert!(requests.expire(later(7), timeout, &mut answers));
        let timeout = Some("TIMEOUT".to_owned());
        assert_eq!(answers.0, [(slot(1), timeout.clone()), (slot(2), None), (slot(3), timeout)]);
        assert!(requests.is_empty() && requests.due().is_none());
    }

    #[test]
    fn what_was_not_sent_is_sent_first_the_next_time() {
        let (now, mut answers) = (Instant::now(), Answers::default());
        let (mut requests, delivery) = (Requests::default(), Delivery::new(1));
        for index in 1..=3 {
            requests.accept(request(index, now + Duration::from_secs(9)), &delivery, now);
        }
        let taken = [(); 2].map(|()| requests.next(&delivery, now).unwrap());
        requests.put_back(taken.into());
        while let Some(request) = requests.next(&delivery, now) {
            requests.answer(request, Ok(Value::Null), &mut answers);
        }
        assert_eq!(answers.0, [1, 2, 3].map(|index| (slot(index), None)));
    }

    #[test]
    fn a_request_waits_for_the_subscriptions_before_it() {
        let now = Instant::now();
        let (mut requests, mut delivery) = (Requests::default(), Delivery::new(1));
        let mut answers = Answers::default();
        let deadline = now + Duration::from_secs(9);
        let topic = Topic { kind: TopicKind::Channel, name: b"chat"[..].into() };
        requests.accept(request(1, deadline), &delivery, now);
        delivery.subscribe(&topic, SubscriptionSlot::new(0, 0));
        requests.accept(request(2, deadline), &delivery, now);
        delivery.connected(now, &mut answers);
        let first = requests.next(&delivery, now).unwrap();
        assert!(requests.next(&delivery, now).is_none());
        let mut batch = delivery.next_batch().unwrap();
        assert!(batch.tick_off(batch.operation(), batch.kind(), b"chat"));
        delivery.confirm(&batch, b"chat");
        let second = requests.next(&delivery, now).unwrap();
        requests.put_back(vec![first, second]);
        requests.fail_backlog(&Error::unsent(Code::Closed, "closed"), &mut answers);
        assert_eq!(answers.0.len(), 2);
        assert!(requests.is_empty());
    }
}
