//! A conversation is cut at every byte, in each direction, on each link, in virtual time. After each cut the client
//! has recovered, every request was answered once and run at most once, and every message of other clients arrived
//! once and in order, or a gap is in its place.

use std::collections::BTreeMap;

use realtime::backend::Action;
use realtime::model::{Event, LinkId, RequestKind, State};

use fake_postgres::Server;

use crate::client::{Client, Said, URL, args};

/// Where a conversation is cut: the link, the direction, and how many bytes pass before, on all connections of that link.
#[derive(Debug, Clone, Copy)]
struct Cut {
    link: u8,
    is_down: bool,
    at: usize,
}

/// Bytes that passed, by link and whether down.
type Passed = BTreeMap<(u8, bool), usize>;

struct World {
    client: Client,
    server: Server,
    /// Those that are not made yet, in their order.
    cuts: Vec<Cut>,
    passed: Passed,
    /// What had passed when the last byte had that is cut.
    cuttable: Passed,
    /// What had passed when the last cut was made, and when the client was ready after it.
    at_cut: Passed,
    at_ready: Option<Passed>,
    others: u32,
}

impl World {
    fn new(cuts: &[Cut]) -> Self {
        let mut client = Client::new(URL, &[]);
        client.subscribe("chat", 1);
        Self {
            client,
            server: Server::default(),
            cuts: cuts.to_vec(),
            passed: Passed::new(),
            cuttable: Passed::new(),
            at_cut: Passed::new(),
            at_ready: None,
            others: 0,
        }
    }

    /// How much of `bytes` passes, and whether the link is cut after that.
    fn pass(&mut self, link: u8, is_down: bool, bytes: usize) -> (usize, bool) {
        let passed = self.passed.entry((link, is_down)).or_default();
        let before = *passed;
        *passed += bytes;
        match self.cuts.first().copied() {
            Some(cut) if (cut.link, cut.is_down) == (link, is_down) && before + bytes > cut.at => {
                self.cuts.remove(0);
                // What is lost does not count.
                *passed = cut.at;
                (self.at_cut, self.at_ready) = (self.passed.clone(), None);
                (cut.at - before, true)
            }
            _ => (bytes, false),
        }
    }

    /// Carries bytes between both sides until neither has any.
    fn settle(&mut self) {
        for _ in 0..1000 {
            let mut is_quiet = true;
            self.client.driver.drive();
            while let Some(action) = self.client.action() {
                is_quiet = false;
                match action {
                    Action::Connect { link, .. } => {
                        self.server.gone(link.0);
                        self.client.driver.connected(link, realtime::backend::Connected::default());
                    }
                    Action::Close(link) => self.server.gone(link.0),
                    _ => {}
                }
                self.client.driver.drive();
            }
            for link in [0, 1] {
                let bytes = self.client.take_written(link);
                if !bytes.is_empty() && self.client.driver.is_up(LinkId(link)) {
                    is_quiet = false;
                    let (count, is_cut) = self.pass(link, false, bytes.len());
                    let sent = self.server.take(link, &bytes[..count]);
                    self.deliver(sent);
                    if is_cut {
                        self.lose(link);
                    }
                }
            }
            if self.at_ready.is_none() && self.client.counters.state() == State::Ready {
                self.at_ready = Some(self.passed.clone());
            }
            if is_quiet {
                return;
            }
        }
        panic!("it never ends");
    }

    fn deliver(&mut self, sent: Vec<(u8, Vec<u8>)>) {
        for (link, bytes) in sent {
            if !self.client.driver.is_up(LinkId(link)) {
                continue;
            }
            let (count, is_cut) = self.pass(link, true, bytes.len());
            self.client.read(link, &bytes[..count]);
            if is_cut {
                self.lose(link);
            }
        }
    }

    fn lose(&mut self, link: u8) {
        self.server.gone(link);
        if self.client.driver.is_up(LinkId(link)) {
            self.client.lost(link);
        }
    }

