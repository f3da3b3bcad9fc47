//! Timers that are due after the worker stood still.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use super::{Fixture, LONG, listener, name};
use crate::backend::{Action, Connected, LinkError, Session};
use crate::model::{Command, Event, LinkId, Room, Sink, Topic, TopicKind};
use crate::queue::Order;

/// A session that blocks in a command until the test lets it continue, with a timer that is then due, and reports its
/// calls.
struct Sleeper {
    actions: VecDeque<Action>,
    go_on: Receiver<()>,
    due: Option<Instant>,
    told: Sender<&'static str>,
}

impl Session for Sleeper {
    fn handle_connected(&mut self, _: LinkId, _: Instant, _: Connected, _: &mut dyn Sink) {
        self.told.send("connected").expect("a test that listens");
    }

    fn room_needed(&self, _: LinkId) -> Room {
        Room::None
    }

    fn handle_input(&mut self, _: LinkId, _: Instant, _: &[u8], _: &mut dyn Sink) {
        self.told.send("input").expect("a test that listens");
    }

    fn handle_paused(&mut self, _: LinkId) {}

    fn handle_resumed(&mut self, _: LinkId, _: Instant) {}

    fn handle_command(&mut self, now: Instant, command: Command, sink: &mut dyn Sink) {
        if let Command::Disconnect { .. } = command {
            sink.event(Event::Closed);
            self.actions.push_back(Action::Finish);
        } else {
            self.go_on.recv_timeout(LONG).expect("a test that goes on");
            self.due = Some(now);
        }
    }

    fn handle_timeout(&mut self, now: Instant, _: &mut dyn Sink) {
        if self.due.take_if(|due| *due <= now).is_some() {
            self.told.send("timeout").expect("a test that listens");
        }
    }

    fn handle_disconnected(&mut self, _: LinkId, _: Instant, _: LinkError, _: &mut dyn Sink) {}

    fn poll_transmit(&mut self, _: LinkId, _: Instant) -> &[u8] {
        &[]
    }

    fn transmitted(&mut self, _: LinkId, _: usize) {}

    fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }
}

#[test]
fn what_came_while_the_worker_stood_still_is_read_before_any_timer() {
    let mut fixture = Fixture::new(|_| Ok(Vec::new()));
    let (listener, port) = listener();
    let (told, calls) = channel();
    let (let_go, go_on) = channel();
    let action = Action::Connect {
        link: LinkId(0),
        endpoint: name("127.0.0.1", port),
        after: None,
        deadline: Instant::now() + LONG,
    };
    let client = fixture.open(Sleeper { actions: [action].into(), go_on, due: None, told });
    assert_eq!(calls.recv_timeout(LONG), Ok("connected"));
    let (mut peer, _) = listener.accept().expect("a connection");
    let topic = Topic { kind: TopicKind::Channel, name: b"x"[..].into() };
    fixture.orders.push(Order::Command { id: client, command: Command::Unsubscribe(topic) });
    peer.write_all(b"an answer").expect("a connection");
    let_go.send(()).expect("a session that waits");
    assert_eq!(calls.recv_timeout(LONG), Ok("input"));
    assert_eq!(calls.recv_timeout(LONG), Ok("timeout"));
    fixture.end();
}
