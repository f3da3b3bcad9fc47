//! Real Sentinels with a master and its replica: a planned failover, a master that dies, one that stands still and
//! continues, a Sentinel that dies, a password for the Sentinels. Messages are published all the time on the current
//! master: each is received or lies in a reported `gap`, and each command has one answer.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure here is a failed test")]

#[path = "../accounts/mod.rs"]
mod accounts;
mod failovers;
#[path = "../toy/mod.rs"]
mod toy;

use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use accounts::{Cli, World, address, expected, master_and_replica, protocols};
use real_redis::RealRedis;
use realtime::backend::{OptionValue, Options, configure};
use realtime::model::State;
use toy::{Client, Game, eventually};

/// Milliseconds for which a master is silent before the Sentinels replace it: longer than any stands still on a busy machine, and no
/// longer than a test can wait once it is to be missed.
const DOWN_AFTER: u32 = 60_000;
const SHORT_DOWN_AFTER: u32 = 1500;

/// A master, its replica, and three Sentinels that watch them. One deployment at a time: see `accounts::PACE`.
struct Deployment {
    _alone: MutexGuard<'static, ()>,
    servers: [RealRedis; 2],
    sentinels: Vec<RealRedis>,
}

impl Deployment {
    /// `lines` are for the Sentinels' configuration, and `login` is the first command to a Sentinel.
    fn start(lines: &str, login: Option<&str>) -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let servers = master_and_replica();
        let port = servers[0].port();
        let sentinels: Vec<_> = (0..3)
            .map(|_| {
                let lines = format!(
                    "sentinel monitor mymaster 127.0.0.1 {port} 2\nsentinel down-after-milliseconds mymaster {DOWN_AFTER}\n\
                     sentinel failover-timeout mymaster 5000\n{lines}"
                );
                RealRedis::builder().sentinel().configuration(lines).start().expect("a Sentinel")
            })
            .collect();
        for sentinel in &sentinels {
            let mut cli = Cli::new(sentinel.port());
            login.into_iter().for_each(|login| drop(cli.say(login)));
            eventually("Sentinels that know each other", || {
                cli.say("INFO sentinel").contains("slaves=1,sentinels=3").then_some(())
            });
        }
        Self { _alone: alone, servers, sentinels }
    }

    fn url(&self) -> String {
        let hosts: Vec<_> = self.sentinels.iter().map(address).collect();
        format!("redis-sentinel://{}/mymaster", hosts.join(","))
    }

    /// From now on the Sentinels miss a silent master after so many milliseconds.
    fn set_down_after(&self, milliseconds: u32) {
        for sentinel in self.sentinels.iter().filter(|sentinel| sentinel.process().is_some()) {
            let line = format!("SENTINEL SET mymaster down-after-milliseconds {milliseconds}");
            Cli::new(sentinel.port()).say(&line);
        }
    }

    /// Has the Sentinels make the replica the master.
    fn fail_over(&self) {
        let mut cli = Cli::new(self.sentinels[0].port());
        eventually("a failover", || {
            cli.try_say("SENTINEL FAILOVER mymaster").filter(|answer| answer.starts_with("+OK"))
        });
    }

    /// Publishes on the current master until the client has received a hundred messages on the second one, at which
    /// it is ready.
    fn converse_on_the_second(&self, world: &mut World) {
        let [mut first, mut second] = [0, 1].map(|n| Cli::new(self.servers[n].port()));
        let mut is_master = false;
        let second_address = address(&self.servers[1]);
        eventually("the second one as master", || {
            is_master = is_master || crate::is_master(&mut second, &self.servers[1]);
            world.publish(if is_master { &mut second } else { &mut first });
            let is_there = world.client.counters.address().as_deref() == Some(&second_address);
            (is_there && world.client.counters.state() == State::Ready).then_some(())
        });
        world.converse(&mut second);
    }
}

/// Whether a server reports that it is a master. A server whose role changes disconnects its clients.
fn is_master(cli: &mut Cli, server: &RealRedis) -> bool {
    match cli.try_say("INFO replication") {
        Some(info) => info.contains("role:master"),
        None => {
            *cli = Cli::new(server.port());
            false
        }
    }
}

fn signal(server: &RealRedis, name: &str) {
    let pid = server.process().expect("a process").to_string();
    assert!(Command::new("kill").args([name, &pid]).status().expect("kill").success());
}

