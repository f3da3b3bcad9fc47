//! A client and a server that stays connected and answers wrongly: it refuses, loads, is demoted, speaks another
//! version than it granted, swallows messages, stands still. The [judge](judge) checks that the client is never deaf
//! silently.

mod act;
mod judge;
mod server;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arbitrary::{Arbitrary, Unstructured};
use realtime::backend::{Backend, Connected, OptionValue, Options, Session, configure};
use realtime::model::{Event, LinkId, RequestKind};

use crate::client::{Client, Heard, LINKS, MAX_PENDING, MainThread};
use act::{Act, Profile, Script};
pub use judge::Seen;
use judge::{Judge, Verdict, View};
use server::{CHANNELS, HOSTS, Server, topic};

/// Acts of one script that are carried out.
const MAX_ACTS: usize = 100;
/// The longest time of a script.
const MAX_TIME: Duration = Duration::from_secs(7200);
/// How often another client publishes on every channel.
const TICK: Duration = Duration::from_secs(5);
/// How long a connection takes to be made.
const CONNECTS: Duration = Duration::from_millis(1);
/// The option `connect_timeout`, by default. The event loop watches it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long requests may take.
const REQUESTS: Duration = Duration::from_secs(10);
/// The limit of the session's memory.
const MAX_HELD: i64 = 4 << 20;
/// After the script, longer than anything may take.
const REST: Duration = Duration::from_secs(560);
/// How many earlier events are printed for a failure.
const HISTORY: usize = 60;

/// Runs a script with all checks. Returns the counts of the checks.
pub fn deafness(input: &[u8]) -> Seen {
    let Ok(script) = Script::arbitrary(&mut Unstructured::new(input)) else { return Seen::default() };
    judged(script.profile, &script.acts)
}

fn judged(profile: Profile, acts: &[Act]) -> Seen {
    let mut world = World::new(profile);
    if let Err(fault) = world.run(acts) {
        let history = &world.history[world.history.len().saturating_sub(HISTORY)..];
        let history: String =
            history.iter().map(|(at, what)| format!("{:9.3} {what}\n", at.as_secs_f64())).collect();
        let now = world.client.driver.now - world.began;
        panic!("{profile:?}\n{history}{:9.3} {fault}", now.as_secs_f64());
    }
    let seen = world.judge.seen;
    world.client.end();
    seen
}

/// The input of a seed.
pub fn deafness_input(seed: u64) -> Vec<u8> {
    // SplitMix64: <https://prng.di.unimi.it/splitmix64.c>
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let words = 4 + next() % 20;
    (0..words).flat_map(|_| next().to_le_bytes()).collect()
}

struct World {
    client: Client<Server>,
    /// Lives as long as the session, so that the memory of its options is not counted for it.
    _backend: Arc<dyn Backend>,
    judge: Judge,
    began: Instant,
    /// When the link that is asked for is made, or refused.
    connects: [Option<Instant>; LINKS],
    /// When the event loop gives up a link that hangs.
    deadlines: [Option<Instant>; LINKS],
    /// The main thread runs no callback before then.
    stalls: Option<Instant>,
    next_tick: Instant,
    /// Messages so far.
    messages: u64,
    history: Vec<(Duration, String)>,
}

impl World {
    fn new(profile: Profile) -> Self {
        let mut pairs = vec![
            ("verify_delivery", OptionValue::Boolean(profile.verify)),
            ("max_pending", OptionValue::Number(MAX_PENDING as f64)),
        ];
        if profile.resp2 {
            pairs.push(("protocol", OptionValue::Number(2.0)));
        }
        let pairs = pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let url =
            Some(format!("redis://{}", if profile.several { HOSTS.join(",") } else { "server".into() }));
        let backend = configure(Options { url, pairs, ..Options::default() }).expect("the options are valid");
        let now = Instant::now();
        let mut main_thread = MainThread::new(usize::MAX);
        main_thread.heard = Some(Vec::new());
        let server = Server::new(now, profile.several);
        let client = Client::new(&*backend, profile.seed.into(), server, main_thread, MAX_HELD);
        let now = client.driver.now;
        Self {
            client,
            _backend: backend,
            judge: Judge::new(profile.verify, now),
            began: now,
            connects: [None; LINKS],
            deadlines: [None; LINKS],
            stalls: None,
            next_tick: now + TICK,
            messages: 0,
            history: Vec::new(),
        }
    }

