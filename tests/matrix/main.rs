//! The fault matrix: a conversation is cut at every byte, in each direction, over both protocol versions, against the
//! in-process server and a redis-server; and cut again at every byte of the reconnection that follows.
//!
//! A client logs in, subscribes to twenty channels and patterns, publishes, asks, pings and listens, while another
//! client publishes too. After each cut it must be connected again, with every subscription live, every request
//! answered exactly once and run at most once, every message that reached it delivered once and in order, and a `gap`
//! exactly where messages may be missing. `run` contains the conversation, `check` the conditions.
//!
//! With the feature `tls` the same conversations are cut at bytes of ciphertext: at one of [`TLS_EVERY`] bytes,
//! others in each direction, unless `MATRIX_EVERY` gives another number: 1 for all of them.
//!
//! A cut that fails is named in words that repeat it alone:
//! `MATRIX_CUT="0 down 1234" cargo test --test matrix fake_resp3`, where `0` is the connection and `1234` the number of
//! bytes that pass, or `tls_fake_resp3` with `--features tls`. Several cuts are separated by commas.

#![allow(clippy::expect_used, clippy::panic, reason = "a failure here is a failed test")]
#![allow(unreachable_pub, missing_docs, missing_debug_implementations, reason = "a test")]

mod check;
mod game;
mod outside;
mod run;
mod server;

use std::collections::HashMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use fault_proxy::Cut as How;
use game::Game;
use libtest_mimic::{Arguments, Failed, Trial};
use outside::Outside;
use run::{Cut, Role, Run, Setup};
use server::{PASSWORD, Server};

