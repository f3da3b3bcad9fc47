//! The driver with a scripted session: the calls that it makes, and the violations that it finds.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use realtime::backend::{Action, Connected, Endpoint, LinkError, Session};
use realtime::model::{
    Command, DropReason, Error, Event, LinkId, RequestName, Room, Sink, SubscriptionSlot, Ticket, Value,
};
use session_driver::{Driver, Peers, Queue};

const FIRST: LinkId = LinkId(0);
const SECOND: LinkId = LinkId(1);

/// The session's script, and the calls that it got.
struct Script {
    actions: VecDeque<Action>,
    output: [Vec<u8>; 2],
    rooms: [Room; 2],
    /// After its next input, the second link needs this.
    then: Option<Room>,
    /// Once its output is written, it wishes for this.
    written: Option<Action>,
    timeout: Option<Instant>,
    calls: Vec<String>,
}

impl Session for Script {
    fn handle_command(&mut self, _: Instant, _: Command, _: &mut dyn Sink) {}

    fn handle_connected(&mut self, _: LinkId, _: Instant, _: Connected, _: &mut dyn Sink) {}

    fn handle_disconnected(&mut self, _: LinkId, _: Instant, _: LinkError, _: &mut dyn Sink) {}

    fn room_needed(&self, link: LinkId) -> Room {
        self.rooms[usize::from(link.0)]
    }

    fn handle_input(&mut self, link: LinkId, _: Instant, bytes: &[u8], _: &mut dyn Sink) {
        self.calls.push(format!("input {} {}", link.0, bytes.escape_ascii()));
        self.rooms[1] = self.then.take().unwrap_or(self.rooms[1]);
    }

    fn handle_paused(&mut self, link: LinkId) {
        self.calls.push(format!("paused {}", link.0));
    }

    fn handle_resumed(&mut self, link: LinkId, _: Instant) {
        self.calls.push(format!("resumed {}", link.0));
    }

    fn poll_transmit(&mut self, link: LinkId, _: Instant) -> &[u8] {
        &self.output[usize::from(link.0)]
    }

    fn transmitted(&mut self, link: LinkId, n: usize) {
        self.output[usize::from(link.0)].drain(..n);
        self.actions.extend(self.written.take());
    }

    fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.timeout
    }

    fn handle_timeout(&mut self, _: Instant, _: &mut dyn Sink) {
        self.calls.push("timeout".to_owned());
    }
}

/// A queue that is full or not.
struct Full(bool);

impl Sink for Full {
    fn message(&mut self, _: SubscriptionSlot, _: Option<&[u8]>, _: &[u8]) {}

    fn dropped(&mut self, _: u64, _: DropReason) {}