    fn run(&mut self, acts: &[Act]) -> Verdict {
        self.act(&Act::Subscribe(0))?;
        for act in acts.iter().take(MAX_ACTS) {
            if self.client.driver.now - self.began > MAX_TIME {
                break;
            }
            self.act(act)?;
        }
        self.note(|| "everything is well".to_owned());
        self.stalls = None;
        self.client.set_full(false);
        self.client.driver.peers.heal();
        self.judge.disturbed(self.client.driver.now);
        self.wait(REST)
    }

    fn note(&mut self, what: impl FnOnce() -> String) {
        self.history.push((self.client.driver.now - self.began, what()));
    }

    fn act(&mut self, act: &Act) -> Verdict {
        self.note(|| format!("{act:?}"));
        let now = self.client.driver.now;
        self.client.driver.peers.now = now;
        match *act {
            Act::Wait(time) => return self.wait(time),
            Act::Subscribe(number) => {
                let topic = topic(number);
                let slot = self.client.subscribe(&topic);
                self.judge.subscribed(topic, slot, self.messages, now);
            }
            Act::Unsubscribe(number) => {
                self.client.unsubscribe(&topic(number));
                self.judge.unsubscribed(&topic(number));
            }
            Act::Publish(number) => {
                let words: [&[u8]; 2] = [CHANNELS[number % CHANNELS.len()], b"own"];
                let id = self.client.request(REQUESTS, || RequestKind::Publish(words.iter().collect()));
                id.into_iter().for_each(|id| self.judge.published(id));
            }
            Act::Get => {
                let get = || RequestKind::Command(["GET", "key"].iter().collect());
                self.client.request(REQUESTS, get);
            }
            Act::Transaction => {
                let transaction = || RequestKind::Transaction(vec![["GET", "key"].iter().collect()]);
                self.client.request(REQUESTS, transaction);
            }
            Act::Stall(time) => {
                self.stalls = Some(now + time);
                self.client.set_full(true);
            }
            _ => {
                self.client.driver.peers.act(act);
                self.judge.disturbed(now);
            }
        }
        self.client.drive();
        self.settle()
    }

    /// Time passes.
    fn wait(&mut self, time: Duration) -> Verdict {
        let end = self.client.driver.now + time;
        loop {
            let timer = self.client.driver.session.poll_timeout();
            // A later wish is carried out at its time, not at the next step.
            let now = self.client.driver.now;
            for (id, (connect, deadline)) in (0..).zip(self.connects.iter_mut().zip(&mut self.deadlines)) {
                if connect.is_none() && self.client.driver.is_wanted(LinkId(id)) {
                    (*connect, *deadline) = (Some(now + CONNECTS), Some(now + CONNECT_TIMEOUT));
                }
            }
            let connects = self.connects.iter().flatten().copied();
            let dues = [timer, self.client.driver.peers.due(), self.stalls, Some(self.next_tick)];
            let due = dues.into_iter().flatten().chain(connects).min().unwrap_or(end);
            if due > end {
                self.client.driver.now = end;
                return self.settle();
            }
            let due = due.max(self.client.driver.now);
            self.client.driver.now = due;
            self.client.driver.peers.now = due;
            self.look()?;
            if timer.is_some_and(|timer| timer <= due) {
                self.client.driver.fire();
                self.client.drive();
            }
            self.settle()?;
        }
    }

