//! Any answers of a cluster's nodes about each other: each request is answered once, within its time, and no link
//! leads to an invalid address.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use realtime::backend::{Action, Connected, Endpoint, Options, Session, Start, configure};
use realtime::model::{
    Args, Command, Counters, DropReason, Error, Event, LinkId, ReplyTo, Request, RequestKind, RequestName,
    RequestSlot, Sink, SubscriptionSlot, Ticket, Value,
};
use resp::{Decoder, Encoder};

/// The password, which no address may have.
const SECRET: &str = "correct-horse-battery-staple";
/// Separates the answers.
const SEPARATOR: u8 = 0;
const REQUESTS: u32 = 12;
const TIMEOUT: Duration = Duration::from_secs(10);
/// Links to nodes, and two that every session has.
const MAX_LINKS: usize = 66;
/// Steps of virtual time, in which nothing may remain to be done.
const MAX_STEPS: usize = 20_000;

/// How often each request was answered.
#[derive(Default)]
struct Answers(BTreeMap<u32, usize>);

impl Sink for Answers {
    fn message(&mut self, _: SubscriptionSlot, _: Option<&[u8]>, _: &[u8]) {}
    fn dropped(&mut self, _: u64, _: DropReason) {}
    fn event(&mut self, _: Event) {}
    fn answer(&mut self, ticket: Ticket, result: Result<Value, Error>, _: RequestName<'_>) {
        let ReplyTo::Callback(slot) = ticket.to else { panic!("each has a callback") };
        *self.0.entry(slot.index).or_default() += 1;
        assert!(result.err().is_none_or(|error| !error.message.contains(SECRET)));
    }
}

/// The session, and the nodes at the other end of its links.
struct World<'a> {
    session: Box<dyn Session>,
    now: Instant,
    answers: Answers,
    /// The commands of each link that are not complete.
    links: BTreeMap<LinkId, Vec<u8>>,
    /// The nodes' answer about the hash slots.
    slots: &'a [u8],
    /// Their answers to commands with a key, one after the other.
    said: Vec<&'a [u8]>,
}

/// Reads the answer to CLUSTER SLOTS, and the answers to commands, with bytes of zero in between.
pub fn cluster(input: &[u8]) {
    let mut parts = input.split(|&byte| byte == SEPARATOR);
    let slots = parts.next().unwrap_or_default();
    let mut said: Vec<_> = parts.filter(|answer| !answer.is_empty()).collect();
    said.reverse();
    let options =
        Options { url: Some(format!("redis-cluster://:{SECRET}@first:7001")), ..Options::default() };
    let backend = configure(options).expect("good options");
    let now = Instant::now();
    let session = backend.session(Start { now, seed: 1, counters: Arc::new(Counters::default()) });
    let mut world = World { session, now, answers: Answers::default(), links: BTreeMap::new(), slots, said };
    for id in 0..REQUESTS {
        let args: Args = ["GET", &id.to_string()].iter().collect();
        let kind =
            if id % 4 == 3 { RequestKind::Transaction(vec![args]) } else { RequestKind::Command(args) };
        let ticket = Ticket { to: ReplyTo::Callback(RequestSlot::new(id, 0)), bytes: 0 };
        let request = Request { ticket, deadline: now + TIMEOUT, kind };
        world.session.handle_command(now, Command::Request(request), &mut world.answers);
        world.serve();
    }
    for _ in 0..MAX_STEPS {
        let due = world.session.poll_timeout().filter(|&due| due <= now + TIMEOUT);
        let Some(due) = due else { break };
        world.now = world.now.max(due);
        world.session.handle_timeout(world.now, &mut world.answers);
        world.serve();
    }
    let answered = world.answers.0;
    assert!(
        answered.len() == REQUESTS as usize && answered.values().all(|&times| times == 1),
        "{answered:?}"
    );
}