    fn answer(&mut self, _: Ticket, _: Result<Value, Error>, _: RequestName<'_>) {}

    fn event(&mut self, _: Event) {}
}

impl Queue for Full {
    fn is_full(&mut self, need: Room) -> bool {
        self.0 && need != Room::None
    }
}

/// The written bytes.
#[derive(Default)]
struct Written(Vec<u8>);

impl Peers for Written {
    fn written(&mut self, _: LinkId, _: Instant, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

fn connect(link: LinkId) -> Action {
    let endpoint = Endpoint::Tcp { host: "server".to_owned(), port: 6379 };
    Action::Connect { link, endpoint, after: None, deadline: Instant::now() }
}

/// A session with both links up.
fn driver() -> Driver<Full, Written, Script> {
    let script = Script {
        actions: [connect(FIRST), connect(SECOND)].into(),
        output: [Vec::new(), Vec::new()],
        rooms: [Room::None, Room::Messages],
        then: None,
        written: None,
        timeout: None,
        calls: Vec::new(),
    };
    let mut driver = Driver::new(Box::new(script), Instant::now(), Full(false), Written::default());
    for link in [FIRST, SECOND] {
        assert!(driver.is_wanted(link) && !driver.is_up(link));
        driver.connected(link, Connected::default());
        assert!(driver.is_up(link) && !driver.is_wanted(link));
    }
    driver
}

#[test]
fn a_full_queue_pauses_a_link_until_there_is_room() {
    let mut driver = driver();
    driver.queue.0 = true;
    driver.receive(SECOND, b"a");
    driver.receive(SECOND, b"b");
    driver.receive(FIRST, b"x");
    driver.resume();
    assert_eq!(driver.session.calls, ["paused 1", "input 0 x"]);
    driver.queue.0 = false;
    driver.resume();
    driver.receive(SECOND, b"c");
    assert_eq!(driver.session.calls[2..], ["resumed 1", "input 1 ab", "input 1 c"]);
}

#[test]
fn what_arrives_on_one_link_may_let_another_go_on() {
    let mut driver = driver();
    driver.queue.0 = true;
    driver.receive(SECOND, b"a");
    driver.session.then = Some(Room::None);
    driver.receive(FIRST, b"x");
    assert_eq!(driver.session.calls, ["paused 1", "input 0 x", "resumed 1", "input 1 a"]);
}

#[test]
fn a_link_that_was_lost_begins_anew() {
    let mut driver = driver();
    driver.queue.0 = true;
    driver.receive(SECOND, b"old");
    driver.lost(SECOND, LinkError::Eof);
    assert!(!driver.is_up(SECOND) && !driver.is_paused(SECOND));
    driver.queue.0 = false;
    driver.session.actions.push_back(connect(SECOND));
    driver.carry_out();
    driver.connected(SECOND, Connected::default());
    driver.receive(SECOND, b"new");
    assert_eq!(driver.session.calls, ["paused 1", "input 1 new"]);
}

#[test]
fn reads_bring_no_more_than_they_may() {
    let mut driver = driver();
    driver.read_bytes = 2;
    driver.receive(FIRST, b"abc");
    assert_eq!(driver.session.calls, ["input 0 ab", "input 0 c"]);
}

#[test]
fn a_socket_takes_what_it_takes_and_the_wish_that_follows_is_noted() {
    let mut driver = driver();
    driver.session.output[0] = b"abc".to_vec();
    driver.set_writable(FIRST, 2);
    driver.drive();
    assert_eq!(driver.peers.0, b"ab");
    driver.session.written = Some(Action::Close(FIRST));
    driver.set_writable(FIRST, usize::MAX);
    driver.drive();
    assert_eq!(driver.peers.0, b"abc");
    assert!(!driver.is_up(FIRST));
}

#[test]
fn the_end_closes_every_link() {
    let mut driver = driver();
    driver.session.actions.push_back(Action::Finish);
    driver.drive();
    assert!(driver.is_finished() && !driver.is_up(FIRST) && !driver.is_up(SECOND));
}

#[test]
fn time_passes_as_far_as_it_is_told() {
    let mut driver = driver();
    let began = driver.now;
    driver.session.timeout = Some(began + Duration::from_secs(2));
    driver.advance(Duration::from_secs(1));
    assert_eq!((driver.now - began, &driver.session.calls[..]), (Duration::from_secs(1), &[][..]));
}

#[test]
#[should_panic = "a timer that never rests"]
fn a_timer_that_stays_due_is_seen() {
    let mut driver = driver();
    driver.session.timeout = Some(driver.now);
    driver.advance(Duration::from_secs(1));
}

#[test]
#[should_panic = "is asked for twice"]
fn a_link_that_is_asked_for_twice_is_seen() {
    let mut driver = driver();
    driver.session.actions.push_back(connect(FIRST));
    driver.drive();
}

#[test]
#[should_panic = "is closed twice"]
fn a_link_that_is_closed_twice_is_seen() {
    let mut driver = driver();
    driver.session.actions.extend([Action::Close(FIRST), Action::Close(FIRST)]);
    driver.drive();
}

#[test]
#[should_panic = "bytes for a link that is not up"]
fn bytes_for_a_link_that_is_gone_are_seen() {
    let mut driver = driver();
    driver.lost(FIRST, LinkError::Eof);
    driver.session.output[0] = b"abc".to_vec();
    driver.drive();
}

#[test]
#[should_panic = "a wish after the end"]
fn a_wish_after_the_end_is_seen() {
    let mut driver = driver();
    driver.session.actions.extend([Action::Finish, connect(FIRST)]);
    driver.drive();
}

#[test]
#[should_panic = "wishes without end"]
fn wishes_without_end_are_seen() {
    let mut driver = driver();
    let turns = [Action::Close(FIRST), connect(FIRST)].into_iter().cycle();
    driver.session.actions.extend(turns.take(40));
    driver.drive();
}
