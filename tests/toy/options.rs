//! The toy's options.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use realtime::backend::{Backend, Endpoint, OptionError, OptionSet, Options, Scheme, Session, Start};
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
    Ok(Arc::new(read(&mut OptionSet::new(options.pairs, read)?)?))
}

fn read(set: &mut OptionSet) -> Result<Toy, OptionError> {
    let host = set.text("host")?.unwrap_or_else(|| "127.0.0.1".into());
    let port = set.whole("port", 1..=65_535)?.unwrap_or(0) as u16;
    let endpoint = set.text("path")?.map_or(Endpoint::Tcp { host, port }, |path| Endpoint::Unix(path.into()));
    let mut limits = set.limits()?;
    if set.boolean("pause")? == Some(true) {
        limits.overflow = Overflow::Pause;
    }
    let mut seconds = |key, default| Ok(set.seconds(key)?.unwrap_or(default));
    Ok(Toy {
        endpoint,
        limits,
        retry: seconds("retry", Duration::from_millis(20))?,
        connect: seconds("connect", Duration::from_secs(30))?,
        silence: seconds("silence", Duration::from_secs(60))?,
    })
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
