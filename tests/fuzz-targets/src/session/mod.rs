//! The Redis session, fed any bytes at any moment between any commands, with a clock of its own.

mod act;
mod event_loop;
mod judge;
mod peer;

use std::sync::Arc;
use std::time::{Duration, Instant};

use arbitrary::{Arbitrary, Unstructured};
use realtime::backend::{Backend, OptionValue, Options, Session, Start, configure};
use realtime::model::{
    Args, Command, Counters, ReplyTo, Request, RequestKind, Slot, Ticket, Topic, TopicKind,
};

pub use act::{Act, Profile, Reply, Script, Wish};
use judge::Judge;
use peer::Peer;

/// `max_message_bytes` of a client with small messages.
pub(crate) const SMALL_MESSAGE: usize = 100;

/// What a hostile server may send without end.
pub(crate) const FLOODS: [&[u8]; 8] = [
    b"x",
    b":1\r\n",
    b"*1\r\n",
    b"|1\r\n+a\r\n:1\r\n",
    b"*0\r\n",
    b"%1\r\n",
    b";1\r\nx\r\n",
    b">1\r\n+x\r\n",
];

const PASSWORD: &str = "correct-horse-battery-staple";
const LINKS: usize = 2;
/// Requests under way at most: the queue refuses more, and the option `max_pending` is the same.
const MAX_PENDING: usize = 40;
/// Acts of one script that are carried out.
const MAX_ACTS: usize = 400;
/// Bytes that floods of one script have altogether.
const MAX_FLOOD: usize = 1 << 20;
/// What a session may hold, whatever comes: of each link half-read frames and what waits to be written, beside the few
/// requests and topics that are under way here.
const MAX_HELD: i64 = 32 << 20;
/// The same with small messages.
const MAX_HELD_SMALL: i64 = 3 << 20;
const TENTH: Duration = Duration::from_millis(100);

/// Name of a channel or pattern by its number: few, so that numbers meet; the last is beyond what a name may have.
fn name(number: u8) -> &'static [u8] {
    const NAMES: [&[u8]; 7] = [b"a", b"b", b"chat", b"news.*", b"\r\n\0\xff", b"", &[b'n'; 70_000]];
    NAMES[usize::from(number) % NAMES.len()]
}

/// Carries out a script and sees that the session keeps its promises: no panic, no endless loop, one answer to each
/// request, `closed` as the last word, wakes in the future, bounded memory that is given back in the end, no secret told.
pub fn session(input: &[u8]) {
    let Ok(script) = Script::arbitrary(&mut Unstructured::new(input)) else { return };
    let mut world = World::new(script.profile);
    world.judge.password_known = input.windows(PASSWORD.len()).any(|part| part == PASSWORD.as_bytes());
    for act in script.acts.into_iter().take(MAX_ACTS) {
        world.act(act);
    }
    world.end();
}

struct World {
    session: Option<Box<dyn Session>>,
    backend: Arc<dyn Backend>,
    profile: Profile,
    now: Instant,
    judge: Judge,
    counters: Arc<Counters>,
    peers: [Peer; LINKS],
    links: [Pipe; LINKS],
    /// Bytes of each read; 0: all there are.
    reads: u8,
    asked: u32,
    flooded: usize,
    /// What the session holds, counted by the allocator.
    held: i64,
    finished: bool,
}

/// The event loop's side of a link.
#[derive(Debug)]
struct Pipe {
    wanted: bool,
    open: bool,
    /// The server said nothing but whole answers to its commands.
    in_step: bool,
    /// Bytes that the socket still takes.
    writable: usize,
    /// Bytes that were not read yet, or that the session did not take.
    unread: Vec<u8>,
}

impl World {
    fn new(profile: Profile) -> Self {
        let backend = configure(options(profile)).expect("the options are valid");
        let now = Instant::now();
        let counters = Arc::new(Counters::default());
        let mut session = None;
        let held = allocation_counter::measure(|| {
            session = Some(backend.session(Start { now, seed: 7, counters: Arc::clone(&counters) }));
        });
        let pipe =
            || Pipe { wanted: false, open: false, in_step: true, writable: usize::MAX, unread: Vec::new() };
        let longest = if profile.small { SMALL_MESSAGE } else { usize::MAX };
        let mut world = Self {
            session,
            backend,
            profile,
            now,
            judge: Judge::new(longest),
            counters,
            peers: [Peer::default(), Peer::default()],
            links: [pipe(), pipe()],
            reads: 0,
            asked: 0,
            flooded: 0,
            held: held.bytes_current,
            finished: false,
        };
        world.collect();
        world
    }

