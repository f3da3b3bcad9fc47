//! A conversation over TLS, cut at every byte of ciphertext, in both directions.
//!
//! A client subscribes, publishes and has things written down, one after the other. After each cut it must be connected again,
//! every request answered exactly once, none of them run twice, none run that is said not to have been sent, and what arrives
//! must be in order.
//!
//! One cut of `EVERY` is made, another share of them in each place; `TLS_CUTS=all` makes all of them, `TLS_CUTS="down 1234"` one.

#![cfg(all(target_os = "linux", feature = "tls"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failure here is a failed test")]

mod toy;

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use fake_redis::FakeRedis;
use fault_proxy::{Course, FaultProxy, Faults};
use realtime::backend::{OptionValue, Options, configure};
use realtime::model::{Command, Event, ReplyTo, Request, RequestKind, RequestSlot, Value};
use tls_proxy::TlsProxy;
use toy::{Client, Game, Seen};

/// Conversations at the same time.
const LANES: usize = 16;
const EVERY: u64 = 9;
/// A conversation's length differs: signatures do by some bytes, and answers may come in one record or in several.
const SLACK: u64 = 250;
/// What is published and written down in each.
const STEPS: u32 = 4;
/// Far beyond what a conversation takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// One cut: from the client to the server or back, after so many bytes.
#[derive(Debug, Clone, Copy)]
struct Cut {
    up: bool,
    at: u64,
}

/// A conversation.
struct Lane {
    number: u32,
    cut: Option<Cut>,
    proxy: FaultProxy,
    client: Client,
    /// The request that is under way, from 0; a publish, and then what writes it down.
    asked: u32,
    /// Of each request that writes down: whether it was answered, and was or may have been run.
    written: Vec<(bool, bool)>,
    heard: Vec<u32>,
    deadline: Instant,
}

impl Lane {
    fn start(game: &mut Game, number: u32, tls: &TlsProxy, cut: Option<Cut>) -> Self {
        // An address of its own: a port would hardly be free again in time.
        let [.., high, low] = number.to_be_bytes();
        let proxy =
            FaultProxy::start_at(Ipv4Addr::new(127, 48, high, low), (Ipv4Addr::LOCALHOST, tls.port()).into());
        let proxy = proxy.unwrap();
        if let Some(Cut { up, at }) = cut {
            let mut faults = Faults::default();
            *(if up { &mut faults.up } else { &mut faults.down }) =
                Course { cut_at: Some(at), ..Course::default() };
            proxy.next([faults]);
        }
        let pairs = [
            // Settings of its own, so that its first handshake is a full one and those after it resume a session.
            ("tls_ca", OptionValue::String(format!("# {number}\n{}", tls.authority()).into())),
            ("tls_name", OptionValue::String(b"localhost".to_vec())),
            ("reconnect_min", OptionValue::Number(0.001)),
            ("reconnect_max", OptionValue::Number(0.002)),
            ("connect_timeout", OptionValue::Number(PATIENCE.as_secs_f64())),
        ];
        let pairs = pairs.map(|(key, value)| (key.to_owned(), value)).into();
        let url = Some(format!("rediss://{}", proxy.address()));
        let client = game.open(&*configure(Options { url, pairs, ..Options::default() }).unwrap());
        game.subscribe(&client, &format!("chat:{number}"), 1);
        let deadline = Instant::now() + PATIENCE;
        let mut lane =
            Self { number, cut, proxy, client, asked: 0, written: Vec::new(), heard: Vec::new(), deadline };
        lane.ask(game);
        lane
    }

    /// Publishes a number, or has it written down.
    fn ask(&mut self, game: &Game) {
        let (step, name) = ((self.asked / 2).to_string(), self.number);
        let to = ReplyTo::Callback(RequestSlot::new(self.asked, 0));
        if self.asked.is_multiple_of(2) {
            return game.publish(&self.client, &format!("chat:{name}"), step.as_bytes(), to);
        }
        let words = [&b"RPUSH"[..], format!("list:{name}").as_bytes(), step.as_bytes()]
            .into_iter()
            .map(<[u8]>::to_vec)
            .collect::<Vec<_>>();
        let ticket = self.client.consumer.ticket(to, 20).unwrap();
        let kind = RequestKind::Command(words.iter().collect());
        game.command(
            &self.client,
            Command::Request(Request { ticket, deadline: Instant::now() + PATIENCE, kind }),
        );
    }