    /// Does everything that is due.
    fn settle(&mut self) -> Verdict {
        let now = self.client.driver.now;
        self.client.driver.peers.now = now;
        self.listen()?;
        if self.stalls.take_if(|end| *end <= now).is_some() {
            self.note(|| "the main thread goes on".to_owned());
            self.client.driver.peers.is_read_again();
            self.client.set_full(false);
            self.listen()?;
        }
        for link in 0..LINKS {
            self.connect(link)?;
        }
        if self.next_tick <= now {
            self.next_tick += TICK;
            self.publish();
        }
        for link in 0..LINKS {
            let id = u8::try_from(link).expect("0 or 1");
            while let Some(bytes) = self.client.driver.peers.arrived(link) {
                self.client.driver.receive(LinkId(id), &bytes);
                self.client.drive();
                self.listen()?;
            }
            let is_closed = self.client.driver.peers.connections[link].as_ref().is_some_and(|it| it.closed);
            if is_closed && !self.client.driver.is_paused(LinkId(id)) {
                self.note(|| format!("the server closes {link}"));
                self.client.lost(id, 0);
                self.client.drive();
                self.listen()?;
            }
        }
        self.look()
    }

    /// Makes a link that is asked for, when its time has come.
    fn connect(&mut self, link: usize) -> Verdict {
        let now = self.client.driver.now;
        let id = u8::try_from(link).expect("0 or 1");
        if !self.client.driver.is_wanted(LinkId(id)) {
            (self.connects[link], self.deadlines[link]) = (None, None);
            return Ok(());
        }
        let deadline = *self.deadlines[link].get_or_insert(now + CONNECT_TIMEOUT);
        let at = *self.connects[link].get_or_insert(now + CONNECTS);
        if at > now {
            return Ok(());
        }
        match self.client.driver.peers.turns_away() {
            Some(true) if deadline <= now => {
                (self.connects[link], self.deadlines[link]) = (None, None);
                self.client.lost(id, 7);
            }
            Some(true) => self.connects[link] = Some(deadline.min(now + Duration::from_secs(1))),
            Some(false) => {
                (self.connects[link], self.deadlines[link]) = (None, None);
                self.client.lost(id, 2);
            }
            None => {
                (self.connects[link], self.deadlines[link]) = (None, None);
                self.note(|| format!("link {link} is made"));
                self.client.driver.peers.accept(link);
                let host = u8::from(self.client.driver.peers.wanted_host(link) == 1);
                let peer = Some(SocketAddr::from(([127, 0, 0, host], 6379)));
                self.client.driver.connected(LinkId(id), Connected { peer, ..Connected::default() });
            }
        }
        self.client.drive();
        self.listen()
    }

    /// Another client publishes on every channel.
    fn publish(&mut self) {
        self.messages += 1;
        let reads = !self.client.driver.queue.full;
        for channel in CHANNELS {
            for topic in self.client.driver.peers.publish(channel, self.messages, reads) {
                self.judge.missed(&topic, self.messages);
            }
        }
    }

    /// Passes the output to the checks.
    fn listen(&mut self) -> Verdict {
        for heard in self.client.driver.queue.heard.replace(Vec::new()).unwrap_or_default() {
            if let Heard::Event(event) = &heard {
                let text = match event {
                    Event::Ready(ready) => format!("ready, {:?} {:?}", ready.role, ready.address),
                    other => format!("{other:?}"),
                };
                self.note(|| text);
            }
            self.judge.hear(heard, &mut self.client.driver.peers)?;
        }
        let lost = std::mem::take(&mut self.client.driver.peers.lost);
        self.judge.lost(lost);
        if std::mem::take(&mut self.client.driver.peers.unsubscribed) {
            self.judge.disconnected();
        }
        Ok(())
    }

    fn look(&mut self) -> Verdict {
        let view = View {
            counters: &self.client.counters,
            full: self.client.driver.queue.full,
            now: self.client.driver.now,
        };
        self.judge.look(&self.client.driver.peers, &view)
    }
}

#[cfg(test)]
mod tests;