    /// Calls the session, and counts what it holds.
    fn call<T>(&mut self, call: impl FnOnce(&mut dyn Session, Instant, &mut Judge) -> T) -> T {
        let Self { session, now, judge, .. } = self;
        let session = session.as_deref_mut().expect("dropped at the end alone");
        let mut result = None;
        let memory = allocation_counter::measure(|| {
            result = Some(call(session, *now, judge));
        });
        let peak = self.held + i64::try_from(memory.bytes_max).unwrap_or(i64::MAX);
        self.held += memory.bytes_current;
        assert!(peak < if self.profile.small { MAX_HELD_SMALL } else { MAX_HELD }, "{peak} bytes held");
        result.expect("it was called")
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Raw(link, bytes) => {
                self.out_of_step(link);
                self.server(link, &bytes);
            }
            Act::Answer(link, how) => self.answer(link, how),
            Act::AnswerAll(link) => {
                let waiting = self.peers.get(usize::from(link)).map_or(0, Peer::waiting);
                (0..waiting).for_each(|_| self.answer(link, Reply::Proper));
            }
            Act::Message(link, pattern, number, size) => {
                self.out_of_step(link);
                let Some(peer) = self.peers.get(usize::from(link)) else { return };
                let mut bytes = Vec::new();
                peer.message(pattern, number, size, &mut bytes);
                self.server(link, &bytes);
            }
            Act::Confirm(link, subscribe, pattern, number) => {
                self.out_of_step(link);
                let Some(peer) = self.peers.get_mut(usize::from(link)) else { return };
                let kind: &[u8] = match (subscribe, pattern) {
                    (true, false) => b"subscribe",
                    (true, true) => b"psubscribe",
                    (false, false) => b"unsubscribe",
                    (false, true) => b"punsubscribe",
                };
                let mut bytes = Vec::new();
                peer.confirm(kind, name(number), &mut bytes);
                self.server(link, &bytes);
            }
            Act::Flood(link, kind, size) => self.flood(link, kind, size),
            Act::Reads(size) => self.reads = size,
            Act::Connected(link) => self.connected(link),
            Act::Lost(link, cause) => self.lost(link, cause),
            Act::Wait(time) => self.wait(TENTH * time.into()),
            Act::Timer => self.call(|session, now, judge| session.handle_timeout(now, judge)),
            Act::Writable(link, n) => {
                if let Some(pipe) = self.links.get_mut(usize::from(link)) {
                    pipe.writable = if n == u8::MAX { usize::MAX } else { n.into() };
                }
            }
            Act::Full(full) => {
                self.judge.full = full;
                if !full {
                    (0..LINKS).for_each(|link| self.resume(link));
                }
            }
            Act::Wish(wish) => self.wish(wish),
            Act::Publish(time, number, message) => {
                let words = [name(number), &message];
                self.request(time, || RequestKind::Publish(words.iter().collect()));
            }
            Act::Command(time, words) => {
                let args: Args = words.iter().collect();
                // What the backend refuses is refused in the call itself.
                if self.backend.check(&args).is_ok() {
                    self.request(time, || RequestKind::Command(words.iter().collect()));
                }
            }
            Act::Transaction(time, count) => {
                let count = usize::from(count) % 4;
                self.request(time, || {
                    RequestKind::Transaction(vec![["INCR", "key"].iter().collect(); count])
                });
            }
            Act::Ping(time) => self.request(time, || RequestKind::Ping),
            Act::Disconnect(time) => self.disconnect(time),
        }
        self.collect();
    }

    /// The server's answers do not match the commands any more: what it echoes of a login may be taken for the answer to
    /// something else.
    fn out_of_step(&mut self, link: u8) {
        if let Some(pipe) = self.links.get_mut(usize::from(link)) {
            pipe.in_step = false;
        }
    }

    fn answer(&mut self, link: u8, how: Reply) {
        match how {
            Reply::Proper | Reply::Described | Reply::Echo | Reply::NoPermission | Reply::Loading => {}
            _ => self.out_of_step(link),
        }
        let Some(peer) = self.peers.get_mut(usize::from(link)) else { return };
        self.judge.password_known |= how == Reply::Echo && !self.links[usize::from(link)].in_step;
        let bytes = peer.answer(how, self.profile.old_server);
        self.server(link, &bytes);
        self.collect();
    }

    fn flood(&mut self, link: u8, kind: u8, size: u8) {
        let pattern = FLOODS[usize::from(kind) % FLOODS.len()];
        let bytes = (usize::from(size) << 10).min(MAX_FLOOD.saturating_sub(self.flooded));
        self.flooded += bytes;
        self.out_of_step(link);
        let flood: Vec<u8> = pattern.iter().copied().cycle().take(bytes).collect();
        // In pieces of one byte it would take as many calls.
        let reads = std::mem::replace(&mut self.reads, 0);
        self.server(link, &flood);
        self.reads = reads;
    }

    fn wish(&mut self, Wish { subscribe, pattern, name: number }: Wish) {
        let kind = if pattern { TopicKind::Pattern } else { TopicKind::Channel };
        let topic = Topic { kind, name: name(number).into() };
        if !subscribe {
            self.judge.unwanted(&topic);
            self.hand_over(|| Command::Unsubscribe(topic.clone()));
            return;
        }
        self.asked += 1;
        let slot = Slot { index: self.asked, generation: 0 };
        if !self.judge.closing {
            self.judge.wanted.insert(topic.clone(), slot);
        }
        self.hand_over(|| Command::Subscribe { topic: topic.clone(), slot });
    }

    fn request(&mut self, time: u8, kind: impl FnOnce() -> RequestKind) {
        if self.judge.pending.len() >= MAX_PENDING {
            return;
        }
        self.asked += 1;
        let id = self.asked;
        self.judge.pending.insert(id);
        let deadline = self.now + TENTH * time.into();
        let ticket = Ticket { to: ReplyTo::Callback(Slot { index: id, generation: 0 }), bytes: 0 };
        self.hand_over(move || Command::Request(Request { ticket, deadline, kind: kind() }));
        assert!(
            !self.judge.closed || !self.judge.pending.contains(&id),
            "what comes behind the end is answered at once"
        );
    }

    fn disconnect(&mut self, time: u8) {
        self.judge.wanted.clear();
        self.judge.closing = true;
        let deadline = self.now + TENTH * time.into();
        self.hand_over(move || Command::Disconnect { deadline });
    }

    /// Hands over a command, which is made inside of the count: its memory becomes the session's.
    fn hand_over(&mut self, command: impl FnOnce() -> Command) {
        self.call(|session, now, judge| {
            session.handle_command(now, command(), judge);
        });
    }

    /// Sees that it ends, with an answer to everything and with nothing left behind.
    fn end(mut self) {
        self.disconnect(10);
        self.collect();
        self.wait(TENTH * 11);
        assert!(self.judge.closed && self.finished, "it does not end");
        assert!(self.judge.pending.is_empty(), "unanswered: {:?}", self.judge.pending);
        assert_eq!(self.call(|session, _, _| session.poll_timeout()), None, "a timer behind the end");
        let session = self.session.take();
        let memory = allocation_counter::measure(|| drop(session));
        assert_eq!(self.held + memory.bytes_current, 0, "bytes that nobody gives back");
    }
}

fn options(profile: Profile) -> Options {
    let text = |text: &str| OptionValue::String(text.as_bytes().to_vec());
    let mut pairs = vec![("host", text("server")), ("max_pending", OptionValue::Number(40.0))];
    match profile.protocol {
        0 => {}
        version => pairs.push(("protocol", OptionValue::Number(f64::from(version + 1)))),
    }
    if profile.login {
        pairs.extend([("username", text("user")), ("password", text(PASSWORD))]);
    }
    if profile.named {
        pairs.extend([("db", OptionValue::Number(3.0)), ("name", text("ttt-1"))]);
    }
    if profile.small {
        pairs.push(("max_message_bytes", OptionValue::Number(100.0)));
    }
    let pairs = pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    Options { url: None, pairs, ..Options::default() }
}