impl World<'_> {
    /// Makes the links that are asked for, and answers all commands.
    fn serve(&mut self) {
        for _ in 0..MAX_STEPS {
            let (acted, answered) = (self.act(), self.answer());
            if !acted && !answered {
                return;
            }
        }
        panic!("the session never rests");
    }

    /// Carries out the session's wishes. Returns whether there was one.
    fn act(&mut self) -> bool {
        let mut acted = false;
        while let Some(action) = self.session.poll_action() {
            acted = true;
            match action {
                Action::Connect { link, endpoint, .. } => {
                    let Endpoint::Tcp { host, port } = endpoint else { panic!("a socket") };
                    assert!(!host.is_empty() && port > 0 && !host.contains(SECRET), "{host:?}");
                    assert!(!host.contains(|c: char| c.is_whitespace() || c.is_control()), "{host:?}");
                    self.links.insert(link, Vec::new());
                    assert!(self.links.len() <= MAX_LINKS);
                    self.session.handle_connected(link, self.now, Connected::default(), &mut self.answers);
                }
                Action::Close(link) => drop(self.links.remove(&link)),
                other => panic!("{other:?}"),
            }
        }
        acted
    }

    /// Answers written commands. Returns whether there were any.
    fn answer(&mut self) -> bool {
        let mut answered = false;
        for link in self.links.keys().copied().collect::<Vec<_>>() {
            let bytes = self.session.poll_transmit(link, self.now).to_vec();
            self.session.transmitted(link, bytes.len());
            answered |= !bytes.is_empty();
            let (mut decoder, mut input, mut out) = (Decoder::new(), &bytes[..], Vec::new());
            while let Ok(Some(frame)) = decoder.feed(&mut input) {
                let resp::Value::Array(words) = frame.value() else { panic!("a command is an array") };
                let first = words.clone().next().and_then(|word| word.value().as_bytes()).unwrap_or_default();
                self.reply(first, &mut out);
            }
            if !out.is_empty() {
                self.session.handle_input(link, self.now, &out, &mut self.answers);
            }
        }
        answered
    }

    fn reply(&mut self, command: &[u8], out: &mut Vec<u8>) {
        if matches!(command, b"GET" | b"EXEC")
            && let Some(answer) = self.said.pop()
        {
            return out.extend(answer);
        }
        match command {
            b"HELLO" => out.extend(b"%2\r\n+mode\r\n+cluster\r\n+role\r\n+master\r\n"),
            b"CLUSTER" => out.extend(self.slots),
            b"PING" => out.extend(b"+PONG\r\n"),
            b"GET" => drop(Encoder::new(out).bulk_string(b"value")),
            b"EXEC" => out.extend(b"*0\r\n"),
            _ => out.extend(b"+OK\r\n"),
        }
    }
}

/// Inputs that lead somewhere.
pub fn cluster_inputs() -> Vec<Vec<u8>> {
    const SLOTS: &[u8] = b"*2\r\n*3\r\n:0\r\n:8191\r\n*2\r\n$2\r\nn1\r\n:7001\r\n*4\r\n:8192\r\n:16383\r\n*2\r\n$0\r\n\r\n:7002\r\n\
        *2\r\n$1\r\n?\r\n:7003\r\n";
    let answers: [&[&str]; 8] = [
        &[],
        &["-MOVED 13907 n3:7003\r\n", "-MOVED 13907 :7004\r\n", "-MOVED 5649 ?:7005\r\n"],
        &["-ASK 13907 n3:7003\r\n", "-TRYAGAIN later\r\n", "-CLUSTERDOWN Hash slot not served\r\n"],
        &[
            "-MOVED 13907 fd00::5:7003\r\n",
            "-MOVED 16384 n3:7003\r\n",
            "-MOVED 1 n3\r\n",
            "-ASK 1 n3:99999\r\n",
        ],
        &["-EXECABORT no\r\n", "-MOVED 13907 n1:7001\r\n", "-CROSSSLOT no\r\n", "+OK\r\n"],
        &[
            "-MOVED 13907 a b:1\r\n",
            "-MOVED\r\n",
            "-ASK\r\n",
            "-MOVED 13907 correct-horse-battery-staple:1\r\n",
        ],
        &["$-1\r\n", "*1\r\n$-1\r\n", ":5\r\n", "-LOADING wait\r\n", "-READONLY no\r\n"],
        &["!21\r\nMOVED 13907 n3:7003\r\n", "*1\r\n-MOVED 13907 n3:7003\r\n"],
    ];
    let refused: &[u8] = b"-NOPERM no\r\n";
    let inputs = answers.iter().flat_map(|answers| {
        [SLOTS, refused].map(|slots| {
            let mut input = slots.to_vec();
            answers.iter().for_each(|answer| {
                input.push(SEPARATOR);
                input.extend(answer.as_bytes());
            });
            input
        })
    });
    inputs.collect()
}
