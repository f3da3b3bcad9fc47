//! The module without Lua: its worker, queue and dispatcher, connected as in `lua`.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use realtime::backend::{OptionValue, Options, Start, configure};
use realtime::dispatch::{Client, Dispatcher, MessageOptions, Step};
use realtime::model::{Counters, SessionId, Spawn, Topic, TopicKind};
use realtime::net::Spawner;
use realtime::queue::{Order, Signal, events, orders};

use super::{CHANNEL, END, Meter};
use crate::error::Error;

/// The main thread's pause if nothing waits. The game's frame is fifteen times as long.
const PAUSE: Duration = Duration::from_millis(1);

pub(super) fn receive<M: Meter>(port: u16, protocol: u8, meter: &mut M) -> Result<(), Error> {
    let peer = Error::peer("realtime");
    let pairs = vec![
        ("protocol".to_owned(), OptionValue::Number(protocol.into())),
        ("overflow".to_owned(), OptionValue::String(b"pause".to_vec())),
    ];
    let url = Some(format!("redis://127.0.0.1:{port}"));
    let backend = configure(Options { url, pairs, ..Options::default() })
        .map_err(|error| peer(format!("{error:?}")))?;

    let (orders, inbox) = orders();
    let worker = Spawner::new().spawn(inbox).map_err(Error::io("the worker"))?;
    let signal = Signal::default();
    let counters = Arc::<Counters>::default();
    let session = backend.session(Start { now: Instant::now(), seed: 1, counters: Arc::clone(&counters) });
    let (producer, consumer) = events(backend.limits(), counters, Arc::clone(&signal), orders.waker());
    let id = SessionId(0);
    orders.push(Order::Open { id, session, producer, commands: Vec::new() });

    let mut dispatcher = Dispatcher::new(signal);
    let client = dispatcher.insert(Client::new((), "firehose".to_owned(), id, consumer));
    let topic = Topic { kind: TopicKind::Channel, name: CHANNEL.as_bytes().into() };
    let command = dispatcher.get_mut(client).and_then(|client| {
        client.subscribe(topic, b"", CHANNEL, || CHANNEL, MessageOptions::default(), None)
    });
    if let Some(command) = command {
        orders.push(Order::Command { id, command });
    }
    'receiving: loop {
        dispatcher.begin();
        loop {
            match dispatcher.step() {
                Step::Message { payload, name, .. } => {
                    std::hint::black_box(name);
                    if payload == END {
                        break 'receiving;
                    }
                    meter.message(payload);
                }
                Step::Idle => break,
                Step::Line(line) => return Err(peer(line.to_owned())),
                _ => {}
            }
        }
        if !dispatcher.has_work() {
            thread::sleep(PAUSE);
        }
    }
    let deadline = Instant::now();
    orders.push(Order::Shutdown { deadline });
    worker.join(deadline + Duration::from_secs(1));
    Ok(())
}
