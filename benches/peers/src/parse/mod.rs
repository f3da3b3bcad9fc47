//! Parses the same bytes with each parser, side by side in one process.

mod corpus;
mod others;
mod ours;
mod redis_protocol;
mod resp_rs;

use std::time::{Duration, Instant};

use corpus::Corpus;

use crate::error::Error;
use crate::hiredis::Reader;
use crate::results::{OURS, Results};
use crate::settings::Settings;

/// A parser with the state that it keeps between pieces of input.
trait Parser {
    /// Reads every value in the corpus; returns the number of frames.
    fn parse(&mut self, corpus: &Corpus) -> Result<usize, Error>;
}

/// A parser and its name.
type Row = (&'static str, Box<dyn Parser>);

/// The rows, in the order of the table.
fn parsers() -> Result<Vec<Row>, Error> {
    Ok(vec![
        (OURS, Box::new(ours::Ours::default())),
        ("hiredis", Box::new(others::Hiredis(Reader::new()?))),
        ("redis-protocol (ranges)", Box::new(redis_protocol::Ranges)),
        ("redis-protocol (bytes)", Box::new(redis_protocol::Bytes)),
        ("resp-rs", Box::new(resp_rs::RespRs)),
        ("redis-rs", Box::<others::RedisRs>::default()),
        ("rustis (index only)", Box::<others::Rustis>::default()),
        ("memchr over every CR", Box::new(ours::Memchr)),
    ])
}

/// Parsers to owned values, in the form that clients return: redis-rs has its own, fred those of redis-protocol.
fn owners() -> Vec<Row> {
    vec![
        (OURS, Box::<ours::Owned>::default()),
        ("redis-rs", Box::<others::RedisRs>::default()),
        ("fred (redis-protocol, bytes)", Box::new(redis_protocol::Bytes)),
    ]
}

/// The corpora that are also parsed to owned values.
const OWNED: [&str; 2] = ["mixed small replies", "array of 1,000, mixed"];

/// Measures nanoseconds for each frame, all parsers in turn, round after round.
///
/// # Errors
///
/// A parser that refuses valid input, or finds another number of frames.
pub(crate) fn run(settings: &Settings, results: &mut Results) -> Result<(), Error> {
    for corpus in corpus::all(settings.elements)? {
        compare("parse", &corpus, &mut parsers()?, settings, results)?;
        if OWNED.contains(&&*corpus.name) {
            compare("owned", &corpus, &mut owners(), settings, results)?;
        }
    }
    Ok(())
}

fn compare(
    what: &str,
    corpus: &Corpus,
    parsers: &mut [Row],
    settings: &Settings,
    results: &mut Results,
) -> Result<(), Error> {
    let group = format!("{what}: {}", corpus.name);
    for _ in 0..settings.rounds {
        for (name, parser) in &mut *parsers {
            let nanos = measure(name, parser.as_mut(), corpus, settings.parse_for)?;
            results.add(&group, name, "time a frame", "ns", nanos);
        }
    }
    Ok(())
}

fn measure(
    name: &'static str,
    parser: &mut dyn Parser,
    corpus: &Corpus,
    duration: Duration,
) -> Result<f64, Error> {
    // The first one warms up, and its time is checked.
    let warm = Instant::now();
    let found = parser.parse(corpus)?;
    let frames = corpus.frames.len();
    if found != frames {
        return Err(Error::Frames { parser: name, corpus: corpus.name.clone(), found, frames });
    }
    let once = warm.elapsed();
    if once > duration * 10 {
        // It is so slow that warming up makes no difference.
        return Ok(nanos(once, frames));
    }
    let (start, mut times) = (Instant::now(), 0);
    loop {
        parser.parse(corpus)?;
        times += 1;
        let elapsed = start.elapsed();
        if elapsed >= duration {
            return Ok(nanos(elapsed, frames * times));
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "no count here reaches 2^53")]
fn nanos(elapsed: Duration, frames: usize) -> f64 {
    elapsed.as_secs_f64() * 1e9 / frames as f64
}
