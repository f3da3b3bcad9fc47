//! A link in the making: one address after the other, each with its share of the time.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::time::Instant;

use mio::{Registry, Token};

use super::socket::{Socket, Target};
use crate::backend::{Connected, LinkError, Stage};

/// An attempt to connect, and what to try after it.
#[derive(Debug)]
pub(super) struct Connecting {
    socket: Socket,
    target: Target,
    rest: VecDeque<Target>,
    /// The stage before this attempt that took longest.
    slowest: Option<Stage>,
    began: Instant,
    /// When the next address has its turn.
    until: Instant,
    deadline: Instant,
}

/// How an attempt stands.
#[derive(Debug)]
pub(super) enum Progress {
    Going(Connecting),
    Connected(Socket, Connected),
    Failed(LinkError),
}

impl Connecting {
    /// Tries the first of `targets`, and the next ones as long as they fail at once.
    pub(super) fn begin(
        mut targets: VecDeque<Target>,
        slowest: Option<Stage>,
        registry: &Registry,
        token: Token,
        now: Instant,
        deadline: Instant,
    ) -> Progress {
        let mut failed = None;
        while let Some(target) = targets.pop_front() {
            let attempt = Socket::connect(&target).and_then(|mut socket| {
                socket.register(registry, token)?;
                Ok(socket)
            });
            match attempt {
                Ok(socket) => {
                    let turns = u32::try_from(targets.len()).unwrap_or(u32::MAX).saturating_add(1);
                    let until = now + deadline.saturating_duration_since(now) / turns;
                    let rest = targets;
                    return Progress::Going(Self {
                        socket,
                        target,
                        rest,
                        slowest,
                        began: now,
                        until,
                        deadline,
                    });
                }
                Err(source) => failed = Some(LinkError::Connect { address: target.to_string(), source }),
            }
        }
        Progress::Failed(failed.unwrap_or_else(|| LinkError::Connect {
            address: "no address".into(),
            source: ErrorKind::AddrNotAvailable.into(),
        }))
    }

    /// Looks whether the connection is made, or its time is up.
    pub(super) fn check(mut self, registry: &Registry, token: Token, now: Instant) -> Progress {
        let failure = match self.socket.is_connected() {
            Ok(true) => match self.socket.set_nodelay() {
                Ok(()) => {
                    let how = Connected { peer: self.target.address(), slowest: Some(self.slowest(now)) };
                    return Progress::Connected(self.socket, how);
                }
                Err(error) => Some(error),
            },
            Ok(false) if now < self.until => return Progress::Going(self),
            Ok(false) => None,
            Err(error) => Some(error),
        };
        self.socket.deregister(registry);
        let slowest = self.slowest(now);
        if !self.rest.is_empty() {
            return Self::begin(self.rest, Some(slowest), registry, token, now, self.deadline);
        }
        Progress::Failed(match failure {
            Some(source) => LinkError::Connect { address: self.target.to_string(), source },
            None => LinkError::TimedOut(slowest),
        })
    }

    /// The stage that took longest, this attempt included, which ends now.
    fn slowest(&mut self, now: Instant) -> Stage {
        let took = now.saturating_duration_since(self.began);
        let this = || Stage::Connect { address: self.target.to_string(), took };
        self.slowest.take().filter(|slowest| slowest.took() > took).unwrap_or_else(this)
    }

    /// When to check at the latest.
    pub(super) fn until(&self) -> Instant {
        self.until
    }

    pub(super) fn into_socket(self) -> Socket {
        self.socket
    }
}
