//! Requests from their acceptance to their one answer.

use std::collections::VecDeque;
use std::time::Instant;

use super::delivery::Delivery;
use super::pending::PendingRequest;
use super::pipeline::Pipeline;
use crate::model::{Error, LinkId, Request, RequestKind, RequestName, Sink, Value};

/// The requests of a session: nothing else answers one.
#[derive(Debug)]
pub struct Requests {
    /// The name of a request in an error, in the backend's words.
    name: fn(&RequestKind) -> RequestName<'_>,
    /// Accepted and not yet encoded.
    backlog: VecDeque<PendingRequest>,
    /// How many are accepted and not yet answered.
    pending: usize,
    /// No request's deadline is before this.
    due: Option<Instant>,
    /// The number of the last one.
    last_number: u64,
}

impl Requests {
    /// `name` gives the backend's name for a request in an error.
    pub fn new(name: fn(&RequestKind) -> RequestName<'_>) -> Self {
        Self { name, backlog: VecDeque::new(), pending: 0, due: None, last_number: 0 }
    }

    /// Accepts a request, which is sent after all subscriptions that were requested before it.
    pub fn accept(&mut self, request: Request, partition: Option<u16>, delivery: &Delivery, now: Instant) {
        let Request { ticket, deadline, kind } = request;
        self.pending += 1;
        self.last_number += 1;
        self.note_deadline(deadline);
        let (after, number) = (delivery.last_number(), self.last_number);
        let request =
            PendingRequest { ticket, deadline, kind, after, since: now, number, partition, detour: None };
        self.backlog.push_back(request);
    }

    /// The data turns out to be on several servers: `partition` says which part of it each request in the backlog
    /// needs, or what to answer instead.
    pub fn partition(
        &mut self,
        partition: impl Fn(&RequestKind) -> Result<Option<u16>, Error>,
        sink: &mut dyn Sink,
    ) {
        for mut request in std::mem::take(&mut self.backlog) {
            match partition(&request.kind) {
                Ok(partition) => {
                    (request.partition, request.detour) = (partition, None);
                    self.backlog.push_back(request);
                }
                Err(error) => self.answer(request, Err(error), sink),
            }
        }
    }

    /// Answers a request that is not accepted.
    pub fn refuse(&self, request: Request, error: Error, sink: &mut dyn Sink) {
        let Request { ticket, kind, .. } = request;
        sink.answer(ticket, Err(error), (self.name)(&kind));
    }

    /// Whether every request is answered.
    pub fn is_empty(&self) -> bool {
        self.pending == 0
    }

    /// The requests that are not encoded.
    pub fn backlog(&self) -> impl Iterator<Item = &PendingRequest> {
        self.backlog.iter()
    }

    /// The next request to be sent. It waits until every subscription made or ended before it is confirmed or
    /// refused, so that a publish reaches a new subscription and is not counted for an ended one: on two links
    /// nothing else orders them, and on one link the parts of a refused SUBSCRIBE are tried again.
    pub fn next(&mut self, delivery: &Delivery, now: Instant) -> Option<PendingRequest> {
        self.backlog.pop_front_if(|request| !delivery.holds_back(request.after) && !request.is_over(now))
    }

    /// Passes to `send`, in order, each request that [`Requests::next`] would return. Requests that `send`
    /// gives back stay in the backlog. `holds_back` answers for the subscriptions of all links. Returns
    /// whether requests wait for subscriptions.
    pub fn send_each(
        &mut self,
        holds_back: impl Fn(u64) -> bool,
        now: Instant,
        mut send: impl FnMut(PendingRequest) -> Option<PendingRequest>,
    ) -> bool {
        let mut stay = Vec::new();
        while let Some(request) = self.backlog.pop_front_if(|it| !holds_back(it.after)) {
            stay.extend(if request.is_over(now) { Some(request) } else { send(request) });
        }
        let is_held_back = !self.backlog.is_empty();
        self.put_back(stay);
        is_held_back
    }

    /// A connection was lost: answers the requests that may have been sent with `error`. The others are sent again,
    /// before all that were made after them.
    pub fn lost<E>(&mut self, pipeline: Pipeline<E>, error: &Error, sink: &mut dyn Sink) {
        let mut unsent = Vec::new();
        for (request, sent) in pipeline.into_requests() {
            if sent {
                self.answer(request, Err(error.clone()), sink);
            } else {
                unsent.push(request);
            }
        }
        self.put_back(unsent);
    }

    /// Puts requests back before all that were made after them.
    pub fn put_back(&mut self, requests: Vec<PendingRequest>) {
        for request in requests.into_iter().rev() {
            let at = self.backlog.partition_point(|other| other.number < request.number);
            self.backlog.insert(at, request);
        }
    }

    /// Gives a request its one answer.
    pub fn answer(&mut self, request: PendingRequest, result: Result<Value, Error>, sink: &mut dyn Sink) {
        self.pending -= 1;
        sink.answer(request.ticket, result, (self.name)(&request.kind));
    }

