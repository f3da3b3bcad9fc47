//! A conversation with a real server is cut after each of many bytes, in each direction, on each link, over real sockets. After each cut the client
//! is back, every request was answered once and run at most once, and a gap stands where messages are missing.
//!
//! One byte of [`EVERY`] is cut, unless `MATRIX_EVERY` gives another number: 1 for all of them, as `.ci/long
//! cuts-postgres` does. A cut that fails is named; `MATRIX_CUT="1 down 300"` repeats it alone: connection 1, 300
//! bytes from the server.

use std::collections::HashMap;
use std::time::Instant;

use fault_proxy::{Course, FaultProxy, Faults};
use real_postgres::RealPostgres;
use realtime::backend::OptionValue;
use realtime::model::{Args, Code, Command, Error, Event, RequestKind, State, Value};

use crate::toy::{Client, Game, Seen, eventually};
use crate::{LONG, args, ask, connect, request, server, subscribe};

const EVERY: usize = 61;
/// Conversations at the same time.
const LANES: usize = 4;
/// Bytes by which one conversation may be shorter than another: numbers of few or many digits.
const SLACK: u64 = 64;

#[derive(Debug, Clone, Copy)]
struct Cut {
    /// 0: the link of the commands, 1: that of the subscriptions.
    connection: usize,
    is_up: bool,
    at: u64,
}

/// The clients: one through a proxy, and another one directly.
struct World {
    game: Game,
    outside: Client,
    server: std::net::SocketAddr,
}

impl World {
    fn new(postgres: &RealPostgres) -> Self {
        let mut game = Game::start();
        let mut outside = connect(&mut game, &postgres.url(), &[]);
        outside.wait_ready();
        Self { game, outside, server: ([127, 0, 0, 1], postgres.port()).into() }
    }
}

/// One conversation.
struct Run<'a> {
    world: &'a mut World,
    number: usize,
    client: Client,
    proxy: FaultProxy,
    log: Vec<Seen>,
    /// Messages from outside so far, and how many there were when the subscription was reported.
    published: u32,
    before: Option<u32>,
    answers: Vec<Result<Value, Error>>,
}

impl<'a> Run<'a> {
    fn start(world: &'a mut World, number: usize, cut: Option<Cut>) -> Self {
        let proxy = FaultProxy::start(world.server).expect("a proxy");
        let recorded = Faults { record: true, ..Faults::default() };
        if let Some(cut) = cut {
            let mut faults = vec![recorded.clone(); cut.connection + 1];
            let course = Course { cut_at: Some(cut.at), ..Course::default() };
            let faulty = &mut faults[cut.connection];
            *(if cut.is_up { &mut faulty.up } else { &mut faulty.down }) = course;
            proxy.next(faults);
        }
        proxy.faults(recorded);
        let number_of = |value: f64| OptionValue::Number(value);
        let pairs = [
            ("reconnect_min", number_of(0.001)),
            ("connect_timeout", number_of(LONG.as_secs_f64())),
            ("ping_interval", number_of(LONG.as_secs_f64())),
        ];
        let url = format!("postgres://postgres:@{}/postgres", proxy.address());
        let client = connect(&mut world.game, &url, &pairs);
        subscribe(&world.game, &client, &format!("run{number}"));
        let (log, answers) = (Vec::new(), Vec::new());
        Self { world, number, client, proxy, log, published: 0, before: None, answers }
    }

    fn look(&mut self) {
        while let Some(seen) = self.client.next() {
            match &seen {
                Seen::Event(Event::Subscribed(_)) => self.before = Some(self.published),
                Seen::Answer(_, result) => self.answers.push(result.clone()),
                _ => {}
            }
            self.log.push(seen);
        }
    }

    /// The other client publishes the next number.
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

    /// The client has recovered once a message comes on a connection that is not cut.
    fn recover(&mut self, cut: Cut) {
        eventually("the cut", || (self.proxy.cuts() == (1, 1)).then_some(()));
        eventually("the end of all that follows", || {
            let is_ready = self.client.counters.state() == State::Ready && self.told_ready();
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
        assert!(self.told_ready(), "{cut:?}");
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

fn run(world: &mut World, number: usize, cut: Cut) -> Result<(), String> {
    let mut run = Run::start(world, number, Some(cut));
    run.converse();
    run.recover(cut);
    let outcome = run.judge().map_err(|problem| format!("{problem}\n{:#?}", run.log));
    run.end();
    outcome
}

/// Bytes up and down of each connection of a conversation that is not cut.
fn lengths(world: &mut World) -> Vec<(u64, u64)> {
    let mut run = Run::start(world, 0, None);
    run.client.wait_ready();
    run.before = Some(0);
    run.converse();
    let all = run.proxy.connections().iter().map(|one| (one.passed_up, one.passed_down)).collect();
    run.end();
    all
}

fn chosen(words: &str) -> Cut {
    let words: Vec<_> = words.split_whitespace().collect();
    let [connection, direction, at] = words[..] else { panic!("a cut is as in \"0 down 1234\"") };
    Cut { connection: connection.parse().unwrap(), is_up: direction == "up", at: at.parse().unwrap() }
}

#[test]
fn whatever_byte_a_connection_is_cut_at_nothing_is_lost_without_a_word() {
    let Some(postgres) = server() else { return };
    postgres.psql("CREATE TABLE runs (run int, id text)").unwrap();
    let mut world = World::new(&postgres);
    if let Ok(words) = std::env::var("MATRIX_CUT") {
        return run(&mut world, 1, chosen(&words)).unwrap();
    }
    let every = std::env::var("MATRIX_EVERY").ok().map_or(EVERY, |number| number.parse().unwrap());
    let mut cuts = Vec::new();
    for (connection, (up, down)) in lengths(&mut world).into_iter().enumerate() {
        assert!(connection < 2, "two links");
        for (is_up, length) in [(true, up), (false, down)] {
            let positions = (0..length.saturating_sub(SLACK)).skip(usize::from(is_up)).step_by(every);
            cuts.extend(positions.map(|at| Cut { connection, is_up, at }));
        }
    }
    let postgres = &postgres;
    let lanes: Vec<Vec<(usize, Cut)>> = (0..LANES)
        .map(|lane| {
            cuts.iter().copied().enumerate().skip(lane).step_by(LANES).map(|(n, cut)| (n + 1, cut)).collect()
        })
        .collect();
    let failed: Vec<String> = std::thread::scope(|scope| {
        let lanes: Vec<_> = lanes
            .iter()
            .map(|lane| {
                scope.spawn(move || {
                    let mut world = World::new(postgres);
                    let failed: Vec<_> = lane
                        .iter()
                        .filter_map(|&(number, cut)| {
                            run(&mut world, number, cut).err().map(|problem| format!("{cut:?}: {problem}"))
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
    println!("{} cuts", cuts.len());
}
