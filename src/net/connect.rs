//! A link in the making: one address after the other, each with its share of the time.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::time::Instant;

use mio::{Registry, Token};

use super::socket::{Socket, Target};
use crate::backend::LinkError;

/// An attempt to connect, and what to try after it.
#[derive(Debug)]
pub(super) struct Connecting {
    socket: Socket,
    target: Target,
    rest: VecDeque<Target>,
    /// When the next address has its turn.
    until: Instant,
    deadline: Instant,
}

/// How an attempt stands.
#[derive(Debug)]
pub(super) enum Progress {
    Going(Connecting),
    Connected(Socket),
    Failed(LinkError),
}

impl Connecting {
    /// Tries the first of `targets`, and the next ones as long as they fail at once.
    pub(super) fn begin(
        mut targets: VecDeque<Target>,
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
                    return Progress::Going(Self { socket, target, rest: targets, until, deadline });
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
                Ok(()) => return Progress::Connected(self.socket),
                Err(error) => error,
            },
            Ok(false) if now < self.until => return Progress::Going(self),
            Ok(false) => io::Error::new(ErrorKind::TimedOut, "no answer in time"),
            Err(error) => error,
        };
        self.socket.deregister(registry);
        if self.rest.is_empty() {
            return Progress::Failed(LinkError::Connect {
                address: self.target.to_string(),
                source: failure,
            });
        }
        Self::begin(self.rest, registry, token, now, self.deadline)
    }

    /// When to check at the latest.
    pub(super) fn until(&self) -> Instant {
        self.until
    }

    pub(super) fn into_socket(self) -> Socket {
        self.socket
    }
}
