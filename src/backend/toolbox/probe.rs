//! Whether published messages still arrive, which a PING cannot show.
//!
//! The session subscribes to a channel of its own. When no message was delivered for `interval`, it publishes
//! a probe on that channel. Once the server has accepted the probe, some message has to arrive within
//! `timeout`: the probe or any other. Whether the server answers at all is checked by [`Liveness`].
//!
//! A server that refuses the channel or the probe is asked again after the pauses of a refused subscription.

use std::time::{Duration, Instant};

use super::liveness::Liveness;
use super::pauses::{Reasons, RefusalKind};
use super::random::SplitMix64;
use crate::model::Error;

/// The state of the probe on the current connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Its channel was not subscribed to.
    Unsubscribed,
    /// The subscription is in flight.
    Subscribing,
    /// The server refused it, and will be asked again at this time.
    Refused { until: Instant },
    /// No probe is in flight.
    Idle,
    /// The server refused the last probe, and will be asked again at this time.
    Muted { until: Instant },
    /// A probe is in flight, and the server has not answered it.
    Sent,
    /// The same, but a message has arrived since.
    Overtaken,
    /// The server accepted the probe at this time, and nothing has arrived since.
    Taken { since: Instant },
}

/// The check, which spans the link that publishes and the one that delivers.
#[derive(Debug)]
pub struct Probe {
    channel: Box<[u8]>,
    interval: Duration,
    timeout: Duration,
    stage: Stage,
    /// Everything published up to this time is known to have arrived.
    delivered: Instant,
    /// When the last probe was sent.
    asked: Instant,
    /// The reported reasons for which the channel is refused, and for which probes are.
    channel_refused: Reasons,
    probe_refused: Reasons,
    /// How often the channel or a probe was refused on this connection since the check worked.
    refusals: u32,
    random: SplitMix64,
}

/// The result of [`Probe::check`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeSign {
    /// Nothing is due.
    Nothing,
    /// Publish a probe.
    Publish,
    /// The server accepted the last probe this long ago, and delivered nothing.
    Missing(Duration),
}

impl Probe {
    /// The channel's name begins with `prefix`; `seed` makes the rest of it.
    pub fn new(prefix: &[u8], seed: u64, now: Instant, interval: Duration, timeout: Duration) -> Self {
        let mut random = SplitMix64::new(seed);
        let mut channel = prefix.to_vec();
        channel.extend_from_slice(format!("{:016x}", random.next_u64()).as_bytes());
        Self {
            channel: channel.into(),
            interval,
            timeout,
            stage: Stage::Unsubscribed,
            delivered: now,
            asked: now,
            channel_refused: Reasons::default(),
            probe_refused: Reasons::default(),
            refusals: 0,
            random,
        }
    }

    /// The channel of the probes.
    pub fn channel(&self) -> &[u8] {
        &self.channel
    }

    /// A message arrived on the subscriptions' link.
    #[inline]
    pub fn delivered(&mut self, now: Instant) {
        self.delivered = now;
        self.stage = match self.stage {
            Stage::Sent => Stage::Overtaken,
            Stage::Taken { .. } => Stage::Idle,
            other => other,
        };
    }

    /// The first subscription after a time without any, in which delivery was not checked.
    pub fn begin(&mut self, now: Instant) {
        self.delivered = now;
    }

    /// When the last message or probe came, if probes are on: bytes received since then do not prove that messages
    /// are delivered.
    pub fn unproved_since(&self) -> Option<Instant> {
        let is_probed =
            matches!(self.stage, Stage::Idle | Stage::Sent | Stage::Overtaken | Stage::Taken { .. });
        is_probed.then_some(self.delivered)
    }

    /// The subscriptions' link was lost.
    pub fn disconnected(&mut self) {
        self.stage = Stage::Unsubscribed;
        self.refusals = 0;
    }

    /// The probe in flight will have no answer, because its link was lost or the server could not accept it this
    /// time. A new link may lead to a server that refuses no probe.
    pub fn unanswered(&mut self) {
        if matches!(self.stage, Stage::Sent | Stage::Overtaken | Stage::Muted { .. }) {
            self.stage = Stage::Idle;
        }
    }

    /// Whether to subscribe to the channel now. Then the subscription counts as in flight.
    pub fn subscribe(&mut self) -> bool {
        let is_due = self.stage == Stage::Unsubscribed;
        if is_due {
            self.stage = Stage::Subscribing;
        }
        is_due
    }

    /// Whether the subscription to the channel is in flight.
    pub fn is_subscribing(&self) -> bool {
        self.stage == Stage::Subscribing
    }

    /// Whether a confirmation is that of the channel, and not of a topic.
    pub fn is_confirmed_by(&self, name: &[u8]) -> bool {
        self.is_subscribing() && *self.channel == *name
    }

    /// The channel is confirmed.
    pub fn confirmed(&mut self, now: Instant) {
        self.stage = Stage::Idle;
        self.channel_refused.clear();
        self.refusals = 0;
        (self.delivered, self.asked) = (now, now);
    }

    /// The channel is refused. Returns whether to report it.
    pub fn channel_refused(&mut self, error: &Error, kind: RefusalKind, now: Instant) -> bool {
        self.stage = Stage::Refused { until: self.next_turn(kind, now) };
        self.channel_refused.is_news(&error.code)
    }

