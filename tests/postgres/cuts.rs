//! A conversation with a real server is cut after each of many bytes, in each direction, on each link, over real sockets. After each cut the client
//! is back, every request was answered once and run at most once, and a gap stands where messages are missing.
//!
//! Likewise over TLS, at bytes of ciphertext; and once more while the client comes back from a cut.
//!
//! One byte of so many is cut, unless `MATRIX_EVERY` says another number: 1 for all of them, as `.ci/long cuts-postgres` does. A cut that fails is
//! named; `MATRIX_CUT="1 down 300"` makes it alone: connection 1, 300 bytes from the server. A comma stands before a second cut.

use std::collections::HashMap;
use std::time::Instant;

use fault_proxy::{Course, FaultProxy, Faults};
use real_postgres::RealPostgres;
use realtime::backend::OptionValue;
use realtime::model::{Args, Code, Command, Error, Event, RequestKind, State, Value};

use crate::toy::{Client, Game, Seen, eventually};
use crate::{LONG, args, ask, connect, request, server, subscribe};

/// How many bytes lie between two cuts: in plain conversations, and over TLS, where each takes longer.
const EVERY: usize = 61;
const TLS_EVERY: usize = 151;
/// Conversations at the same time.
const LANES: usize = 4;
/// Bytes by which one conversation may be shorter than another: numbers of few or many digits, and over TLS signatures, and messages that
/// share a record or do not.
const SLACK: u64 = 64;
const TLS_SLACK: u64 = 600;
/// How often a reconnection is recorded. The shortest says where all is restored.
const RECORDINGS: usize = 3;

#[derive(Debug, Clone, Copy)]
struct Cut {
    /// 0: the link of the commands, 1: that of the subscriptions.
    connection: usize,
    is_up: bool,
    at: u64,
}

/// A server, and with whose certificates it is reached by TLS.
#[derive(Clone, Copy)]
struct Setup<'a> {
    postgres: &'a RealPostgres,
    authority: Option<&'a str>,
}

/// Who talks: a client through a proxy, and somebody else past it.
struct World<'a> {
    game: Game,
    outside: Client,
    server: std::net::SocketAddr,
    authority: Option<&'a str>,
}

impl<'a> World<'a> {
    fn new(setup: Setup<'a>) -> Self {
        let mut game = Game::start();
        let mut outside = connect(&mut game, &setup.postgres.url(), &[]);
        outside.wait_ready();
        let server = ([127, 0, 0, 1], setup.postgres.port()).into();
        Self { game, outside, server, authority: setup.authority }
    }
}

/// One conversation.
struct Run<'a, 'w> {
    world: &'a mut World<'w>,
    number: usize,
    client: Client,
    proxy: FaultProxy,
    log: Vec<Seen>,
    /// Messages from outside so far, and how many there were when the subscription was reported.
    published: u32,
    before: Option<u32>,
    answers: Vec<Result<Value, Error>>,
    /// Bytes up and down of each connection when the client was ready last.
    at_ready: Vec<(u64, u64)>,
}

impl<'a, 'w> Run<'a, 'w> {
    fn start(world: &'a mut World<'w>, number: usize, cuts: &[Cut]) -> Self {
        let proxy = FaultProxy::start(world.server).expect("a proxy");
        let recorded = Faults { record: true, ..Faults::default() };
        let connections = cuts.iter().map(|cut| cut.connection + 1).max().unwrap_or(0);
        let mut faults = vec![recorded.clone(); connections];
        for cut in cuts {
            let course = Course { cut_at: Some(cut.at), ..Course::default() };
            let faulty = &mut faults[cut.connection];
            *(if cut.is_up { &mut faulty.up } else { &mut faulty.down }) = course;
        }
        proxy.next(faults);
        proxy.faults(recorded);
        let number_of = |value: f64| OptionValue::Number(value);
        let mut pairs = vec![
            ("reconnect_min", number_of(0.001)),
            ("connect_timeout", number_of(LONG.as_secs_f64())),
            ("ping_interval", number_of(LONG.as_secs_f64())),
        ];
        let mut mode = "disable";
        if let Some(authority) = world.authority {
            mode = "verify-full";
            pairs.push(("tls_ca", OptionValue::String(authority.into())));
        }
        let url = format!("postgres://postgres:@{}/postgres?sslmode={mode}", proxy.address());
        let client = connect(&mut world.game, &url, &pairs);
        subscribe(&world.game, &client, &format!("run{number}"));
        let (log, answers) = (Vec::new(), Vec::new());
        Self { world, number, client, proxy, log, published: 0, before: None, answers, at_ready: Vec::new() }
    }

