//! The Redis session, fed any bytes at any moment between any commands, in virtual time.

mod act;
mod peer;

use std::sync::Arc;
use std::time::{Duration, Instant};

use arbitrary::{Arbitrary, Unstructured};
use realtime::backend::{Backend, Connected, OptionValue, Options, configure};
use realtime::model::{Args, LinkId, READ_BYTES, RequestKind, Topic, TopicKind};
use session_driver::Peers;

use crate::client::{Client, LINKS, MainThread, PASSWORD};
pub use act::{Act, Profile, Reply, Script, Wish};
use peer::Peer;

/// `max_message_bytes` of a client with small messages.
pub(crate) const SMALL_MESSAGE: usize = 100;

/// Bytes that a hostile server may send without end.
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

/// Acts of one script that are carried out.
const MAX_ACTS: usize = 400;
/// Bytes that floods of one script have altogether.
const MAX_FLOOD: usize = 1 << 20;
/// The limit of a session's memory, whatever the input: for each link half-read frames and bytes that wait to be
/// written, beside the few requests and topics in flight here.
const MAX_HELD: i64 = 32 << 20;
/// The same with small messages.
const MAX_HELD_SMALL: i64 = 3 << 20;
const TENTH: Duration = Duration::from_millis(100);

/// Name of a channel or pattern by its number: few, so that numbers collide; the last is longer than a name may be.
fn name(number: u8) -> &'static [u8] {
    const NAMES: [&[u8]; 7] = [b"a", b"b", b"chat", b"news.*", b"\r\n\0\xff", b"", &[b'n'; 70_000]];
    NAMES[usize::from(number) % NAMES.len()]
}

/// Carries out a script. The client sees that its session keeps its promises.
pub fn session(input: &[u8]) {
    let Ok(script) = Script::arbitrary(&mut Unstructured::new(input)) else { return };
    let mut world = World::new(script.profile);
    world.client.driver.queue.password_known =
        input.windows(PASSWORD.len()).any(|part| part == PASSWORD.as_bytes());
    for act in script.acts.into_iter().take(MAX_ACTS) {
        world.act(act);
    }
    world.client.end();
}

struct World {
    client: Client<Servers>,
    backend: Arc<dyn Backend>,
    profile: Profile,
    flooded: usize,
}

/// The servers at the other end of the links.
#[derive(Default)]
struct Servers([Peer; LINKS]);

impl Peers for Servers {
    fn written(&mut self, link: LinkId, _now: Instant, bytes: &[u8]) {
        self.0[usize::from(link.0)].written(bytes);
    }

    fn gone(&mut self, link: LinkId) {
        self.0[usize::from(link.0)] = Peer::default();
    }
}