    /// Another client publishes the next number.
    fn publish(&mut self) {
        self.others += 1;
        let sent = self.server.publish("chat", &self.others.to_string());
        self.deliver(sent);
        self.settle();
    }

    fn go_on(&mut self) {
        for _ in 0..10 {
            self.client.advance(0.3);
            self.settle();
            self.publish();
        }
    }

    /// The whole conversation. Returns the session's output.
    fn converse(&mut self) -> Vec<Said> {
        self.settle();
        let statement = |n: &str| args(&["SELECT $1", n]);
        let requests = [
            RequestKind::Command(statement("11")),
            RequestKind::Publish(args(&["elsewhere", "x"])),
            RequestKind::Command(statement("12")),
            RequestKind::Transaction(vec![statement("13"), statement("14")]),
            RequestKind::Ping,
        ];
        for (kind, id) in requests.into_iter().zip(1..) {
            self.client.request(id, kind);
            self.publish();
        }
        // It is back within the first pauses.
        self.go_on();
        // No later byte is cut, so that there is time to recover after the last cut.
        self.cuttable = self.passed.clone();
        assert!(self.cuts.is_empty(), "{:?} was not made", self.cuts);
        self.go_on();
        self.client.said()
    }
}

fn judge(cuts: &[Cut], world: &World, said: &[Said]) {
    let mut answered: Vec<u32> = Vec::new();
    let (mut last, mut has_gap, mut is_subscribed) = (0, false, false);
    for said in said {
        match said {
            Said::Answer(id, _) => answered.push(*id),
            Said::Event(Event::Gap { .. }) => has_gap = true,
            Said::Event(Event::Subscribed(_)) => is_subscribed = true,
            Said::Message(1, text) => {
                let n: u32 = text.parse().unwrap();
                assert!(n > last, "{cuts:?}: {n} after {last}");
                assert!(
                    n == last + 1 || has_gap || last == 0,
                    "{cuts:?}: nothing tells of what is missing before {n}"
                );
                (last, has_gap) = (n, false);
            }
            _ => {}
        }
    }
    answered.sort_unstable();
    assert_eq!(answered, [1, 2, 3, 4, 5], "{cuts:?}");
    assert!(
        is_subscribed && last == world.others,
        "{cuts:?}: the last message was {last} of {}",
        world.others
    );
    assert!(world.server.runs.values().all(|&count| count == 1), "{cuts:?}: {:?}", world.server.runs);
    let is_ready = |said: &Said| matches!(said, Said::Event(Event::Ready(_)));
    let is_down = |said: &Said| matches!(said, Said::Event(Event::Down { .. }));
    let last_of = |is: &dyn Fn(&Said) -> bool| said.iter().rposition(is);
    assert!(last_of(&is_ready) > last_of(&is_down), "{cuts:?}: it is not back");
}

/// A conversation with these cuts.
fn run(cuts: &[Cut]) -> World {
    let mut world = World::new(cuts);
    let said = world.converse();
    judge(cuts, &world, &said);
    world
}

#[test]
fn whatever_byte_a_connection_is_cut_at_nothing_is_lost_without_a_word() {
    let mut cuts = 0;
    for ((link, is_down), bytes) in run(&[]).cuttable {
        for at in 0..bytes {
            run(&[Cut { link, is_down, at }]);
            cuts += 1;
        }
    }
    assert!(cuts > 1500, "{cuts} cuts");
}

#[test]
fn a_client_that_is_cut_again_while_it_comes_back_loses_nothing_without_a_word_either() {
    let mut cuts = 0;
    for (&(link, is_down), &bytes) in &run(&[]).cuttable {
        let first = Cut { link, is_down, at: bytes * 2 / 3 };
        let once = run(&[first]);
        let ready = once.at_ready.expect("ready after the cut");
        for ((link, is_down), end) in ready {
            for at in once.at_cut[&(link, is_down)]..end {
                run(&[first, Cut { link, is_down, at }]);
                cuts += 1;
            }
        }
    }
    assert!(cuts > 2000, "{cuts} cuts");
}