    /// When the next request times out, or earlier.
    pub fn due(&self) -> Option<Instant> {
        self.due.filter(|_| self.pending > 0)
    }

    /// Answers each request that has timed out with its `error`, which depends on the link, if any, on which
    /// a part of the request was written. A request that was not written is taken back; otherwise its answer
    /// is still expected. `pipelines` are all that the session has. Returns whether any request timed out.
    pub fn expire<'a, E: 'a>(
        &mut self,
        now: Instant,
        pipelines: impl IntoIterator<Item = (LinkId, &'a mut Pipeline<E>)>,
        error: impl Fn(&PendingRequest, Option<LinkId>) -> Error,
        sink: &mut dyn Sink,
    ) -> bool {
        if self.due().is_none_or(|due| due > now) {
            return false;
        }
        self.due = None;
        for request in std::mem::take(&mut self.backlog) {
            if request.is_over(now) {
                let error = error(&request, None);
                self.answer(request, Err(error), sink);
            } else {
                self.note_deadline(request.deadline);
                self.backlog.push_back(request);
            }
        }
        let mut in_flight = 0;
        for (link, pipeline) in pipelines {
            pipeline.take_requests(|request, sent| {
                if let Some(request) = request.take_if(|request| request.is_over(now)) {
                    let error = error(&request, sent.then_some(link));
                    self.answer(request, Err(error), sink);
                } else if let Some(request) = request {
                    self.note_deadline(request.deadline);
                    in_flight += 1;
                }
            });
        }
        debug_assert_eq!(
            self.pending,
            self.backlog.len() + in_flight,
            "a request was dropped without an answer"
        );
        true
    }

    fn note_deadline(&mut self, deadline: Instant) {
        self.due = Some(self.due.map_or(deadline, |due| due.min(deadline)));
    }

    /// The session ends: answers all remaining requests, as [`Requests::expire`] does.
    pub fn end<E>(
        &mut self,
        pipelines: impl IntoIterator<Item = Pipeline<E>>,
        error: impl Fn(bool) -> Error,
        sink: &mut dyn Sink,
    ) {
        for pipeline in pipelines {
            self.lost(pipeline, &error(true), sink);
        }
        for request in std::mem::take(&mut self.backlog) {
            self.answer(request, Err(error(false)), sink);
        }
        debug_assert_eq!(self.pending, 0, "a request was dropped without an answer");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::{
        Args, Code, DropReason, Event, ReplyTo, RequestSlot, SubscriptionSlot, Ticket, Topic, TopicKind,
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

    fn requests() -> Requests {
        Requests::new(|_| RequestName { command: b"PUB", channel: None })
    }

    fn timeout(sent: bool) -> Error {
        Error { sent, ..Error::unsent(Code::Timeout, "too late") }
    }

    fn late(_: &PendingRequest, sent_on: Option<LinkId>) -> Error {
        timeout(sent_on.is_some())
    }

    const NOTHING_IN_FLIGHT: [(LinkId, &mut Pipeline<()>); 0] = [];

    #[test]
    fn each_is_answered_once_at_its_deadline_or_before() {
        let (now, mut answers) = (Instant::now(), Answers::default());
        let later = |seconds| now + Duration::from_secs(seconds);
        let (mut requests, delivery) = (requests(), Delivery::new(1));
        for (index, seconds) in [(1, 5), (2, 9), (3, 7)] {
            requests.accept(request(index, later(seconds)), None, &delivery, now);
        }
        assert_eq!(requests.due(), Some(later(5)));
        assert!(!requests.expire(later(4), NOTHING_IN_FLIGHT, late, &mut answers));
        assert!(requests.expire(later(5), NOTHING_IN_FLIGHT, late, &mut answers));
        assert_eq!(requests.due(), Some(later(7)), "the first is answered");
        let second = requests.next(&delivery, later(6)).unwrap();
        requests.answer(second, Ok(Value::Null), &mut answers);
        assert!(requests.next(&delivery, later(7)).is_none(), "its time is up");
        assert!(requests.expire(later(7), NOTHING_IN_FLIGHT, late, &mut answers));
        let timeout = Some("TIMEOUT".to_owned());
        assert_eq!(answers.0, [(slot(1), timeout.clone()), (slot(2), None), (slot(3), timeout)]);
        assert!(requests.is_empty() && requests.due().is_none());
    }

    #[test]
    #[cfg_attr(debug_assertions, should_panic = "a request was dropped without an answer")]
    fn a_request_that_is_lost_is_found_at_its_deadline() {
        let (now, mut answers) = (Instant::now(), Answers::default());
        let (mut requests, delivery) = (requests(), Delivery::new(1));
        requests.accept(request(1, now), None, &delivery, now);
        drop(requests.backlog.pop_front());
        requests.expire(now, NOTHING_IN_FLIGHT, late, &mut answers);
    }

    #[test]
    #[cfg_attr(debug_assertions, should_panic = "a request was dropped without an answer")]
    fn a_request_that_is_lost_is_found_at_the_end() {
        let (now, mut answers) = (Instant::now(), Answers::default());
        let (mut requests, delivery) = (requests(), Delivery::new(1));
        requests.accept(request(1, now), None, &delivery, now);
        drop(requests.next(&delivery, now - Duration::from_secs(1)));
        requests.end(None::<Pipeline<()>>, timeout, &mut answers);
    }

    #[test]
    fn requests_in_flight_are_answered_in_time_and_those_not_written_are_taken_back() {
        let (now, mut answers) = (Instant::now(), Answers::default());
        let (mut requests, delivery) = (requests(), Delivery::new(1));
        let mut pipeline = Pipeline::default();
        for (index, seconds) in [(1, 1), (2, 9), (3, 1)] {
            requests.accept(request(index, now + Duration::from_secs(seconds)), None, &delivery, now);
            let request = requests.next(&delivery, now).unwrap();
            pipeline.send_request(request, now, |_, out| out.push(b'0' + u8::try_from(index).unwrap()));
        }
        pipeline.transmitted(1);
        let later = now + Duration::from_secs(1);
        assert!(requests.expire(later, [(LinkId(0), &mut pipeline)], late, &mut answers));
        assert_eq!(pipeline.pending(), b"2");
        assert!(pipeline.front().is_some_and(|command| command.request.is_none()), "its answer will come");
        assert_eq!(requests.due(), Some(now + Duration::from_secs(9)));
        requests.lost(pipeline, &timeout(true), &mut answers);
        assert!(requests.next(&delivery, later).is_some_and(|request| request.ticket.bytes == 0));
        assert_eq!(answers.0.iter().map(|(to, _)| *to).collect::<Vec<_>>(), [slot(1), slot(3)]);
    }

    #[test]
    fn what_was_not_sent_is_sent_first_the_next_time() {
        let (now, mut answers) = (Instant::now(), Answers::default());
        let (mut requests, delivery) = (requests(), Delivery::new(1));
        for index in 1..=3 {
            requests.accept(request(index, now + Duration::from_secs(9)), None, &delivery, now);
        }
        let taken = [(); 2].map(|()| requests.next(&delivery, now).unwrap());
        requests.put_back(taken.into());
        while let Some(request) = requests.next(&delivery, now) {
            requests.answer(request, Ok(Value::Null), &mut answers);
        }
        assert_eq!(answers.0, [1, 2, 3].map(|index| (slot(index), None)));
    }

    #[test]
    fn what_is_sent_elsewhere_comes_before_what_was_made_after_it() {
        let (now, mut answers) = (Instant::now(), Answers::default());
        let (mut requests, delivery) = (requests(), Delivery::new(1));
        for index in 1..=5 {
            requests.accept(request(index, now + Duration::from_secs(9)), None, &delivery, now);
        }
        let mut taken = Vec::new();
        requests.send_each(
            |number| delivery.holds_back(number),
            now,
            |request| match request.number {
                1 | 4 => {
                    taken.push(request);
                    None
                }
                _ => Some(request),
            },
        );
        requests.put_back(vec![taken.remove(1)]);
        requests.put_back(taken);
        let mut numbers = Vec::new();
        requests.send_each(
            |number| delivery.holds_back(number),
            now,
            |request| {
                numbers.push(request.number);
                Some(request)
            },
        );
        assert_eq!(numbers, [1, 2, 3, 4, 5]);
        requests.partition(
            |kind| match kind {
                RequestKind::Publish(_) => Err(Error::closed()),
                _ => Ok(None),
            },
            &mut answers,
        );
        assert!(answers.0.len() == 5 && requests.is_empty());
    }

    #[test]
    fn a_request_waits_for_the_subscriptions_before_it() {
        let now = Instant::now();
        let (mut requests, mut delivery) = (requests(), Delivery::new(1));
        let mut answers = Answers::default();
        let deadline = now + Duration::from_secs(9);
        let topic = Topic { kind: TopicKind::Channel, name: b"chat"[..].into() };
        requests.accept(request(1, deadline), None, &delivery, now);
        delivery.subscribe(&topic, SubscriptionSlot::new(0, 0));
        requests.accept(request(2, deadline), None, &delivery, now);
        delivery.connected(now, &mut answers);
        let first = requests.next(&delivery, now).unwrap();
        assert!(requests.next(&delivery, now).is_none());
        let mut batch = delivery.next_batch().unwrap();
        assert!(batch.tick_off(batch.operation(), batch.kind(), b"chat"));
        delivery.confirm(&batch, b"chat");
        let second = requests.next(&delivery, now).unwrap();
        requests.put_back(vec![first, second]);
        requests.end(None::<Pipeline<()>>, |_| Error::unsent(Code::Closed, "closed"), &mut answers);
        assert_eq!(answers.0.len(), 2);
        assert!(requests.is_empty());
    }
}