    fn look(&mut self) {
        while let Some(seen) = self.client.next() {
            match &seen {
                Seen::Event(Event::Subscribed(_)) => self.before = Some(self.published),
                Seen::Event(Event::Ready(_)) => self.at_ready = self.passed(),
                Seen::Answer(_, result) => self.answers.push(result.clone()),
                _ => {}
            }
            self.log.push(seen);
        }
    }

    /// Bytes up and down of each connection.
    fn passed(&self) -> Vec<(u64, u64)> {
        self.proxy.connections().iter().map(|one| (one.passed_up, one.passed_down)).collect()
    }

    /// Somebody else publishes the next number.
    fn publish(&mut self) {
        self.look();
        self.published += 1;
        let words = [format!("run{}", self.number), self.published.to_string()];
        let all: Args = words.iter().map(String::as_str).collect();
        request(&self.world.game, &self.world.outside, RequestKind::Publish(all));
        self.world.outside.wait_answer().expect("nobody cuts that connection");
    }

    fn insert(&self, id: &str) -> Args {
        args(&["INSERT INTO runs VALUES ($1, $2)", &self.number.to_string(), id])
    }

    /// The whole conversation.
    fn converse(&mut self) {
        let channel = format!("run{}", self.number);
        let bursts = [
            vec![
                RequestKind::Command(self.insert("a")),
                RequestKind::Publish(args(&[&channel, "own"])),
                RequestKind::Command(self.insert("b")),
            ],
            vec![
                RequestKind::Transaction(vec![
                    self.insert("c"),
                    self.insert("d"),
                    args(&["SELECT pg_notify($1, 'both')", &channel]),
                ]),
                RequestKind::Ping,
            ],
            vec![RequestKind::Command(self.insert("e")), RequestKind::Publish(args(&[&channel, "last"]))],
        ];
        let mut asked = 0;
        for burst in bursts {
            self.publish();
            asked += burst.len();
            for kind in burst {
                request(&self.world.game, &self.client, kind);
            }
            eventually("the answers", || {
                self.look();
                (self.answers.len() >= asked).then_some(())
            });
        }
    }

    /// All is well once a message comes on a connection that nobody cuts.
    fn recover(&mut self, cuts: &[Cut]) {
        eventually("the first cut", || (self.proxy.cuts().0 > 0).then_some(()));
        eventually("the end of all that follows", || {
            let are_made = self.proxy.cuts() == (cuts.len(), cuts.len());
            let is_ready = are_made && self.client.counters.state() == State::Ready && self.told_ready();
            self.publish();
            let last = self.published.to_string().into_bytes();
            let until = Instant::now() + std::time::Duration::from_millis(20);
            while is_ready && Instant::now() < until {
                self.look();
                if self.log.iter().any(|seen| matches!(seen, Seen::Message(_, text) if *text == last)) {
                    return Some(());
                }
                std::thread::yield_now();
            }
            None
        });
        assert!(self.told_ready(), "{cuts:?}");
    }

    fn told_ready(&self) -> bool {
        self.log.iter().rev().find_map(|seen| match seen {
            Seen::Event(Event::Ready(_)) => Some(true),
            Seen::Event(Event::Down { .. }) => Some(false),
            _ => None,
        }) == Some(true)
    }

