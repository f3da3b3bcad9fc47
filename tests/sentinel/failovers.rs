//! Failovers and other faults at random, one after the other, under a publisher: `.ci/long sentinel`.

use std::time::Duration;

use super::{Cli, Deployment, SHORT_DOWN_AFTER, World, address, eventually, is_master, pairs, signal};

/// The faults.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// The Sentinels are asked to make the other server the master.
    Planned,
    /// The same, and the Sentinel that the client watches dies.
    PlannedUnseen,
    MasterKilled,
    /// It is back before the Sentinels miss it.
    MasterRestarted,
    MasterStopped,
    ReplicaKilled,
    SentinelKilled,
    /// The master cuts the client's connection.
    ClientCut,
}

const FAULTS: [Fault; 8] = [
    Fault::Planned,
    Fault::PlannedUnseen,
    Fault::MasterKilled,
    Fault::MasterRestarted,
    Fault::MasterStopped,
    Fault::ReplicaKilled,
    Fault::SentinelKilled,
    Fault::ClientCut,
];

/// The same numbers from the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % n
    }
}

struct Soak {
    deployment: Deployment,
    world: World,
    clis: [Option<Cli>; 2],
    master: usize,
    /// The other one was a replica since it was started or demoted: if it is a master, it was promoted.
    follows: bool,
    stopped: Option<usize>,
}

impl Soak {
    fn cli(&mut self, n: usize) -> Option<&mut Cli> {
        let server = &self.deployment.servers[n];
        if server.process().is_none() || self.stopped == Some(n) {
            self.clis[n] = None;
        } else if self.clis[n].is_none() {
            self.clis[n] = Some(Cli::new(server.port()));
        }
        self.clis[n].as_mut()
    }

    /// The role that a server reports. A server whose role changes disconnects its clients.
    fn role(&mut self, n: usize) -> Option<bool> {
        let info = self.cli(n)?.try_say("INFO replication");
        if info.is_none() {
            self.clis[n] = None;
        }
        Some(info?.contains("role:master"))
    }

    /// Publishes on the master, and checks whether the other server has taken its place.
    fn go_on(&mut self) {
        let other = 1 - self.master;
        match self.role(other) {
            Some(true) if self.follows => (self.master, self.follows) = (other, false),
            Some(false) => self.follows = true,
            _ => {}
        }
        let n = self.master;
        self.cli(n);
        match self.clis[n].take() {
            Some(mut cli) => {
                // It may have been cut.
                let is_there = cli.try_say("PING").is_some();
                if is_there {
                    self.world.publish(&mut cli);
                    self.clis[n] = Some(cli);
                } else {
                    self.world.look();
                }
            }
            None => self.world.look(),
        }
    }

    fn await_master(&mut self, n: usize) {
        eventually("the other one as master", || {
            self.go_on();
            (self.master == n).then_some(())
        });
    }

    fn restart(&mut self, n: usize) {
        if n != self.master {
            self.follows = false;
        }
        self.deployment.servers[n].start().expect("a redis-server");
    }

    fn plan_failover(&mut self, sentinel: usize) {
        let port = self.deployment.sentinels[sentinel].port();
        let mut cli = Cli::new(port);
        eventually("a failover", || {
            self.go_on();
            cli.try_say("SENTINEL FAILOVER mymaster").filter(|answer| answer.starts_with("+OK"))
        });
    }

