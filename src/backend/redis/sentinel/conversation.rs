//! The conversation with a Sentinel, and what its answers decide.

use std::time::Instant;

use resp::Frame;

use super::answers::{SWITCH, address, is_about, masters, sentinels};
use super::failure::WatchFailure;
use super::{POLL, SentinelWatch};
use crate::backend::redis::connection::Expectation;
use crate::backend::redis::failure::Failure;
use crate::backend::redis::handshake::{auth, hello};
use crate::backend::redis::protocol::{MAX_NAME, SentinelQuestion, Version, is_refusal, turns_away};
use crate::backend::redis::push::{Message, Push};
use crate::backend::redis::reply::{Reply, reply};
use crate::backend::redis::serving::without_echo;
use crate::backend::toolbox::Operation;
use crate::model::{Error, TopicKind, Value};

impl SentinelWatch {
    /// See [`Session`](crate::backend::Session).
    pub(in crate::backend::redis) fn handle_input(&mut self, now: Instant, bytes: &[u8]) {
        let Some(mut decoder) = self.link.connection_mut().and_then(|it| it.hear(now, bytes)) else { return };
        let mut input = bytes;
        // Once the link is closed, the remaining bytes belong to a connection that is gone.
        while self.link.is_open() {
            match decoder.feed(&mut input) {
                Ok(None) => break,
                Ok(Some(frame)) => self.frame(now, &frame),
                Err(error) => self.fail_connection(Failure::Decode(error), now),
            }
        }
        if let Some(connection) = self.link.connection_mut() {
            connection.understood(now, bytes.len(), decoder);
        }
    }

    /// Begins the handshake: `HELLO 3 [AUTH user password] [SETNAME name]`, and AUTH alone under RESP2. A Sentinel
    /// has no database and refuses CLIENT SETINFO.
    pub(super) fn say_hello(&mut self, now: Instant) {
        (self.is_announced, self.is_unknown) = (false, false);
        match self.first_version() {
            Version::Resp3 => send(&mut self.link, SentinelQuestion::Hello, &hello(&self.config)),
            Version::Resp2 => self.log_in(now),
        }
    }

    /// The same in RESP2.
    fn log_in(&mut self, now: Instant) {
        if let Some(connection) = self.link.connection_mut() {
            connection.version = Version::Resp2;
        }
        let Some(login) = &self.config.credentials else { return self.begin(now) };
        send(&mut self.link, SentinelQuestion::Auth, &auth(login));
    }

    /// The Sentinel accepted the login.
    fn begin(&mut self, now: Instant) {
        if self.link.connection().is_some_and(|connection| connection.version == Version::Resp3) {
            send(&mut self.link, SentinelQuestion::Subscribe, &[b"SUBSCRIBE", SWITCH]);
        }
        self.ask_for_master(now);
    }

    /// Asks for the master, whether the Sentinel would see a failover, and for the other Sentinels.
    pub(super) fn ask_for_master(&mut self, now: Instant) {
        let interval = self.config.ping_interval;
        let interval = if self.is_announced { interval } else { interval.min(POLL) };
        (self.asked, self.due, self.will_be_fresh) = (Some(now), now + interval, true);
        let master = self.master.as_bytes();
        for (question, word) in [
            (SentinelQuestion::Master, &b"GET-MASTER-ADDR-BY-NAME"[..]),
            (SentinelQuestion::Quorum, b"CKQUORUM"),
            (SentinelQuestion::Sentinels, b"SENTINELS"),
        ] {
            send(&mut self.link, question, &[b"SENTINEL", word, master]);
        }
    }