    /// The server accepted the probe.
    pub fn taken(&mut self, now: Instant) {
        self.probe_refused.clear();
        self.refusals = 0;
        self.stage = match self.stage {
            Stage::Sent => Stage::Taken { since: now },
            Stage::Overtaken => Stage::Idle,
            other => other,
        };
    }

    /// The probe is refused. Returns whether to report it.
    pub fn refused(&mut self, error: &Error, kind: RefusalKind, now: Instant) -> bool {
        self.stage = Stage::Muted { until: self.next_turn(kind, now) };
        self.probe_refused.is_news(&error.code)
    }

    /// When to ask again after a refusal.
    fn next_turn(&mut self, kind: RefusalKind, now: Instant) -> Instant {
        let pause = kind.pause(self.refusals, &mut self.random);
        self.refusals = self.refusals.saturating_add(1);
        now + pause
    }

    /// When [`Probe::check`] is due, while the subscriptions' link is up with this `liveness`. `can_publish`: the
    /// link that publishes is up, too. `confirming`: confirmations are owed, which come before a probe.
    pub fn due(&self, liveness: &Liveness, can_publish: bool, confirming: bool) -> Option<Instant> {
        if liveness.is_paused() {
            return None;
        }
        // After a pause in reading everything starts over.
        let listening = liveness.resumed().unwrap_or(self.delivered);
        match self.stage {
            Stage::Idle if can_publish => Some(self.delivered.max(self.asked).max(listening) + self.interval),
            Stage::Refused { until } => Some(until),
            Stage::Muted { until } if can_publish => Some(until),
            Stage::Taken { since } => {
                // Whatever the server sends before the probe has to come first: a message of any size, any number of
                // confirmations.
                let moving = liveness.within_frame().or(confirming.then(|| liveness.listening()));
                let heard = moving.unwrap_or(since);
                Some(since.max(listening).max(heard) + self.timeout)
            }
            _ => None,
        }
    }

    /// What to do now, once [`Probe::due`] has come.
    pub fn check(&mut self, now: Instant) -> ProbeSign {
        match self.stage {
            Stage::Taken { since } => ProbeSign::Missing(now.saturating_duration_since(since)),
            Stage::Refused { .. } => {
                self.stage = Stage::Unsubscribed;
                ProbeSign::Nothing
            }
            _ => {
                self.stage = Stage::Sent;
                self.asked = now;
                ProbeSign::Publish
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Code;

    struct World {
        probe: Probe,
        liveness: Liveness,
        start: Instant,
    }

    impl World {
        /// The channel is confirmed.
        fn new() -> Self {
            let start = Instant::now();
            let (interval, timeout) = (Duration::from_secs(15), Duration::from_secs(5));
            let mut probe = Probe::new(b"probe:", 1, start, interval, timeout);
            assert!(probe.subscribe() && !probe.subscribe(), "once");
            let channel = probe.channel().to_vec();
            assert!(probe.is_confirmed_by(&channel) && !probe.is_confirmed_by(b"probe:"));
            probe.confirmed(start);
            Self { probe, liveness: Liveness::new(start, interval, timeout), start }
        }

        fn at(&self, seconds: u64) -> Instant {
            self.start + Duration::from_secs(seconds)
        }

        /// In how many seconds after the start something is due.
        fn due(&self, can_publish: bool, confirming: bool) -> Option<u64> {
            let due = self.probe.due(&self.liveness, can_publish, confirming)?;
            Some((due - self.start).as_secs())
        }
    }

    #[test]
    fn a_probe_that_the_server_took_has_to_arrive() {
        let mut world = World::new();
        assert_eq!((world.due(true, false), world.due(false, false)), (Some(15), None));
        assert_eq!(world.probe.check(world.at(15)), ProbeSign::Publish);
        assert_eq!(world.due(true, false), None, "before its answer the PING counts");
        world.probe.taken(world.at(16));
        assert_eq!(world.due(true, false), Some(21));
        world.liveness.hear(world.at(18));
        assert_eq!(world.due(true, true), Some(23), "what stands before it comes first");
        let missing = ProbeSign::Missing(Duration::from_secs(5));
        assert_eq!(world.probe.check(world.at(21)), missing);
        world.probe.delivered(world.at(21));
        assert_eq!(world.due(true, false), Some(36));
    }

    #[test]
    fn a_message_that_overtakes_the_answer_proves_as_much() {
        let mut world = World::new();
        assert_eq!(world.probe.check(world.at(15)), ProbeSign::Publish);
        world.probe.delivered(world.at(16));
        world.probe.taken(world.at(17));
        assert_eq!(world.due(true, false), Some(31));
    }

    #[test]
    fn a_refused_probe_is_told_once_and_tried_again_ever_later() {
        let mut world = World::new();
        let error = Error::sent(Code::Server("ERR".into()), "no");
        assert!(world.probe.refused(&error, RefusalKind::Forbidden, world.start));
        let first = world.due(true, false).unwrap();
        assert!((15..=30).contains(&first), "{first}");
        assert_eq!(world.probe.check(world.at(30)), ProbeSign::Publish);
        assert!(!world.probe.refused(&error, RefusalKind::Forbidden, world.start), "told");
        let second = world.due(true, false).unwrap();
        assert!((30..=60).contains(&second), "{second}");
        world.probe.disconnected();
        assert!(world.probe.subscribe());
        assert!(world.probe.channel_refused(&error, RefusalKind::Passing, world.start));
        assert_eq!(world.probe.check(world.at(2)), ProbeSign::Nothing);
        assert!(world.probe.subscribe(), "it is asked for again");
    }
}