impl World {
    fn new(profile: Profile) -> Self {
        let backend = configure(options(profile)).expect("the options are valid");
        let longest = if profile.small { SMALL_MESSAGE } else { usize::MAX };
        let max_held = if profile.small { MAX_HELD_SMALL } else { MAX_HELD };
        let main_thread = MainThread::new(longest);
        let client = Client::new(&*backend, 7, Servers::default(), main_thread, max_held);
        Self { client, backend, profile, flooded: 0 }
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Raw(link, bytes) => {
                self.out_of_step(link);
                self.receive(link, &bytes);
            }
            Act::Answer(link, how) => self.answer(link, how),
            Act::AnswerAll(link) => {
                let waiting = self.client.driver.peers.0.get(usize::from(link)).map_or(0, Peer::waiting);
                (0..waiting).for_each(|_| self.answer(link, Reply::Proper));
            }
            Act::Message(link, kind, number, size) => {
                self.out_of_step(link);
                let Some(peer) = self.client.driver.peers.0.get(usize::from(link)) else { return };
                let mut bytes = Vec::new();
                peer.message(kind, number, size, &mut bytes);
                self.receive(link, &bytes);
            }
            Act::Confirm(link, subscribe, kind, number) => {
                self.out_of_step(link);
                let Some(peer) = self.client.driver.peers.0.get_mut(usize::from(link)) else { return };
                let word: &[u8] = match (subscribe, kind) {
                    (true, TopicKind::Channel) => b"subscribe",
                    (true, TopicKind::Pattern) => b"psubscribe",
                    (true, TopicKind::ShardedChannel) => b"ssubscribe",
                    (false, TopicKind::Channel) => b"unsubscribe",
                    (false, TopicKind::Pattern) => b"punsubscribe",
                    (false, TopicKind::ShardedChannel) => b"sunsubscribe",
                };
                let mut bytes = Vec::new();
                peer.confirm(word, name(number), &mut bytes);
                self.receive(link, &bytes);
            }
            Act::Flood(link, kind, size) => self.flood(link, kind, size),
            Act::Reads(0) => self.client.driver.read_bytes = READ_BYTES,
            Act::Reads(size) => self.client.driver.read_bytes = size.into(),
            Act::Connected(link) => {
                if self.client.driver.is_wanted(LinkId(link)) {
                    self.client.driver.peers.0[usize::from(link)].out_of_step = false;
                }
                self.client.driver.connected(LinkId(link), Connected::default());
            }
            Act::Lost(link, cause) => self.client.lost(link, cause),
            Act::Wait(time) => self.client.driver.advance(TENTH * time.into()),
            Act::Timer => self.client.driver.fire(),
            Act::Writable(link, n) => {
                if usize::from(link) < LINKS {
                    let bytes = if n == u8::MAX { usize::MAX } else { n.into() };
                    self.client.driver.set_writable(LinkId(link), bytes);
                }
            }
            Act::Full(full) => self.client.set_full(full),
            Act::Wish(wish) => self.wish(wish),
            Act::Publish(time, number, message) => {
                let words = [name(number), &message];
                // Some are to sharded channels.
                let is_sharded = number & 128 != 0;
                let make = if is_sharded { RequestKind::SPublish } else { RequestKind::Publish };
                self.request(time, || make(words.iter().collect()));
            }
            Act::Command(time, words) => {
                let args: Args = words.iter().collect();
                // A command that the backend refuses is refused in the call.
                if self.backend.check(&args, str::to_owned).is_ok() {
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
            Act::Disconnect(time) => self.client.disconnect(TENTH * time.into()),
        }
        self.client.drive();
    }

    /// The server's answers do not match the commands any more: its echo of a login may be taken for the answer to
    /// another command.
    fn out_of_step(&mut self, link: u8) {
        if let Some(peer) = self.client.driver.peers.0.get_mut(usize::from(link)) {
            peer.out_of_step = true;
        }
    }

    fn receive(&mut self, link: u8, bytes: &[u8]) {
        self.client.driver.receive(LinkId(link), bytes);
    }

    fn answer(&mut self, link: u8, how: Reply) {
        match how {
            Reply::Proper | Reply::Described | Reply::Echo | Reply::NoPermission | Reply::Loading => {}
            _ => self.out_of_step(link),
        }
        let Some(peer) = self.client.driver.peers.0.get_mut(usize::from(link)) else { return };
        self.client.driver.queue.password_known |= how == Reply::Echo && peer.out_of_step;
        let bytes = peer.answer(how, self.profile.old_server);
        self.receive(link, &bytes);
        self.client.drive();
    }

    fn flood(&mut self, link: u8, kind: u8, size: u8) {
        let pattern = FLOODS[usize::from(kind) % FLOODS.len()];
        let bytes = (usize::from(size) << 10).min(MAX_FLOOD.saturating_sub(self.flooded));
        self.flooded += bytes;
        self.out_of_step(link);
        let flood: Vec<u8> = pattern.iter().copied().cycle().take(bytes).collect();
        // In pieces of one byte it would take too many calls.
        let reads = std::mem::replace(&mut self.client.driver.read_bytes, READ_BYTES);
        self.receive(link, &flood);
        self.client.driver.read_bytes = reads;
    }

    fn wish(&mut self, Wish { subscribe, kind, name: number }: Wish) {
        let topic = Topic { kind, name: name(number).into() };
        if subscribe {
            self.client.subscribe(&topic);
        } else {
            self.client.unsubscribe(&topic);
        }
    }

    fn request(&mut self, time: u8, kind: impl FnOnce() -> RequestKind) {
        self.client.request(TENTH * time.into(), kind);
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
