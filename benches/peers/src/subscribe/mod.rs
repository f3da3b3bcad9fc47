//! Subscribers, each in a separate process, and their reports.

mod bare;
mod fred;
mod hiredis;
mod ours;
mod redis_rs;
mod rustis;

use std::thread;
use std::time::Duration;

use crate::error::Error;
use crate::results::OURS;
use crate::system;

/// The channel of all subscribers.
pub(crate) const CHANNEL: &str = "firehose";
/// The same as a C string.
pub(crate) const CHANNEL_C: &std::ffi::CStr = c"firehose";

/// The payload of the last message.
pub(crate) const END: &[u8] = b"end";

/// Measures arriving messages.
pub(crate) trait Meter {
    /// Whether it needs each payload, not only how many there were.
    const LOOKS: bool;

    /// One message.
    fn message(&mut self, payload: &[u8]);

    /// Messages whose payload is not needed.
    fn count(&mut self, messages: usize);
}

/// A subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// A loop around `read` that does not parse.
    Bare,
    Hiredis {
        protocol: u8,
    },
    /// With a busy thread beside it, like a game's main thread that polls for messages all the time.
    HiredisBesideSpinner,
    RedisRs,
    RedisRsAsync,
    Fred,
    Rustis,
    Ours {
        protocol: u8,
    },
}

impl Subject {
    /// The subjects of this part, in the order of the table.
    pub(crate) const FIREHOSE: [Self; 9] = [
        Self::Ours { protocol: 3 },
        Self::Ours { protocol: 2 },
        Self::Hiredis { protocol: 3 },
        Self::Hiredis { protocol: 2 },
        Self::RedisRs,
        Self::RedisRsAsync,
        Self::Fred,
        Self::Rustis,
        Self::Bare,
    ];
    /// The subjects of this part, in the order of the table.
    pub(crate) const LATENCY: [Self; 6] = [
        Self::Hiredis { protocol: 3 },
        Self::HiredisBesideSpinner,
        Self::RedisRs,
        Self::RedisRsAsync,
        Self::Fred,
        Self::Rustis,
    ];

    /// The row's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare read()",
            Self::Hiredis { protocol: 2 } => "hiredis (RESP2)",
            Self::Hiredis { .. } => "hiredis",
            Self::HiredisBesideSpinner => "hiredis beside a spinner",
            Self::RedisRs => "redis-rs (blocking)",
            Self::RedisRsAsync => "redis-rs (async)",
            Self::Fred => "fred",
            Self::Rustis => "rustis",
            Self::Ours { protocol: 2 } => "realtime (RESP2)",
            Self::Ours { .. } => OURS,
        }
    }

    /// The one with that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::FIREHOSE.into_iter().chain(Self::LATENCY).find(|subject| subject.name() == name)
    }

    /// Subscribes, and passes every message to the meter, up to the one that says "end".
    fn receive<M: Meter>(self, port: u16, meter: &mut M) -> Result<(), Error> {
        match self {
            Self::Bare => bare::receive(port, meter),
            Self::Hiredis { protocol } => hiredis::receive(port, protocol, meter),
            Self::HiredisBesideSpinner => {
                // It ends with the process.
                thread::spawn(|| {
                    loop {
                        std::hint::spin_loop();
                    }
                });
                hiredis::receive(port, 3, meter)
            }
            Self::RedisRs => redis_rs::blocking(port, meter),
            Self::RedisRsAsync => redis_rs::asynchronous(port, meter),
            Self::Fred => fred::receive(port, meter),
            Self::Rustis => rustis::receive(port, meter),
            Self::Ours { protocol } => ours::receive(port, protocol, meter),
        }
    }

    /// The child process for a firehose: prints its cost.
    ///
    /// # Errors
    ///
    /// The peer's, the system's.
    pub(crate) fn firehose(self, port: u16) -> Result<(), Error> {
        let mut count = Count::default();
        self.receive(port, &mut count)?;
        let (now, cpu) = (system::monotonic(), system::processor_time());
        let (then, cpu_then) = count.first.unwrap_or((now, cpu));
        println!("= messages {}", count.messages);
        println!("= seconds {:.9}", (now - then).as_secs_f64());
        println!("= cpu_seconds {:.9}", cpu.saturating_sub(cpu_then).as_secs_f64());
        println!("= peak_bytes {}", system::peak_resident_bytes().map_err(Error::io("/proc"))?);
        Ok(())
    }

    /// The child process for messages with times in them: prints their latencies.
    ///
    /// # Errors
    ///
    /// The peer's, the system's.
    pub(crate) fn latency(self, port: u16) -> Result<(), Error> {
        let mut ages = Ages::default();
        self.receive(port, &mut ages)?;
        println!("= messages {}", ages.0.len());
        println!("= p50 {}", ages.percentile(0.5));
        println!("= p99 {}", ages.percentile(0.99));
        Ok(())
    }
}

/// The runtime of asynchronous peers: one thread, which uses the least processor time, unless a peer needs more.
fn runtime(threads: usize) -> Result<tokio::runtime::Runtime, Error> {
    let mut builder = match threads {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    if threads > 1 {
        builder.worker_threads(threads);
    }
    builder.enable_all().build().map_err(Error::io("a runtime"))
}

/// Counts, from the first message on.
#[derive(Debug, Default)]
struct Count {
    messages: usize,
    first: Option<(Duration, Duration)>,
}

impl Meter for Count {
    const LOOKS: bool = false;

    #[inline]
    fn message(&mut self, payload: &[u8]) {
        std::hint::black_box(payload);
        self.count(1);
    }

    #[inline]
    fn count(&mut self, messages: usize) {
        if self.first.is_none() {
            self.first = Some((system::monotonic(), system::processor_time()));
        }
        self.messages += messages;
    }
}

/// The age of messages when they arrived, in nanoseconds.
#[derive(Debug, Default)]
struct Ages(Vec<u64>);

impl Ages {
    fn percentile(&mut self, part: f64) -> u64 {
        self.0.sort_unstable();
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a place in a list of a few thousand"
        )]
        let place = (self.0.len() as f64 * part) as usize;
        self.0.get(place).copied().unwrap_or_default()
    }
}

impl Meter for Ages {
    const LOOKS: bool = true;

    fn message(&mut self, payload: &[u8]) {
        let now = system::monotonic();
        let sent = std::str::from_utf8(payload).ok().and_then(|text| text.split('-').next()?.parse().ok());
        if let Some(age) = sent.and_then(|sent| now.checked_sub(Duration::from_nanos(sent))) {
            self.0.push(u64::try_from(age.as_nanos()).unwrap_or(u64::MAX));
        }
    }

    fn count(&mut self, _: usize) {}
}
