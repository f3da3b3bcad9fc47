//! The option `verify_delivery`: whether what is published still arrives, which a PING cannot tell.
//!
//! The client subscribes to a channel of its own and, once nothing was delivered to it for `ping_interval`, publishes a
//! probe on it. From the server's answer to that PUBLISH on, some message has to arrive within `ping_timeout`, the probe or
//! any other: else the connection is renewed. Whether PUBLISH is answered at all is the PING's business, on whose link it
//! goes out. Nothing is asked while nobody subscribed to anything.
//!
//! A server that refuses the channel or the probe is asked again after the pauses of a refused subscription.

use std::time::{Duration, Instant};

use super::acl::{Refused, explained};
use super::config::Config;
use super::failure::Failure;
use super::link::Awaits;
use super::pauses::{NO_PERMISSION, Reasons, pause};
use super::random::SplitMix64;
use super::session::{COMMANDS, Core};
use crate::model::{Code, Error, Event, Sink, Topic, TopicKind, Value};

/// What the channels of probes begin with, of every client of every server. No addon is handed anything of them.
pub(super) const PREFIX: &[u8] = b"realtime:probe:";
/// What a probe says: where it comes from, to whoever watches the server.
const PROBE: &[u8] = b"verify_delivery";

/// How far the present connection has come with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Its channel was not subscribed to.
    Unsubscribed,
    /// SUBSCRIBE is under way.
    Subscribing,
    /// The server refused it, and will be asked again then.
    Refused { until: Instant },
    /// No probe is under way.
    Idle,
    /// The server refused the last probe, and will be asked again then.
    Muted { until: Instant },
    /// A probe is under way, and the server has not answered it.
    Sent,
    /// Likewise, but a message arrived meanwhile.
    Overtaken,
    /// The server took the probe then, and nothing arrived since.
    Taken { since: Instant },
}

/// The state of the check.
#[derive(Debug)]
pub(super) struct Verify {
    channel: Box<[u8]>,
    stage: Stage,
    /// Up to here everything is known to arrive.
    delivered: Instant,
    /// When the last probe was sent.
    asked: Instant,
    /// Why the channel is refused, and why probes are, as far as that was told.
    channel_refused: Reasons,
    probe_refused: Reasons,
    /// How often the channel or a probe was refused on this connection since the check worked.
    refusals: u32,
    random: SplitMix64,
}

impl Verify {
    /// `seed` makes the channel's name.
    pub(super) fn new(seed: u64, now: Instant) -> Self {
        let mut random = SplitMix64::new(seed);
        let mut channel = PREFIX.to_vec();
        channel.extend_from_slice(format!("{:016x}", random.next()).as_bytes());
        Self {
            channel: channel.into(),
            stage: Stage::Unsubscribed,
            delivered: now,
            asked: now,
            channel_refused: Reasons::default(),
            probe_refused: Reasons::default(),
            refusals: 0,
            random,
        }
    }

    /// A message arrived on the subscriptions' link.
    #[inline]
    pub(super) fn delivered(&mut self, now: Instant) {
        self.delivered = now;
        self.stage = match self.stage {
            Stage::Sent => Stage::Overtaken,
            Stage::Taken { .. } => Stage::Idle,
            other => other,
        };
    }

    /// Somebody subscribes to something, after a time in which nobody asked whether messages arrive.
    pub(super) fn begin(&mut self, now: Instant) {
        self.delivered = now;
    }

    /// When a message or a probe came last, if probes are to come: what came since tells nothing of messages.
    pub(super) fn unproved_since(&self) -> Option<Instant> {
        let is_probed =
            matches!(self.stage, Stage::Idle | Stage::Sent | Stage::Overtaken | Stage::Taken { .. });
        is_probed.then_some(self.delivered)
    }

    /// The subscriptions' link is lost.
    pub(super) fn disconnected(&mut self) {
        self.stage = Stage::Unsubscribed;
        self.refusals = 0;
    }

    /// The link of the probes is lost, and with it the answer to the one under way. A new one may lead to a server that refuses
    /// no probe.
    pub(super) fn unanswered(&mut self) {
        if matches!(self.stage, Stage::Sent | Stage::Overtaken | Stage::Muted { .. }) {
            self.stage = Stage::Idle;
        }
    }

    /// When to ask again after a refusal.
    fn pause(&mut self, error: &Error, now: Instant) -> Instant {
        let pause = pause(error, self.refusals, &mut self.random);
        self.refusals = self.refusals.saturating_add(1);
        now + pause
    }

    /// The event that tells of a refusal.
    fn refusal(
        &self,
        error: Error,
        command: &'static str,
        config: &Config,
        event: impl FnOnce(Box<[u8]>, Error) -> Event,
    ) -> Event {
        let words = error.message.trim_end_matches('.');
        let message = format!("{words}; verify_delivery rests until the server takes its probes");
        let error = Error { message: message.into(), ..error };
        event(self.channel.clone(), explained(error, Refused::Probe(command), config))
    }
}

/// Whether a channel, or a pattern that begins like this, is one of probes.
#[inline]
pub(super) fn is_reserved(name: &[u8]) -> bool {
    name.starts_with(PREFIX)
}

/// Why nobody may subscribe to such a name.
pub(super) fn reserved() -> Error {
    let text =
        format!("names that begin with {} belong to the option verify_delivery", PREFIX.escape_ascii());
    Error::unsent(Code::Unsupported, text)
}

