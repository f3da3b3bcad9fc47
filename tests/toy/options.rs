//! The toy's options.

use std::any::Any;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use realtime::backend::{Backend, Endpoint, OptionError, OptionValue, Options, Scheme, Session, Start};
use realtime::model::{Args, Limits, Overflow};

use super::ToySession;

/// The row that this backend would have in the table.
pub const SCHEME: Scheme = Scheme { names: &["toy"], configure };

#[derive(Debug, Clone, PartialEq)]
pub struct Toy {
    pub endpoint: Endpoint,
    pub retry: Duration,
    pub connect: Duration,
    /// How long the server may be silent before it is asked for life, and then before it counts as dead.
    pub silence: Duration,
    pub limits: Limits,
}

fn configure(options: Options) -> Result<Arc<dyn Backend>, OptionError> {
    let (mut host, mut port, mut path) = (String::from("127.0.0.1"), 0, None);
    let (max_pending, pending_bytes, queue_bytes) = (10_000, 32 << 20, 32 << 20);
    let overflow = Overflow::DropOldest;
    let mut toy = Toy {
        endpoint: Endpoint::Unix(PathBuf::new()),
        retry: Duration::from_millis(20),
        connect: Duration::from_secs(30),
        silence: Duration::from_secs(60),
        limits: Limits { queue_events: 65_536, queue_bytes, overflow, max_pending, pending_bytes },
    };
    for (key, value) in options.pairs {
        match (key.as_str(), value) {
            ("host", OptionValue::String(bytes)) => host = String::from_utf8_lossy(&bytes).into(),
            ("port", OptionValue::Number(number)) => port = number as u16,
            ("path", OptionValue::String(bytes)) => path = Some(String::from_utf8(bytes).unwrap().into()),
            ("retry", OptionValue::Number(seconds)) => toy.retry = Duration::from_secs_f64(seconds),
            ("connect", OptionValue::Number(seconds)) => toy.connect = Duration::from_secs_f64(seconds),
            ("silence", OptionValue::Number(seconds)) => toy.silence = Duration::from_secs_f64(seconds),
            ("queue_events", OptionValue::Number(number)) => toy.limits.queue_events = number as usize,
            ("pause", OptionValue::Boolean(true)) => toy.limits.overflow = Overflow::Pause,
            _ => return Err(OptionError::Unknown { key, known: "host, port, path …".into() }),
        }
    }
    toy.endpoint = path.map_or(Endpoint::Tcp { host, port }, Endpoint::Unix);
    Ok(Arc::new(toy))
}

impl Backend for Toy {
    fn session(&self, start: Start) -> Box<dyn Session> {
        Box::new(ToySession::new(self.clone(), start))
    }

    fn check(&self, _: &Args, _: fn(&str) -> String) -> Result<(), String> {
        Err("a toy has no commands".into())
    }

    fn blocks(&self, _: &Args) -> bool {
        false
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    fn command_timeout(&self) -> Duration {
        Duration::from_secs(10)
    }

    fn address(&self) -> String {
        format!("{:?}", self.endpoint)
    }

    fn same_settings(&self, other: &dyn Backend) -> bool {
        let other: &dyn Any = other;
        other.downcast_ref() == Some(self)
    }
}
