//! The first calls of a session.

use std::collections::VecDeque;
use std::sync::mpsc::{Sender, channel};
use std::time::Instant;

use super::{Fixture, LONG};
use crate::backend::{Action, Connected, LinkError, Session};
use crate::model::{Command, Event, LinkId, Room, Sink, Topic, TopicKind};

/// A session that reports which call came first.
struct Newborn {
    actions: VecDeque<Action>,
    told: Option<Sender<&'static str>>,
}

impl Newborn {
    fn tell(&mut self, call: &'static str) {
        if let Some(told) = self.told.take() {
            told.send(call).expect("a test that listens");
        }
    }
}

impl Session for Newborn {
    fn handle_command(&mut self, _: Instant, command: Command, sink: &mut dyn Sink) {
        self.tell("command");
        if let Command::Disconnect { .. } = command {
            sink.event(Event::Closed);
            self.actions.push_back(Action::Finish);
        }
    }

    fn poll_action(&mut self) -> Option<Action> {
        self.tell("a wish for links");
        self.actions.pop_front()
    }

    fn handle_connected(&mut self, _: LinkId, _: Instant, _: Connected, _: &mut dyn Sink) {}

    fn room_needed(&self, _: LinkId) -> Room {
        Room::None
    }

    fn handle_input(&mut self, _: LinkId, _: Instant, _: &[u8], _: &mut dyn Sink) {}

    fn handle_paused(&mut self, _: LinkId) {}

    fn handle_resumed(&mut self, _: LinkId, _: Instant) {}

    fn handle_timeout(&mut self, _: Instant, _: &mut dyn Sink) {}

    fn handle_disconnected(&mut self, _: LinkId, _: Instant, _: LinkError, _: &mut dyn Sink) {}

    fn poll_transmit(&mut self, _: LinkId, _: Instant) -> &[u8] {
        &[]
    }

    fn transmitted(&mut self, _: LinkId, _: usize) {}

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}

/// A session that replaces another one would otherwise be ready before it knows of the last subscription, and again
/// after it.
#[test]
fn a_session_has_its_first_commands_before_it_wishes_for_a_link() {
    let mut fixture = Fixture::new(|_| Ok(Vec::new()));
    let (told, first) = channel();
    let topic = Topic { kind: TopicKind::Channel, name: b"x"[..].into() };
    let command = Command::Unsubscribe(topic);
    let session = Newborn { actions: VecDeque::new(), told: Some(told) };
    let client = fixture.open_with(Box::new(session), vec![command]);
    assert_eq!(first.recv_timeout(LONG), Ok("command"));
    fixture.disconnect(client);
    fixture.end();
}