impl Core {
    /// Subscribes to the channel of the probes, once all that addons want is restored.
    pub(super) fn subscribe_to_probes(&mut self, i: usize) {
        if let Some(verify) = &mut self.verify
            && verify.stage == Stage::Unsubscribed
            && !self.topics.is_empty()
            && self.topics.is_restored()
        {
            verify.stage = Stage::Subscribing;
            self.links[i].send(Awaits::ProbeChannel, &[b"SUBSCRIBE", &verify.channel]);
        }
    }

    /// Whether this is the confirmation of the channel of the probes, and not of a topic.
    pub(super) fn is_probe_channel(&self, name: &[u8]) -> bool {
        self.verify
            .as_ref()
            .is_some_and(|verify| verify.stage == Stage::Subscribing && *verify.channel == *name)
    }

    /// The channel of the probes is confirmed.
    pub(super) fn probe_channel_confirmed(&mut self, now: Instant) {
        if let Some(verify) = &mut self.verify {
            verify.stage = Stage::Idle;
            verify.channel_refused.clear();
            verify.refusals = 0;
            verify.delivered = now;
            verify.asked = now;
        }
    }

    /// The channel of the probes is refused.
    pub(super) fn probe_channel_refused(&mut self, error: Error, now: Instant, sink: &mut dyn Sink) {
        let Some(verify) = &mut self.verify else { return };
        verify.stage = Stage::Refused { until: verify.pause(&error, now) };
        if verify.channel_refused.is_news(&error.code) {
            let failed = |name, error| {
                let topic = Topic { kind: TopicKind::Channel, name };
                Event::SubscribeFailed { topic, error }
            };
            sink.event(verify.refusal(error, "subscribe", &self.config, failed));
        }
    }

    /// The server's answer to a probe. An error that may pass is no verdict: the next probe may fare better.
    pub(super) fn probe_answered(&mut self, reply: Result<Value, Error>, now: Instant, sink: &mut dyn Sink) {
        let Some(verify) = &mut self.verify else { return };
        match reply {
            Ok(Value::Integer(_)) => {
                verify.probe_refused.clear();
                verify.refusals = 0;
                verify.stage = match verify.stage {
                    Stage::Sent => Stage::Taken { since: now },
                    Stage::Overtaken => Stage::Idle,
                    other => other,
                };
            }
            Err(error) if is_lasting(&error) => {
                verify.stage = Stage::Muted { until: verify.pause(&error, now) };
                if verify.probe_refused.is_news(&error.code) {
                    let failed = |channel, error| Event::RequestFailed {
                        command: b"PUBLISH"[..].into(),
                        channel: Some(channel),
                        error,
                    };
                    sink.event(verify.refusal(error, "publish", &self.config, failed));
                }
            }
            Err(_) => verify.unanswered(),
            Ok(_) => self.fail(COMMANDS, Failure::OutOfStep, now, sink),
        }
    }

    /// When the next probe is to be sent, or the last one is missing.
    pub(super) fn probe_due(&self) -> Option<Instant> {
        let verify = self.verify.as_ref()?;
        let link = &self.links[self.subscriber()];
        if self.closing.is_some() || self.topics.is_empty() || !link.is_up() || link.paused {
            return None;
        }
        // Behind a time in which nobody listened, everything begins anew.
        let listening = link.resumed.unwrap_or(verify.delivered);
        match verify.stage {
            Stage::Idle if self.links[COMMANDS].is_up() => {
                Some(verify.delivered.max(verify.asked).max(listening) + self.config.ping_interval)
            }
            Stage::Refused { until } => Some(until),
            Stage::Muted { until } if self.links[COMMANDS].is_up() => Some(until),
            Stage::Taken { since } => {
                // What stands before the probe has to come first: a message of any size, confirmations of any number.
                let moving = link.within_frame || self.batches > 0;
                let heard = if moving { link.listening } else { since };
                Some(since.max(listening).max(heard) + self.config.ping_timeout)
            }
            _ => None,
        }
    }

    /// Sends a probe, or misses one, if it is time.
    pub(super) fn probe_timeout(&mut self, now: Instant, sink: &mut dyn Sink) {
        if self.probe_due().is_none_or(|due| due > now) {
            return;
        }
        let Some(verify) = &mut self.verify else { return };
        match verify.stage {
            Stage::Taken { since } => {
                let waited = now.saturating_duration_since(since);
                self.fail(self.subscriber(), Failure::Undelivered(waited), now, sink);
            }
            // The next look at what is to be sent subscribes.
            Stage::Refused { .. } => verify.stage = Stage::Unsubscribed,
            _ => {
                verify.stage = Stage::Sent;
                verify.asked = now;
                self.links[COMMANDS].send(Awaits::Probe, &[b"PUBLISH", &verify.channel, PROBE]);
            }
        }
    }
}

/// Whether a refused probe deserves words: an ACL, a command that the server does not have. Others are expected to pass,
/// such as `BUSY`, `LOADING` and `MASTERDOWN`.
fn is_lasting(error: &Error) -> bool {
    matches!(error.code.as_str(), NO_PERMISSION | "ERR")
}

/// What an addon is told of a missing probe.
pub(super) fn undelivered(waited: Duration) -> Error {
    Error::unsent(
        Code::Disconnected,
        format!(
            "the server answers PING but delivers no messages: verify_delivery's probe did not come back within \
             {:.1} s; the connection was renewed",
            waited.as_secs_f64()
        ),
    )
}