    /// The conditions that must hold.
    fn judge(&mut self) -> Result<(), String> {
        let number = self.number.to_string();
        let sql = "SELECT id, count(*) AS times FROM runs WHERE run = $1 GROUP BY id";
        let rows =
            ask(&self.world.game, &mut self.world.outside, &[sql, &number]).map_err(|it| it.to_string())?;
        let times: HashMap<Vec<u8>, i64> = rows
            .values
            .chunks(2)
            .filter_map(|row| match row {
                [Value::String(id), Value::Integer(times)] => Some((id.to_vec(), *times)),
                _ => None,
            })
            .collect();
        let ran = |id: &str| times.get(id.as_bytes()).copied().unwrap_or(0);
        if self.answers.len() != 7 {
            return Err(format!("{} answers to 7 requests", self.answers.len()));
        }
        for (index, ids) in [(0, "a"), (2, "b"), (3, "cd"), (5, "e")] {
            let counts: Vec<_> = ids.split("").filter(|id| !id.is_empty()).map(ran).collect();
            let is_whole = counts.iter().all(|&count| count == counts[0]);
            let fits = match &self.answers[index] {
                Ok(_) => counts[0] == 1,
                Err(error) => error.code == Code::Disconnected && error.sent && counts[0] <= 1,
            };
            if !fits || !is_whole {
                return Err(format!("{ids} ran {counts:?} times: {:?}", self.answers[index]));
            }
        }
        let Some(mut last) = self.before else { return Err("never subscribed".into()) };
        let (mut has_gap, mut own) = (false, HashMap::new());
        for seen in &self.log {
            match seen {
                Seen::Event(Event::Gap { .. }) => has_gap = true,
                Seen::Event(Event::Dropped { .. } | Event::SubscribeFailed { .. }) => {
                    return Err(format!("{seen:?}"));
                }
                Seen::Message(_, text) => match String::from_utf8_lossy(text).parse::<u32>() {
                    Ok(n) if n <= last && Some(n) > self.before => {
                        return Err(format!("{n} came after {last}"));
                    }
                    Ok(n) if n > last + 1 && !has_gap => {
                        return Err(format!("{n} came after {last}, and no gap stands between"));
                    }
                    Ok(n) => (last, has_gap) = (n.max(last), false),
                    Err(_) => *own.entry(text.clone()).or_insert(0) += 1,
                },
                _ => {}
            }
        }
        if last != self.published {
            return Err(format!("the last message was {last} of {}", self.published));
        }
        let twice = own.values().any(|&count| count > 1);
        if twice { Err(format!("a message came twice: {own:?}")) } else { Ok(()) }
    }

    fn end(self) {
        self.world.game.command(&self.client, Command::Disconnect { deadline: Instant::now() });
    }
}

fn run(world: &mut World<'_>, number: usize, cuts: &[Cut]) -> Result<(), String> {
    let mut run = Run::start(world, number, cuts);
    run.converse();
    run.recover(cuts);
    let outcome = run.judge().map_err(|problem| format!("{problem}\n{:#?}", run.log));
    run.end();
    outcome
}

/// Bytes up and down of each connection of a conversation that is not cut, and a place on each, down, at which it was ready and had not said
/// all.
fn lengths(world: &mut World<'_>) -> (Vec<(u64, u64)>, Vec<u64>) {
    let mut run = Run::start(world, 0, &[]);
    run.client.wait_ready();
    let at_ready = run.passed();
    run.before = Some(0);
    run.converse();
    let all = run.passed();
    run.end();
    let middle = at_ready.iter().zip(&all).map(|(ready, end)| (ready.1 + end.1) / 2).collect();
    (all, middle)
}

/// Bytes up and down of each connection that takes the place of those before this cut, until the client is ready again.
fn lengths_after(world: &mut World<'_>, cut: Cut) -> Vec<(u64, u64)> {
    let mut shortest = vec![(u64::MAX, u64::MAX); 2];
    for _ in 0..RECORDINGS {
        let mut run = Run::start(world, 0, &[cut]);
        run.converse();
        run.recover(&[cut]);
        assert_eq!(run.at_ready.len(), 4, "two links, and two after the cut");
        for (shortest, passed) in shortest.iter_mut().zip(&run.at_ready[2..]) {
            *shortest = (shortest.0.min(passed.0), shortest.1.min(passed.1));
        }
        run.end();
    }
    shortest
}

