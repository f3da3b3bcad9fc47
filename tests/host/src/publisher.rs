//! A publisher on a separate thread and connection: it continues while the main thread is stalled, numbers its
//! messages, and counts the server's answers.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use resp::{Decoder, Encoder, Value};

/// Digits of the number and of the time at the head of a message.
const SEQUENCE_DIGITS: usize = 12;
const TIME_DIGITS: usize = 16;
/// The shortest message.
pub(crate) const HEAD: usize = SEQUENCE_DIGITS + TIME_DIGITS;

/// How often the publisher checks what is due: messages are sent at most this much late, in one write.
const ROUND: Duration = Duration::from_millis(1);
/// The most messages in one write.
const BATCH: u64 = 1000;
/// The pause between attempts to reach a server that is away.
const RETRY: Duration = Duration::from_millis(5);
/// A server that takes longer to answer counts as gone.
const PATIENCE: Duration = Duration::from_secs(60);
/// Enough for the answers to one batch, a few bytes each.
const READ_BUFFER: usize = 16 * 1024;

/// The messages to publish.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The server's port, on 127.0.0.1.
    pub(crate) port: u16,
    /// Messages a second, while there is a connection.
    pub(crate) rate: u64,
    /// Bytes of a message, [`HEAD`] at least.
    pub(crate) size: usize,
    /// Each message is sent in a separate write, at its own time, and is answered before the next one.
    pub(crate) alone: bool,
    /// They alternate: message `n` (from 1) goes to channel `n % channels`. There is at least one.
    pub(crate) channels: Vec<Vec<u8>>,
    /// The origin of the messages' times.
    pub(crate) epoch: Instant,
}

/// The results of the messages. A number is never used twice, so `written` is the number of the last message.
/// It is also the sum of the messages heard, unheard, refused and unanswered.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) written: AtomicU64,
    /// The server had subscribers for them.
    pub(crate) heard: AtomicU64,
    /// It had none.
    pub(crate) unheard: AtomicU64,
    /// It answered with an error.
    pub(crate) refused: AtomicU64,
    /// The connection was lost before the answer.
    pub(crate) unanswered: AtomicU64,
    /// Subscribers over all messages, according to the server.
    pub(crate) receivers: AtomicU64,
    pub(crate) connections: AtomicU64,
}

/// The running publisher. Dropping it stops it.
#[derive(Debug)]
pub(crate) struct Publisher {
    pub(crate) figures: Arc<Figures>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Publisher {
    /// Begins at once, and again whenever the server is back.
    ///
    /// # Errors
    ///
    /// The system cannot start a thread.
    pub(crate) fn start(plan: Plan) -> io::Result<Self> {
        let (figures, stop) = (Arc::<Figures>::default(), Arc::<AtomicBool>::default());
        let mut work = Work {
            plan,
            figures: Arc::clone(&figures),
            stop: Arc::clone(&stop),
            request: Vec::new(),
            last: 0,
        };
        let thread = thread::Builder::new().name("publisher".to_owned()).spawn(move || work.run())?;
        Ok(Self { figures, stop, thread: Some(thread) })
    }

    /// Ends it, after the answers to its messages.
    pub(crate) fn stop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            eprintln!("gmod-host: the publisher panicked");
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Work {
    plan: Plan,
    figures: Arc<Figures>,
    stop: Arc<AtomicBool>,
    request: Vec<u8>,
    /// The number of the last message.
    last: u64,
}

impl Work {
    fn run(&mut self) {
        while !self.stopped() {
            // The figures record that the server is away, or went away.
            if let Err(_gone) = self.converse() {
                thread::sleep(RETRY);
            }
        }
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Publishes on one connection until it is lost.
    fn converse(&mut self) -> io::Result<()> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.plan.port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        self.figures.connections.fetch_add(1, Ordering::Relaxed);
        let start = Instant::now();
        let mut made = 0;
        while !self.stopped() {
            let due = due(start.elapsed(), self.plan.rate);
            let batch = (due - made).min(if self.plan.alone { 1 } else { BATCH });
            if batch == 0 {
                let next =
                    if self.plan.alone { when(made + 1, self.plan.rate) } else { start.elapsed() + ROUND };
                thread::sleep(next.saturating_sub(start.elapsed()));
                continue;
            }
            made += batch;
            let mut answered = 0;
            let result = self.publish(&mut stream, batch, &mut answered);
            self.figures.unanswered.fetch_add(batch - answered, Ordering::Relaxed);
            result?;
        }
        Ok(())
    }

    /// Writes `batch` messages and reads their answers, counting in `answered` how many there were.
    fn publish(&mut self, stream: &mut TcpStream, batch: u64, answered: &mut u64) -> io::Result<()> {
        self.request.clear();
        let micros = self.plan.epoch.elapsed().as_micros();
        for _ in 0..batch {
            self.last += 1;
            let head = format!("{:0SEQUENCE_DIGITS$}{micros:0TIME_DIGITS$}", self.last);
            let message = format!("{head:-<size$}", size = self.plan.size);
            let turn = usize::try_from(self.last).unwrap_or(usize::MAX) % self.plan.channels.len();
            let command: [&[u8]; 3] = [b"PUBLISH", &self.plan.channels[turn], message.as_bytes()];
            Encoder::new(&mut self.request).command(command);
        }
        self.figures.written.store(self.last, Ordering::Relaxed);
        stream.write_all(&self.request)?;
        let mut decoder = Decoder::new();
        let mut buffer = [0; READ_BUFFER];
        while *answered < batch {
            let count = stream.read(&mut buffer)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let mut input = &buffer[..count];
            while let Some(frame) = decoder.feed(&mut input).map_err(io::Error::other)? {
                *answered += 1;
                self.count(&frame.value());
            }
        }
        Ok(())
    }

    fn count(&self, answer: &Value<'_>) {
        let figures = &self.figures;
        let which = match *answer {
            Value::Integer(0) => &figures.unheard,
            Value::Integer(receivers) => {
                figures.receivers.fetch_add(receivers.unsigned_abs(), Ordering::Relaxed);
                &figures.heard
            }
            _ => &figures.refused,
        };
        which.fetch_add(1, Ordering::Relaxed);
    }
}

const MICROS: u64 = 1_000_000;

/// How many messages should have been sent by then.
fn due(elapsed: Duration, rate: u64) -> u64 {
    u64::try_from(elapsed.as_micros() * u128::from(rate) / u128::from(MICROS)).unwrap_or(u64::MAX)
}

/// When that many are due, by the clock of [`due`].
fn when(messages: u64, rate: u64) -> Duration {
    Duration::from_micros((messages * MICROS).div_ceil(rate))
}

#[cfg(test)]
mod tests {
    use super::{MICROS, due, when};
    use std::time::Duration;

    #[test]
    fn a_message_is_due_when_it_is_said_to_be_and_not_before() {
        for rate in [1, 7, 999, 1000, 1_000_003] {
            for messages in [1, 2, 3, 1000, 1_234_567] {
                let time = when(messages, rate);
                assert!(due(time, rate) >= messages, "{messages} at {rate}");
                assert!(due(time - Duration::from_micros(1), rate) < messages, "{messages} at {rate}");
            }
        }
        assert_eq!(when(1, MICROS), Duration::from_micros(1));
    }
}
