//! A link before it is connected: the lookup of its name, and the attempts at its addresses one after the other, each
//! with its share of the time.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::{Registry, Token};

use super::io::Io;
use super::resolve::{Answer, Query};
use super::transport::{self, Target, Transport};
use crate::backend::{Connected, LinkError, Stage};
use crate::model::ConnectTimes;

/// Roughly the shortest time for which an address is tried, because it may be far away; less only if the
/// deadline is earlier. Addresses for which no time is left are tried in the next attempt.
const LEAST_SHARE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;

/// A name that is being looked up, and how its addresses will be used.
#[derive(Debug)]
pub(super) struct Lookup {
    host: String,
    port: u16,
    after: Option<SocketAddr>,
    began: Instant,
    deadline: Instant,
    _query: Query,
}

impl Lookup {
    /// Asks the resolver. Its answer carries `token`.
    pub(super) fn begin(
        host: String,
        port: u16,
        after: Option<SocketAddr>,
        token: Token,
        deadline: Instant,
        io: &Io,
        now: Instant,
    ) -> Self {
        let query = io.look_up(&host, token, now);
        Self { host, port, after, began: now, deadline, _query: query }
    }

    /// When the lookup is given up.
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Fails once its time is up.
    pub(super) fn check(&mut self, now: Instant) -> Result<(), LinkError> {
        if now < self.deadline {
            return Ok(());
        }
        Err(LinkError::Resolve { host: std::mem::take(&mut self.host), reason: "no answer in time".into() })
    }

    /// The answer of the resolver: tries the addresses.
    pub(super) fn finish(&mut self, answer: Answer, io: &Io, now: Instant) -> Result<Attempt, LinkError> {
        if let Err(error) = self.check(now) {
            io.keep_late(answer, now);
            return Err(error);
        }
        let host = std::mem::take(&mut self.host);
        let addresses = match answer.resolution {
            Ok(addresses) => addresses,
            Err(reason) => return Err(LinkError::Resolve { host, reason }),
        };
        let took = now.saturating_duration_since(self.began);
        if took > self.deadline.saturating_duration_since(now) {
            // The rest of the time may be too short to connect. Then the next attempt can try the addresses at once.
            io.keep_late(Answer { resolution: Ok(addresses.clone()), ..answer }, now);
        }
        let targets = in_turn(addresses, self.port, self.after);
        let slowest = Some(Stage::Lookup { host, took });
        let attempt = Attempt::begin(targets, slowest, &io.registry, answer.token, now, self.deadline)?;
        Ok(Attempt { lookup: Some(took), ..attempt })
    }
}

/// An attempt to connect, and the targets to try after it.
#[derive(Debug)]
pub(super) struct Attempt {
    transport: Box<dyn Transport>,
    token: Token,
    target: Target,
    rest: VecDeque<Target>,
    /// The stage before this attempt that took longest.
    slowest: Option<Stage>,
    /// How long the lookup took, if there was one.
    lookup: Option<Duration>,
    /// When the first address was tried.
    since: Instant,
    began: Instant,
    /// When the next address is tried.
    until: Instant,
    deadline: Instant,
}

impl Attempt {
    /// Tries the first of `targets`, and the next ones as long as they fail at once.
    pub(super) fn begin(
        mut targets: VecDeque<Target>,
        slowest: Option<Stage>,
        registry: &Registry,
        token: Token,
        now: Instant,
        deadline: Instant,
    ) -> Result<Self, LinkError> {
        let mut failure = None;
        while let Some(target) = targets.pop_front() {
            match transport::connect(&target, registry, token) {
                Ok(transport) => {
                    let until = now + share(deadline.saturating_duration_since(now), targets.len());
                    let rest = targets;
                    return Ok(Self {
                        transport,
                        token,
                        target,
                        rest,
                        slowest,
                        lookup: None,
                        since: now,
                        began: now,
                        until,
                        deadline,
                    });
                }
                Err(source) => failure = Some(LinkError::Connect { address: target.to_string(), source }),
            }
        }
        Err(failure.unwrap_or_else(|| LinkError::Connect {
            address: "no address".into(),
            source: ErrorKind::AddrNotAvailable.into(),
        }))
    }

    /// Records the selector's event.
    pub(super) fn handle_event(&mut self, event: &Event) {
        self.transport.handle_event(event);
    }

    /// When to check at the latest.
    pub(super) fn until(&self) -> Instant {
        self.until
    }

    /// Checks whether the transport is connected, after an event or when its time is up. Tries the next address if it
    /// failed.
    pub(super) fn check(
        &mut self,
        registry: &Registry,
        now: Instant,
    ) -> Result<Option<Connected>, LinkError> {
        let is_late = self.until <= now;
        if !is_late && !self.transport.can_read() && !self.transport.can_write() {
            return Ok(None);
        }
        let failure = match self.transport.finish_connect() {
            Ok(true) => {
                let slowest = Some(self.slowest(now));
                let connect = Some(now.saturating_duration_since(self.since));
                let times = ConnectTimes { lookup: self.lookup, connect, ..ConnectTimes::default() };
                return Ok(Some(Connected { peer: self.target.address(), slowest, times }));
            }
            Ok(false) if !is_late => return Ok(None),
            Ok(false) => None,
            Err(error) => Some(error),
        };
        let slowest = self.slowest(now);
        if self.rest.is_empty() || self.deadline <= now {
            let last = self.target.address().filter(|_| !self.rest.is_empty());
            return Err(match failure {
                Some(source) if last.is_none() => {
                    LinkError::Connect { address: self.target.to_string(), source }
                }
                _ => LinkError::TimedOut(slowest, last),
            });
        }
        self.close(registry);
        let rest = std::mem::take(&mut self.rest);
        let next = Self::begin(rest, Some(slowest), registry, self.token, now, self.deadline)?;
        *self = Self { lookup: self.lookup, since: self.since, ..next };
        Ok(None)
    }

    /// The stage that took longest, including this attempt, which ends now.
    fn slowest(&mut self, now: Instant) -> Stage {
        let took = now.saturating_duration_since(self.began);
        let this = || Stage::Connect { address: self.target.to_string(), took };
        self.slowest.take().filter(|slowest| slowest.took() > took).unwrap_or_else(this)
    }

    pub(super) fn into_transport(self) -> Box<dyn Transport> {
        self.transport
    }

    pub(super) fn close(&mut self, registry: &Registry) {
        self.transport.close(registry);
    }
}

/// How long to try an address, if the time `left` is for it and `others` more.
fn share(left: Duration, others: usize) -> Duration {
    let most = ((left + LEAST_SHARE / 2).as_secs() / LEAST_SHARE.as_secs()).max(1);
    let turns = most.min(others as u64 + 1);
    left / u32::try_from(turns).unwrap_or(u32::MAX)
}

/// The addresses of a name, each once, in the order in which they are tried.
///
/// The resolver knows which one is best, but it may give them in another order each time. So once a peer could not be
/// used, the addresses are sorted and treated as a ring, and each attempt begins with the one after the last
/// peer: every address is tried within as many attempts as there are addresses.
fn in_turn(addresses: Vec<SocketAddr>, port: u16, after: Option<SocketAddr>) -> VecDeque<Target> {
    let mut ring = VecDeque::with_capacity(addresses.len());
    for mut address in addresses {
        address.set_port(port);
        if !ring.contains(&address) {
            ring.push_back(address);
        }
    }
    if let Some(last) = after {
        ring.make_contiguous().sort_unstable();
        let passed = ring.iter().take_while(|&&address| address <= last).count();
        ring.rotate_left(passed);
    }
    ring.into_iter().map(Target::Tcp).collect()
}