/// `0 down 1234, 2 up 100`.
fn chosen(words: &str) -> Vec<Cut> {
    let one = |words: &str| {
        let words: Vec<_> = words.split_whitespace().collect();
        let [connection, direction, at] = words[..] else { panic!("a cut is as in \"0 down 1234\"") };
        Cut { connection: connection.parse().unwrap(), is_up: direction == "up", at: at.parse().unwrap() }
    };
    words.split(',').map(one).collect()
}

/// One cut of so many, with those that come before each. `lengths` are those of the connections from `first` on.
fn shares(before: &[Cut], first: usize, lengths: &[(u64, u64)], every: usize, slack: u64) -> Vec<Vec<Cut>> {
    let mut all = Vec::new();
    for (connection, &(up, down)) in (first..).zip(lengths) {
        for (is_up, length) in [(true, up), (false, down)] {
            let positions = (0..length.saturating_sub(slack)).skip(usize::from(is_up)).step_by(every);
            let cut = |at| before.iter().copied().chain([Cut { connection, is_up, at }]).collect();
            all.extend(positions.map(cut));
        }
    }
    all
}

/// Makes the cuts: of every connection of a conversation, and of those that take their place after one.
fn matrix(setup: Setup<'_>) {
    setup.postgres.psql("CREATE TABLE runs (run int, id text)").unwrap();
    let mut world = World::new(setup);
    if let Ok(words) = std::env::var("MATRIX_CUT") {
        return run(&mut world, 1, &chosen(&words)).unwrap();
    }
    let (every, slack) = if setup.authority.is_some() { (TLS_EVERY, TLS_SLACK) } else { (EVERY, SLACK) };
    let every = std::env::var("MATRIX_EVERY").map_or(every, |number| number.parse().unwrap());
    let (lengths, middles) = lengths(&mut world);
    assert_eq!(middles.len(), 2, "two links");
    let mut cuts = shares(&[], 0, &lengths, every, slack);
    let count = cuts.len();
    for (connection, at) in middles.into_iter().enumerate() {
        let first = Cut { connection, is_up: false, at };
        let after = lengths_after(&mut world, first);
        cuts.extend(shares(&[first], 2, &after, every, slack.min(200)));
    }
    let lanes: Vec<Vec<(usize, &[Cut])>> = (0..LANES)
        .map(|lane| {
            let own = cuts.iter().map(Vec::as_slice).enumerate().skip(lane).step_by(LANES);
            own.map(|(n, cuts)| (n + 1, cuts)).collect()
        })
        .collect();
    let failed: Vec<String> = std::thread::scope(|scope| {
        let lanes: Vec<_> = lanes
            .iter()
            .map(|lane| {
                scope.spawn(move || {
                    let mut world = World::new(setup);
                    let failed: Vec<_> = lane
                        .iter()
                        .filter_map(|&(number, cuts)| {
                            run(&mut world, number, cuts).err().map(|problem| format!("{cuts:?}: {problem}"))
                        })
                        .collect();
                    assert!(world.game.shutdown(LONG));
                    failed
                })
            })
            .collect();
        lanes.into_iter().flat_map(|lane| lane.join().expect("a lane")).collect()
    });
    assert!(failed.is_empty(), "{} of {} cuts: {}", failed.len(), cuts.len(), failed[0]);
    println!("{count} cuts, {} second ones", cuts.len() - count);
}

#[test]
fn whatever_byte_a_connection_is_cut_at_nothing_is_lost_without_a_word() {
    let Some(postgres) = server() else { return };
    matrix(Setup { postgres: &postgres, authority: None });
}

#[cfg(feature = "tls")]
#[test]
fn whatever_byte_of_ciphertext_a_connection_is_cut_at_nothing_is_lost_without_a_word() {
    if !real_postgres::is_expected() {
        return eprintln!("skipped: no PostgreSQL");
    }
    let authority = certificates::Authority::new("realtime's tests");
    let postgres = crate::with_tls(&authority, "host");
    matrix(Setup { postgres: &postgres, authority: Some(&authority.certificate) });
}