    fn run(&mut self, fault: Fault, random: &mut Random) {
        let (master, other) = (self.master, 1 - self.master);
        let watches = self.world.client.counters.sentinel()[0].clone();
        let is_watching = |sentinel: &_| watches.as_deref() == Some(&*address(sentinel));
        let watching = self.deployment.sentinels.iter().position(is_watching).unwrap_or_default();
        let mut killed = None;
        match fault {
            Fault::Planned => {
                self.plan_failover(random.below(3));
                self.await_master(other);
            }
            Fault::PlannedUnseen => {
                self.deployment.sentinels[watching].kill();
                killed = Some(watching);
                self.plan_failover((watching + 1 + random.below(2)) % 3);
                self.await_master(other);
            }
            Fault::MasterKilled => {
                self.deployment.servers[master].kill();
                self.await_master(other);
                self.restart(master);
            }
            Fault::MasterRestarted => {
                self.deployment.servers[master].kill();
                self.restart(master);
            }
            Fault::MasterStopped => {
                signal(&self.deployment.servers[master], "-STOP");
                self.stopped = Some(master);
                self.await_master(other);
                signal(&self.deployment.servers[master], "-CONT");
                self.stopped = None;
            }
            Fault::ReplicaKilled => {
                self.deployment.servers[other].kill();
                (0..500).for_each(|_| self.go_on());
                self.restart(other);
            }
            Fault::SentinelKilled => {
                let sentinel = random.below(3);
                self.deployment.sentinels[sentinel].kill();
                killed = Some(sentinel);
                (0..500).for_each(|_| self.go_on());
            }
            Fault::ClientCut => {
                let cut = self.cli(master).map(|cli| cli.try_say("CLIENT KILL TYPE pubsub"));
                assert!(cut.is_some(), "the master is up");
            }
        }
        if let Some(sentinel) = killed {
            self.deployment.sentinels[sentinel].start().expect("a Sentinel");
        }
    }

    /// Publishes until the client has recovered and received a hundred more messages at the master.
    fn heal(&mut self) {
        eventually("a replica that follows", || {
            self.go_on();
            let other = 1 - self.master;
            self.cli(other)?.try_say("INFO replication").filter(|info| info.contains("master_link_status:up"))
        });
        let ports: Vec<_> = self.deployment.sentinels.iter().map(|sentinel| sentinel.port()).collect();
        for port in ports {
            let mut cli = Cli::new(port);
            eventually("Sentinels that know all", || {
                self.go_on();
                let is_well = "status=ok";
                let info = cli.try_say("INFO sentinel")?;
                (info.contains(is_well) && info.contains("slaves=1,sentinels=3")).then_some(())
            });
        }
        let enough = self.world.received.len() + 100;
        eventually("messages", || {
            self.go_on();
            (self.world.received.len() >= enough).then_some(())
        });
        let place = address(&self.deployment.servers[self.master]);
        eventually("the client at the master", || {
            self.go_on();
            (self.world.client.counters.address().as_deref() == Some(&place)).then_some(())
        });
    }
}

/// `SENTINEL_SECONDS` and `SENTINEL_SEED` are its time and its seed.
#[test]
#[ignore = "takes minutes: .ci/long sentinel"]
fn whatever_fails_each_message_is_received_or_in_a_gap() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seconds = Duration::from_secs(number("SENTINEL_SECONDS").unwrap_or(60));
    let mut random = Random(number("SENTINEL_SEED").unwrap_or(1));
    let protocol = if random.below(2) == 0 { 2 } else { 3 };
    let deployment = Deployment::start("", None);
    deployment.set_down_after(SHORT_DOWN_AFTER);
    let world = World::with(&deployment.url(), &pairs(protocol));
    let clis = [None, None];
    let mut soak = Soak { deployment, world, clis, master: 0, follows: true, stopped: None };
    assert!(is_master(&mut Cli::new(soak.deployment.servers[0].port()), &soak.deployment.servers[0]));
    let begun = std::time::Instant::now();
    while begun.elapsed() < seconds {
        let fault = FAULTS[random.below(FAULTS.len())];
        eprintln!("{:?}: {fault:?} in RESP{protocol}", begun.elapsed());
        soak.run(fault, &mut random);
        soak.heal();
    }
    eprintln!("{} messages, {} gaps", soak.world.published.len(), soak.world.gaps.len());
    soak.world.check();
}