    /// Handles a frame.
    fn frame(&mut self, now: Instant, frame: &Frame<'_>) {
        let Some(items) = frame.root().as_push() else {
            return self.answered(reply(frame, MAX_NAME, &self.config), now);
        };
        let name = match Push::parse(items, frame.is_truncated()) {
            Some(Push::Message(Message {
                kind: TopicKind::Channel, topic, payload: Some(payload), ..
            })) => {
                if topic.as_bytes() == Some(SWITCH)
                    && payload.as_bytes().is_some_and(|text| is_about(text, &self.master))
                {
                    // The answer to the question in flight may be older than this switch.
                    self.will_be_fresh = false;
                    self.ask_soon(now);
                }
                return;
            }
            Some(Push::Confirmation { operation: Operation::Subscribe, name, .. }) => name,
            _ => return,
        };
        if name.as_bytes() == Some(SWITCH)
            && let Some(connection) = self.link.connection_mut()
            && let Some(command) = connection.pipeline.front()
            && matches!(command.expectation, Expectation::Sentinel(SentinelQuestion::Subscribe))
        {
            connection.pipeline.pop_front();
            self.is_announced = true;
            if let Some(asked) = self.asked {
                self.due = asked + self.config.ping_interval;
            }
        }
    }

    /// Handles an answer: it belongs to the oldest question in flight.
    fn answered(&mut self, reply: Reply, now: Instant) {
        let Some(connection) = self.link.connection_mut() else { return };
        connection.liveness.answered(now);
        let expected = connection.pipeline.front().map(|command| match command.expectation {
            Expectation::Sentinel(question) => Some(question),
            _ => None,
        });
        let Some(Some(question)) = expected else {
            let failure = reply.map_or_else(Failure::Unasked, |_| Failure::OutOfStep);
            return self.fail_connection(failure, now);
        };
        connection.pipeline.pop_front();
        match (question, reply) {
            (SentinelQuestion::Hello, Ok(_)) => self.begin(now),
            (SentinelQuestion::Hello, Err(error)) if is_refusal(&error) => self.log_in(now),
            (SentinelQuestion::Auth, Ok(_)) => self.begin(now),
            // The user may not subscribe: there are no announcements then.
            (SentinelQuestion::Subscribe, Err(error)) if !turns_away(&error) => {}
            (SentinelQuestion::Subscribe, Ok(_)) => self.fail_connection(Failure::OutOfStep, now),
            (SentinelQuestion::Master, Ok(Value::Null)) => {
                self.is_unknown = true;
                send(&mut self.link, SentinelQuestion::Masters, &[b"SENTINEL", b"MASTERS"]);
            }
            (SentinelQuestion::Master, Ok(reply)) => match address(&reply, [&self.config, &self.servers]) {
                Some(endpoint) => self.named(endpoint, now),
                None => self.fail(WatchFailure::BadAddress, now),
            },
            (SentinelQuestion::Master, Err(error)) if is_unknown_command(&error) => {
                self.fail(WatchFailure::NotSentinel, now);
            }
            (SentinelQuestion::Masters, reply) => {
                // An ACL may forbid it, and with hundreds of masters the answer is too long to be kept.
                let known = reply.ok().map(|reply| masters(&reply, &self.config));
                self.fail(WatchFailure::UnknownMaster(known), now);
            }
            // If the name is unknown, the answers after the first one only repeat that.
            (SentinelQuestion::Quorum | SentinelQuestion::Sentinels, _) if self.is_unknown => {}
            (SentinelQuestion::Quorum, Ok(_)) => self.confirm(),
            (SentinelQuestion::Quorum, Err(error)) => self.unconfirmed(error, now),
            (SentinelQuestion::Sentinels, Ok(reply)) => {
                self.endpoints.learn(sentinels(&reply, [&self.config, &self.servers]));
            }
            (SentinelQuestion::Sentinels, Err(_)) => {}
            (_, Err(error)) => self.fail(WatchFailure::Refused(without_echo(error, &self.config)), now),
        }
    }
}

/// Whether the server does not know the command at all.
fn is_unknown_command(error: &Error) -> bool {
    error.code.as_str() == "ERR" && error.message.to_ascii_lowercase().starts_with("unknown command")
}

fn send(link: &mut super::Link, question: SentinelQuestion, words: &[&[u8]]) {
    if let Some(connection) = link.connection_mut() {
        connection.send(Expectation::Sentinel(question), words);
    }
}