/// The pause until the next attempt is short; the rest is as it is by default.
fn pairs(protocol: u8) -> [(&'static str, OptionValue); 2] {
    [("protocol", OptionValue::Number(f64::from(protocol))), ("reconnect_max", OptionValue::Number(0.2))]
}

#[test]
fn a_planned_failover_is_followed_and_so_is_the_next_with_another_sentinel() {
    if !expected((5, 0)) {
        return;
    }
    for &protocol in protocols() {
        let mut deployment = Deployment::start("", None);
        let mut world = World::with(&deployment.url(), &pairs(protocol));
        let mut first = Cli::new(deployment.servers[0].port());
        world.converse(&mut first);
        // The one that watches dies, and another one takes over without a word to the script.
        let watches = world.client.counters.sentinel()[0].clone().expect("one watches");
        let used = deployment.sentinels.iter().position(|one| address(one) == *watches).expect("one of them");
        let ready = world.ready.len();
        deployment.sentinels[used].kill();
        eventually("another Sentinel", || {
            world.publish(&mut first);
            world.client.counters.sentinel()[0].clone().filter(|other| *other != watches)
        });
        world.converse(&mut first);
        assert_eq!(world.ready.len(), ready);
        let others = (used + 1) % 3;
        deployment.sentinels.swap(0, others);
        let begun = Instant::now();
        deployment.fail_over();
        deployment.converse_on_the_second(&mut world);
        eprintln!("RESP{protocol}: on the new master {:?} after SENTINEL FAILOVER", begun.elapsed());
        world.check();
    }
}

#[test]
fn a_master_that_dies_is_left_for_the_one_that_the_sentinels_choose() {
    if !expected((5, 0)) {
        return;
    }
    for &protocol in protocols() {
        let mut deployment = Deployment::start("", None);
        let mut world = World::with(&deployment.url(), &pairs(protocol));
        world.converse(&mut Cli::new(deployment.servers[0].port()));
        deployment.servers[0].kill();
        deployment.set_down_after(SHORT_DOWN_AFTER);
        let mut second = Cli::new(deployment.servers[1].port());
        eventually("the new master", || {
            world.look();
            is_master(&mut second, &deployment.servers[1]).then_some(())
        });
        deployment.set_down_after(DOWN_AFTER);
        world.converse(&mut second);
        assert_eq!(world.present(), address(&deployment.servers[1]));
        world.check();
    }
}

#[test]
fn a_master_that_stands_still_is_left_and_is_not_gone_back_to_when_it_goes_on() {
    if !expected((5, 0)) {
        return;
    }
    let deployment = Deployment::start("", None);
    let mut world = World::with(&deployment.url(), &pairs(*protocols().last().expect("one")));
    world.converse(&mut Cli::new(deployment.servers[0].port()));
    signal(&deployment.servers[0], "-STOP");
    deployment.set_down_after(SHORT_DOWN_AFTER);
    let stopped = Instant::now();
    let mut second = Cli::new(deployment.servers[1].port());
    eventually("the new master", || {
        world.look();
        is_master(&mut second, &deployment.servers[1]).then_some(())
    });
    deployment.set_down_after(DOWN_AFTER);
    world.converse(&mut second);
    eprintln!("on the new master {:?} after the old one was stopped", stopped.elapsed());
    let place = address(&deployment.servers[1]);
    assert_eq!(world.present(), place);
    signal(&deployment.servers[0], "-CONT");
    // The old one is a master for some seconds more.
    let mut first = Cli::new(deployment.servers[0].port());
    eventually("the old master as a replica", || {
        world.publish(&mut second);
        (!is_master(&mut first, &deployment.servers[0])).then_some(())
    });
    world.converse(&mut second);
    assert_eq!((world.present(), world.ready.last()), (place.clone(), Some(&place)));
    world.check();
}

fn open(game: &mut Game, url: &str, pairs: &[(&str, OptionValue)]) -> Client {
    let pairs = pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    let backend = configure(Options { url: Some(url.to_owned()), pairs, ..Options::default() });
    game.open(&*backend.expect("good options"))
}

#[test]
fn wrong_names_and_passwords_are_told() {
    // Sentinels' passwords for each other came with 6.2.
    if !expected((6, 2)) {
        return;
    }
    let deployment =
        Deployment::start("requirepass sesame\nsentinel sentinel-pass sesame", Some("AUTH sesame"));
    let url = deployment.url();
    let password = |text: &str| ("sentinel_password", OptionValue::String(text.into()));
    let mut game = Game::start();
    for (url, pairs, words) in [
        (&*url, &[][..], "it wants a password of its own: set the option sentinel_password"),
        (&url, &[password("wrong")], "it does not take sentinel_username and sentinel_password"),
        (
            &url.replace("mymaster", "other"),
            &[password("sesame")],
            "it knows no master called \"other\", it watches \"mymaster\" alone",
        ),
        (&deployment.servers[0].url().replace("redis:", "redis-sentinel:"), &[], ""),
    ] {
        let url = if words.is_empty() { format!("{url}/mymaster") } else { url.to_owned() };
        let words = if words.is_empty() { "a Redis answers there, not a Sentinel" } else { words };
        let mut client = open(&mut game, &url, pairs);
        let error = client.wait_down();
        assert!(error.message.contains(words) && !error.message.contains("sesame"), "{error}");
    }
    let mut world = World::with(&url, &[password("sesame")]);
    world.converse(&mut Cli::new(deployment.servers[0].port()));
    world.check();
    assert!(game.shutdown(Duration::from_secs(60)));
}
