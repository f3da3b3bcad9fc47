//! How long a message takes from the publisher through a real redis-server to each subscriber.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use real_redis::RealRedis;
use resp::{Decoder, Encoder, Value};

use crate::error::Error;
use crate::firehose::this_program;
use crate::process::{Service, figures};
use crate::results::{OURS, Results};
use crate::settings::Settings;
use crate::subscribe::{CHANNEL, END, Subject};
use crate::system;

/// The group of these figures.
pub(crate) const GROUP: &str = "publish to receive through redis-server, 64 B";

/// How long one subscriber, or the server's start, may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The pause between two checks for a subscriber.
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);
/// Bytes of a message.
const PAYLOAD: usize = 64;

/// All subscribers, round after round.
///
/// # Errors
///
/// The system's own; there is no redis-server; a child that fails.
pub(crate) fn run(settings: &Settings, host: &Path, results: &mut Results) -> Result<(), Error> {
    let server = RealRedis::builder().prepare(system::die_with_parent).start();
    let server = server.map_err(Error::peer("redis-server"))?;
    let port = server.port();
    for _ in 0..settings.latency_rounds {
        let mut ours = Command::new(host);
        ours.args(["--timeout", "60", "benches/peers/lua/latency.lua"]).arg(format!("port={port}"));
        measure(port, settings, OURS, ours, results)?;
        for subject in Subject::LATENCY {
            let mut command = this_program()?;
            command.args(["latency", subject.name(), &port.to_string()]);
            measure(port, settings, subject.name(), command, results)?;
        }
    }
    Ok(())
}

fn measure(
    port: u16,
    settings: &Settings,
    name: &str,
    subscriber: Command,
    results: &mut Results,
) -> Result<(), Error> {
    let mut command = this_program()?;
    command.args(["publish", &port.to_string(), &settings.latencies.to_string()]);
    let _publisher = Service::silent(command)?;
    let figures = figures(subscriber, PATIENCE)?;
    results.add(GROUP, name, "p50", "ns", figures.get("p50")?);
    results.add(GROUP, name, "p99", "ns", figures.get("p99")?);
    Ok(())
}

/// The child process: once a client has subscribed, publishes a message with the time in it every millisecond or so,
/// and finally one that says "end".
///
/// # Errors
///
/// The system's own; nobody subscribes.
pub(crate) fn publish(port: u16, messages: usize) -> Result<(), Error> {
    let mut client = Client::connect(port)?;
    let deadline = Instant::now() + PATIENCE;
    while client.command(&[b"PUBSUB", b"NUMSUB", CHANNEL.as_bytes()])? < 1 {
        if Instant::now() > deadline {
            return Err(Error::peer("the publisher")("nobody subscribed"));
        }
        thread::sleep(BETWEEN_LOOKS);
    }
    // From half a millisecond to one and a half, so that it does not coincide with a subscriber's own rhythm.
    let mut chance = 1_u32;
    for _ in 0..messages {
        chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        thread::sleep(Duration::from_micros(u64::from(500 + (chance >> 16) % 1000)));
        let mut payload = system::monotonic().as_nanos().to_string().into_bytes();
        payload.resize(PAYLOAD, b'-');
        client.command(&[b"PUBLISH", CHANNEL.as_bytes(), &payload])?;
    }
    client.command(&[b"PUBLISH", CHANNEL.as_bytes(), END])?;
    Ok(())
}

/// A connection that waits for each answer.
struct Client {
    stream: TcpStream,
    decoder: Decoder,
}

impl Client {
    fn connect(port: u16) -> Result<Self, Error> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map_err(Error::io("connect"))?;
        stream.set_nodelay(true).map_err(Error::io("connect"))?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(Error::io("connect"))?;
        Ok(Self { stream, decoder: Decoder::new() })
    }

    /// Returns the integer in the answer, the last one if it is an array, otherwise 0.
    fn command(&mut self, words: &[&[u8]]) -> Result<i64, Error> {
        let mut out = Vec::new();
        Encoder::new(&mut out).command(words);
        self.stream.write_all(&out).map_err(Error::io("write"))?;
        let mut buffer = [0; 1024];
        loop {
            let len = self.stream.read(&mut buffer).map_err(Error::io("read"))?;
            if len == 0 {
                return Err(Error::peer("redis-server")("it closed the connection"));
            }
            let mut input = &buffer[..len];
            let Some(frame) = self.decoder.feed(&mut input).map_err(Error::peer("redis-server"))? else {
                continue;
            };
            return match frame.value() {
                Value::SimpleError(error) => Err(Error::peer("redis-server")(String::from_utf8_lossy(error))),
                Value::Integer(integer) => Ok(integer),
                Value::Array(items) => Ok(items
                    .filter_map(|item| match item.value() {
                        Value::Integer(integer) => Some(integer),
                        _ => None,
                    })
                    .last()
                    .unwrap_or_default()),
                _ => Ok(0),
            };
        }
    }
}