    /// Goes on. Returns whether the conversation is over.
    fn poll(&mut self, game: &Game) -> bool {
        assert!(Instant::now() < self.deadline, "{:?}: it never ends; request {}", self.cut, self.asked);
        while let Some(seen) = self.client.next() {
            match seen {
                Seen::Answer(slot, result) => {
                    assert_eq!(slot.index, self.asked, "{:?}: {result:?}", self.cut);
                    // The last one is published again until it was: all is well then.
                    let again = self.asked == 2 * STEPS && result.is_err();
                    if self.asked % 2 == 1 {
                        let may_have_run = result.as_ref().map_or_else(|error| error.sent, |_| true);
                        self.written.push((result.is_ok(), may_have_run));
                    }
                    if !again {
                        self.asked += 1;
                    }
                    if self.asked <= 2 * STEPS {
                        self.ask(game);
                    }
                }
                Seen::Message(_, payload) => {
                    self.heard.push(std::str::from_utf8(&payload).unwrap().parse().unwrap());
                }
                Seen::Event(Event::Down { error, .. }) => {
                    assert!(self.cut.is_some(), "{error}");
                }
                Seen::Event(_) => {}
            }
        }
        self.asked > 2 * STEPS && self.heard.last() == Some(&STEPS)
    }

    /// What must hold in the end. Returns whether the cut was made.
    fn check(&self, game: &Game, plain: &mut Client) -> bool {
        assert!(self.heard.is_sorted_by(|one, next| one < next), "{:?}: heard {:?}", self.cut, self.heard);
        let mut written = vec![0; STEPS as usize];
        for number in list(game, plain, &format!("list:{}", self.number)) {
            written[number] += 1;
        }
        for (step, (&(answered, may_have_run), &times)) in self.written.iter().zip(&written).enumerate() {
            let right = if answered { times == 1 } else { times <= usize::from(may_have_run) };
            assert!(
                right,
                "{:?}: {step} was written {times} times: answered {answered}, sent {may_have_run}",
                self.cut
            );
        }
        self.proxy.connections()[0].cut
    }
}

/// The numbers in a list, by a client past TLS.
fn list(game: &Game, plain: &mut Client, name: &str) -> Vec<usize> {
    let ticket = plain.consumer.ticket(ReplyTo::Callback(RequestSlot::new(0, 0)), 20).unwrap();
    let kind = RequestKind::Command([&b"LRANGE"[..], name.as_bytes(), b"0", b"-1"].iter().collect());
    game.command(plain, Command::Request(Request { ticket, deadline: Instant::now() + PATIENCE, kind }));
    let Ok(Value::Array(items)) = plain.wait_answer() else { panic!("no list") };
    let number = |item: &Value| match item {
        Value::String(text) => std::str::from_utf8(text).unwrap().parse().unwrap(),
        other => panic!("{other:?}"),
    };
    items.iter().map(number).collect()
}

#[test]
fn a_cut_at_any_byte_of_ciphertext_loses_nothing_unsaid_and_repeats_nothing() {
    let redis = FakeRedis::builder().start().unwrap();
    let tls = TlsProxy::start((Ipv4Addr::LOCALHOST, redis.port()).into()).unwrap();
    let mut game = Game::start();
    let mut plain = game.open(&*configure(Options { url: Some(redis.url()), ..Options::default() }).unwrap());
    let mut number = 0;
    let mut start = |game: &mut Game, cut| {
        number += 1;
        Lane::start(game, number, &tls, cut)
    };
    let mut uncut = start(&mut game, None);
    while !uncut.poll(&game) {
        std::thread::yield_now();
    }
    assert!(!uncut.check(&game, &mut plain));
    let passed = uncut.proxy.connections().remove(0);
    let chosen = std::env::var("TLS_CUTS").unwrap_or_default();
    let every = if chosen == "all" { 1 } else { EVERY };
    let share = |up, length: u64| {
        (0..length).filter(move |at| at % every == u64::from(up) % every).map(move |at| Cut { up, at })
    };
    let mut cuts: Vec<Cut> = share(true, passed.passed_up).chain(share(false, passed.passed_down)).collect();
    if let Some((up, at)) = chosen.split_once(' ') {
        cuts = vec![Cut { up: up == "up", at: at.parse().unwrap() }];
    }
    let sure = |cut: Cut| cut.at + SLACK < if cut.up { passed.passed_up } else { passed.passed_down };
    let (total, mut made) = (cuts.len(), 0);
    let (mut waiting, mut lanes) = (cuts.into_iter(), Vec::new());
    loop {
        while lanes.len() < LANES
            && let Some(cut) = waiting.next()
        {
            lanes.push(start(&mut game, Some(cut)));
        }
        if lanes.is_empty() {
            break;
        }
        let mut over = None;
        for (index, lane) in lanes.iter_mut().enumerate() {
            if lane.poll(&game) {
                over = Some(index);
            }
        }
        let Some(index) = over else {
            std::thread::yield_now();
            continue;
        };
        let lane = lanes.swap_remove(index);
        let was_made = lane.check(&game, &mut plain);
        assert!(
            was_made || !lane.cut.is_some_and(sure),
            "{:?}: the conversation was over before it",
            lane.cut
        );
        made += usize::from(was_made);
        game.command(&lane.client, Command::Disconnect { deadline: Instant::now() });
    }
    println!(
        "tls_cuts: {made} cuts of {total} places, {} bytes up and {} down",
        passed.passed_up, passed.passed_down
    );
}
