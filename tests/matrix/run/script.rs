//! The content of a conversation: the topics, the messages from both sides, the requests.

use realtime::model::{RequestKind, Topic, TopicKind};

use super::{Phase, Run};
use crate::game::{Game, args};

const CHANNELS: usize = 14;
const PATTERNS: usize = 6;
pub const TOPICS: usize = CHANNELS + PATTERNS;

/// A request, and its result.
#[derive(Debug)]
pub enum Asked {
    Publish { payload: Vec<u8> },
    Ping,
    Echo(Vec<u8>),
}

/// A message from outside.
#[derive(Debug)]
pub struct Sent {
    pub payload: Vec<u8>,
    /// The topics whose confirmation was reported before.
    pub subscribed: [bool; TOPICS],
}

pub(super) fn topics(prefix: &str) -> Vec<Topic> {
    let channel = |i| (TopicKind::Channel, format!("{prefix}.c{i:x}"));
    // The last one matches some of the channels too, so that those messages come twice.
    let pattern = |i| match i {
        5 => (TopicKind::Pattern, format!("{prefix}.c[0-3]")),
        i => (TopicKind::Pattern, format!("{prefix}.p{i}*")),
    };
    let all = (0..CHANNELS).map(channel).chain((0..PATTERNS).map(pattern));
    all.map(|(kind, name)| Topic { kind, name: name.into_bytes().into() }).collect()
}

impl Run {
    fn channel(&self, topic: usize) -> String {
        match topic {
            0..CHANNELS => format!("{}.c{topic:x}", self.prefix),
            19 => format!("{}.c2", self.prefix),
            _ => format!("{}.p{}x", self.prefix, topic - CHANNELS),
        }
    }

    /// A payload that no other message of this run has.
    fn payload(&mut self, who: char) -> String {
        self.serial += 1;
        format!("{who}{:04}", self.serial)
    }

    fn expect(&mut self, channel: &str, payload: &str) {
        for topic in self.audience(channel.as_bytes()) {
            self.awaited.push((topic, payload.as_bytes().to_vec()));
        }
    }

    pub(super) fn publish_outside(&mut self, topic: usize) {
        let (channel, payload) = (self.channel(topic), self.payload('o'));
        if let Some(outside) = &mut self.outside {
            outside.publish(&channel, &payload);
        }
        self.expect(&channel, &payload);
        self.sent.push(Sent { payload: payload.into_bytes(), subscribed: self.subscribed });
    }

    pub(super) fn publish(&mut self, game: &mut Game, topic: usize) {
        let (channel, payload) = (self.channel(topic), self.payload('s'));
        self.expect(&channel, &payload);
        let kind = RequestKind::Publish(args(&[channel.as_bytes(), payload.as_bytes()]));
        game.request(&self.client, self.asked.len(), kind);
        self.asked.push(Asked::Publish { payload: payload.into_bytes() });
    }

    fn ping(&mut self, game: &mut Game) -> usize {
        game.request(&self.client, self.asked.len(), RequestKind::Ping);
        self.asked.push(Asked::Ping);
        self.asked.len() - 1
    }

    fn echo(&mut self, game: &mut Game) {
        let text = self.payload('e').into_bytes();
        game.request(&self.client, self.asked.len(), RequestKind::Command(args(&[b"ECHO", &text])));
        self.asked.push(Asked::Echo(text));
    }

    /// One step of the conversation.
    pub(super) fn step(&mut self, game: &mut Game, step: usize) {
        self.publish_outside(step);
        if step.is_multiple_of(2) {
            self.publish(game, (step * 7 + 3) % TOPICS);
        }
        if step % 5 == 1 {
            self.ping(game);
        }
        if step % 5 == 3 {
            self.echo(game);
            self.publish(game, step);
        }
        self.phase = if step + 1 < TOPICS { Phase::Script(step + 1) } else { Phase::Settling };
    }

    /// Begins a round: all is well once everything in it has come.
    pub(super) fn round(&mut self, game: &mut Game) {
        self.rounds += 1;
        self.round_start = self.log.len();
        self.awaited.clear();
        for topic in 0..TOPICS {
            self.publish_outside(topic);
        }
        self.publish(game, 0);
        self.round_ping = self.ping(game);
        self.phase = Phase::Round;
    }
}