/// Conversations at the same time, all on one worker; fewer over TLS, where each takes longer.
const LANES: usize = 48;
const TLS_LANES: usize = 16;
/// Over TLS a conversation costs more, and the gate has a share of the cuts.
const TLS_EVERY: usize = 29;
/// How long the game sleeps between ticks in which nothing happened.
const TICK: Duration = Duration::from_micros(200);
/// How often a reconnection is recorded. On a busy machine more bytes than necessary may have passed by the time the
/// game gets the event, so the shortest recording shows where everything is restored.
const RECORDINGS: usize = 5;
/// How often a cut is tried that lies within the recorded length, and beyond the end of a shorter conversation.
const ATTEMPTS: usize = 10;
/// Failures that are printed in full.
const SHOWN: usize = 10;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // One at a time, because each uses the whole machine.
    arguments.test_threads = Some(1);
    let mut trials = Vec::new();
    let tls: &[_] = if cfg!(feature = "tls") { &[false, true] } else { &[false] };
    for &tls in tls {
        for real in [false, true] {
            for protocol in [3, 2] {
                let server = if real { "real" } else { "fake" };
                let name = format!("{}{server}_resp{protocol}", if tls { "tls_" } else { "" });
                let missing = real && !real_redis::is_expected();
                let trial = Trial::test(name, move || matrix(real, protocol, tls));
                trials.push(trial.with_ignored_flag(missing));
            }
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn matrix(real: bool, protocol: u8, tls: bool) -> Result<(), Failed> {
    let start = Instant::now();
    let server = if real { Server::real() } else { Server::fake() };
    let kind = if real { "real" } else { "fake" };
    let name = format!("{kind} RESP{protocol}{}", if tls { " over TLS" } else { "" });
    let every = match std::env::var("MATRIX_EVERY") {
        Ok(number) => number.parse::<usize>()?.max(1),
        Err(_) if tls => TLS_EVERY,
        Err(_) => 1,
    };
    let tls = tls.then(|| server.tls());
    let setup = Setup { name: &name, protocol, server: server.address(), tls, every };
    if let Ok(words) = std::env::var("MATRIX_CUT") {
        let cuts = words.split(',').map(|word| parse(word, protocol)).collect::<Result<Vec<_>, _>>()?;
        return Matrix::new(&setup)?.replay(cuts);
    }
    let mut matrix = Matrix::new(&setup)?;
    let first = matrix.first_cuts();
    let single = matrix.all(first)?;
    let second = matrix.second_cuts()?;
    let double = matrix.all(second)?;
    println!(
        "matrix: {name}: {} cuts, {} survived; {} second cuts while reconnecting, {} survived ({:.1} s)",
        single.made,
        single.survived,
        double.made,
        double.survived,
        start.elapsed().as_secs_f64()
    );
    let failed = single.made - single.survived + double.made - double.survived;
    if failed > 0 {
        return Err(format!("{failed} cuts failed").into());
    }
    Ok(())
}

/// `0 down 1234`.
fn parse(word: &str, protocol: u8) -> Result<Cut, String> {
    let mut words = word.split_whitespace();
    let mut next = || words.next().ok_or_else(|| format!("a cut is as in \"0 down 1234\", not \"{word}\""));
    let number = |text: &str| text.parse::<u64>().map_err(|error| format!("{text}: {error}"));
    let connection = usize::try_from(number(next()?)?).map_err(|error| error.to_string())?;
    let up = next()? == "up";
    let at = number(next()?)?;
    let role = match (protocol, words.next()) {
        (2, Some("commands")) => Role::Commands,
        (2, Some("subscriber")) => Role::Subscriber,
        (2, None) if connection == 0 => Role::Commands,
        (2, _) => Role::Subscriber,
        _ => Role::Only,
    };
    Ok(Cut { connection, role, up, at, how: How::Close })
}

/// The form in which a cut is repeated.
fn show(cuts: &[Cut]) -> String {
    let one = |cut: &Cut| {
        let direction = if cut.up { "up" } else { "down" };
        let role = match cut.role {
            Role::Only => "",
            Role::Commands => " commands",
            Role::Subscriber => " subscriber",
        };
        format!("{} {direction} {}{role}", cut.connection, cut.at)
    };
    cuts.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[derive(Default)]
struct Score {
    made: usize,
    survived: usize,
}

struct Matrix<'a> {
    setup: &'a Setup<'a>,
    game: Game,
    runs: usize,
    idle: Vec<Outside>,
    handshake: usize,
    /// Bytes up and down of each connection of an uncut run.
    lengths: Vec<(u64, u64)>,
}

impl<'a> Matrix<'a> {
    /// Records an uncut run.
    fn new(setup: &'a Setup<'a>) -> Result<Self, Failed> {
        let game = Game::start();
        let mut matrix = Self { setup, game, runs: 0, idle: Vec::new(), handshake: 0, lengths: Vec::new() };
        let run = matrix.record(Vec::new())?;
        matrix.handshake = check::handshake(&run, setup.protocol);
        check::check(&run, setup.protocol, matrix.handshake)?;
        matrix.lengths = run.connections.iter().map(|one| (one.passed_up, one.passed_down)).collect();
        Ok(matrix)
    }

    fn record(&mut self, cuts: Vec<Cut>) -> Result<Run, Failed> {
        let mut recorded = None;
        self.drive(&mut std::iter::once(cuts), |run| recorded = Some(run));
        recorded.ok_or_else(|| Failed::from("the run never ended"))
    }

    fn replay(&mut self, cuts: Vec<Cut>) -> Result<(), Failed> {
        let run = self.record(cuts)?;
        for seen in &run.log {
            println!("{seen:?}");
        }
        for one in &run.connections {
            let (up, down) = (one.up.escape_ascii(), one.down.escape_ascii());
            println!("connection {}, cut: {}\n  up {up}\n  down {down}", one.id, one.cut);
        }
        Ok(check::check(&run, self.setup.protocol, self.handshake)?)
    }

    /// Every byte of every connection of the uncut run, or the share that is made of them.
    fn first_cuts(&self) -> Vec<(Vec<Cut>, bool)> {
        let mut all = Vec::new();
        for (connection, &(up, down)) in self.lengths.iter().enumerate() {
            let role = match (self.setup.protocol, connection) {
                (2, 0) => Role::Commands,
                (2, _) => Role::Subscriber,
                _ => Role::Only,
            };
            all.extend(self.every_byte(&[], Cut { connection, role, up: true, at: 0, how: How::Close }, up));
            all.extend(self.every_byte(
                &[],
                Cut { connection, role, up: false, at: 0, how: How::Close },
                down,
            ));
        }
        all
    }

    /// A link is cut late in the conversation, and the connection that takes its place once more, at every byte up to
    /// where all is restored.
    fn second_cuts(&mut self) -> Result<Vec<(Vec<Cut>, bool)>, Failed> {
        let mut all = Vec::new();
        for (connection, (_, down)) in self.lengths.clone().into_iter().enumerate() {
            let role = match (self.setup.protocol, connection) {
                (2, 0) => Role::Commands,
                (2, _) => Role::Subscriber,
                _ => Role::Only,
            };
            // On a link of requests most is the handshake, with the server's INFO and ROLE.
            let late = if role == Role::Commands { down * 9 / 10 } else { down * 2 / 3 };
            // Odd, so that it is none of those that are followed by a slow connection.
            let seed = Cut { connection, role, up: false, at: late | 1, how: How::Close };
            let second = self.lengths.len();
            let (mut up, mut down) = (u64::MAX, u64::MAX);
            for _ in 0..RECORDINGS {
                let run = self.record(vec![seed])?;
                check::check(&run, self.setup.protocol, self.handshake)?;
                let passed = run.at_ready.get(second).ok_or("no connection took the place of the one cut")?;
                (up, down) = (up.min(passed.0), down.min(passed.1));
                let commands = check::commands(&run.connections[second].up);
                if (role == Role::Commands) != commands.iter().any(|name| name == b"ROLE")
                    && role != Role::Only
                {
                    return Err("another link took the place of the one cut".into());
                }
            }
            let cut = |up| Cut { connection: second, role, up, at: 0, how: How::Close };
            all.extend(self.every_byte(&[seed], cut(true), up));
            all.extend(self.every_byte(&[seed], cut(false), down));
        }
        Ok(all)
    }

    /// One case for each position up to `length`, and some beyond, which may or may not be reached.
    fn every_byte(&self, before: &[Cut], cut: Cut, length: u64) -> Vec<(Vec<Cut>, bool)> {
        let slack = self.setup.slack();
        let positions =
            (0..=length + slack).skip(usize::from(cut.up) % self.setup.every).step_by(self.setup.every);
        let case = |at| {
            let cuts = before.iter().copied().chain([Cut { at, ..cut }]).collect();
            (cuts, at > length.saturating_sub(slack))
        };
        positions.map(case).collect()
    }

    /// Runs all cases. The flag of each says whether its last cut may be beyond the end.
    fn all(&mut self, cases: Vec<(Vec<Cut>, bool)>) -> Result<Score, Failed> {
        let (setup, handshake) = (self.setup, self.handshake);
        let optional: Vec<bool> = cases.iter().map(|(_, optional)| *optional).collect();
        let mut numbers = HashMap::new();
        for (index, (cuts, _)) in cases.iter().enumerate() {
            numbers.insert(show(cuts), index);
        }
        let mut score = Score::default();
        let mut shown = 0;
        let mut cases: Vec<Vec<Cut>> = cases.into_iter().map(|(cuts, _)| cuts).collect();
        for attempt in 1..=ATTEMPTS {
            let mut again = Vec::new();
            self.drive(&mut std::mem::take(&mut cases).into_iter(), |run| {
                let mut outcome = check::check(&run, setup.protocol, handshake);
                let name = show(&run.cuts);
                if outcome.is_ok() && run.made < run.cuts.len() {
                    if numbers.get(&name).is_some_and(|&index| optional[index]) {
                        return;
                    }
                    if attempt < ATTEMPTS {
                        return again.push(run.cuts);
                    }
                    outcome = Err("the conversation was over before it".to_owned());
                }
                score.made += 1;
                match outcome {
                    Ok(()) => score.survived += 1,
                    Err(_) if shown >= SHOWN => {}
                    Err(error) => {
                        shown += 1;
                        println!("matrix: {}: cut \"{name}\" failed: {error}", setup.name);
                    }
                }
            });
            cases = again;
        }
        Ok(score)
    }

    /// Runs cases, many at a time, and returns each when it is over.
    fn drive(&mut self, cases: &mut dyn Iterator<Item = Vec<Cut>>, mut over: impl FnMut(Run)) {
        let mut runs: HashMap<usize, Run> = HashMap::new();
        let lanes = if self.setup.tls.is_some() { TLS_LANES } else { LANES };
        loop {
            while runs.len() < lanes {
                let Some(cuts) = cases.next() else { break };
                let outside =
                    self.idle.pop().unwrap_or_else(|| Outside::connect(self.setup.server, PASSWORD));
                self.runs += 1;
                let run = Run::start(&mut self.game, self.runs, self.setup, cuts, outside);
                runs.insert(self.runs, run);
            }
            if runs.is_empty() {
                return;
            }
            let busy = self.game.tick(|run, seen| {
                if let Some(run) = runs.get_mut(&run) {
                    run.see(seen);
                }
            });
            let game = &mut self.game;
            let ended: Vec<_> =
                runs.iter_mut().filter_map(|(&number, run)| run.poll(game).then_some(number)).collect();
            for number in &ended {
                if let Some(mut run) = runs.remove(number) {
                    self.idle.extend(run.take_outside());
                    over(run);
                }
            }
            if !busy && ended.is_empty() {
                std::thread::park_timeout(TICK);
            }
        }
    }
}
