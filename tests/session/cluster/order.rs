//! However the nodes redirect, each command runs once and has one answer, and those of a slot run in the order in
//! which they were made. A naive cluster of a few lines is the reference.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;
use realtime::backend::{Action, LinkError};
use realtime::model::Value;

use super::{SEED, made};
use crate::client::{Client, Resp};
use crate::sink::Said;

/// One key for each of four slots.
const KEYS: [&str; 4] = ["a", "b", "c", "d"];
const NODES: u8 = 3;
/// The links that there can be: two that every session has, and one to each node.
const LINKS: u8 = 2 + NODES;

#[derive(Debug, Clone)]
enum Act {
    /// A command for this key.
    Ask(usize),
    /// A key's slot moves to a node at once.
    Move(usize, usize),
    /// It is on its way to a node, where all of its keys are already.
    Migrate(usize, usize),
    /// No node holds it, or one does again.
    Down(usize, bool),
    /// A node answers so many of its commands.
    Serve(u8, usize),
    /// A link that is asked for is made.
    Connect,
    /// Or not.
    Refuse,
    /// A link to a node is lost.
    Lose(u8),
    Wait(u16),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let (key, node) = (0..KEYS.len(), 0..usize::from(NODES));
    let act = prop_oneof![
        8 => key.clone().prop_map(Act::Ask),
        2 => (key.clone(), node.clone()).prop_map(|(key, node)| Act::Move(key, node)),
        1 => (key.clone(), node).prop_map(|(key, node)| Act::Migrate(key, node)),
        1 => (key, any::<bool>()).prop_map(|(key, is_down)| Act::Down(key, is_down)),
        8 => (0..LINKS, 1..4_usize).prop_map(|(link, n)| Act::Serve(link, n)),
        4 => Just(Act::Connect),
        1 => Just(Act::Refuse),
        1 => (2..LINKS).prop_map(Act::Lose),
        3 => (0..2000_u16).prop_map(Act::Wait),
    ];
    prop::collection::vec(act, 0..120)
}

/// The nodes' knowledge, always the same for all.
struct Cluster {
    owners: [usize; KEYS.len()],
    /// Where the keys of a slot are, if that is not at its owner.
    migrating: [Option<usize>; KEYS.len()],
    down: [bool; KEYS.len()],
    /// The numbers of the commands that ran, by key.
    ran: [Vec<u32>; KEYS.len()],
}

impl Cluster {
    fn slot(key: usize) -> u16 {
        [15_495, 3300, 7365, 11_298][key]
    }

    /// The answer of a node to one command.
    fn answer(&mut self, node: usize, is_asked: bool, words: &[&str]) -> String {
        match words {
            ["CLUSTER", "SLOTS"] => {
                let mut slots = format!("*{}\r\n", KEYS.len());
                for key in 0..KEYS.len() {
                    let (slot, owner) = (Self::slot(key), self.owners[key]);
                    slots.push_str(&format!("*3\r\n:{slot}\r\n:{slot}\r\n*2\r\n$2\r\nn{owner}\r\n:7000\r\n"));
                }
                slots
            }
            ["SET", key, number] => {
                let key = KEYS.iter().position(|known| known == key).unwrap();
                let slot = Self::slot(key);
                let serves = match self.migrating[key] {
                    _ if self.down[key] => return "-CLUSTERDOWN Hash slot not served\r\n".into(),
                    Some(target) if node == self.owners[key] && target != node => {
                        return format!("-ASK {slot} n{target}:7000\r\n");
                    }
                    Some(target) => target == node && is_asked || node == self.owners[key],
                    None => node == self.owners[key],
                };
                if !serves {
                    return format!("-MOVED {slot} n{}:7000\r\n", self.owners[key]);
                }
                self.ran[key].push(number.parse().unwrap());
                "+OK\r\n".into()
            }
            ["HELLO", "3"] => "%2\r\n+mode\r\n+cluster\r\n+role\r\n+master\r\n".into(),
            ["ASKING"] => "+OK\r\n".into(),
            ["PING"] => "+PONG\r\n".into(),
            ["CLUSTER", "INFO"] => "-NOPERM no\r\n".into(),
            other => panic!("{other:?}"),
        }
    }
}

struct World {
    client: Client,
    cluster: Cluster,
    /// Which node each link leads to.
    leads_to: BTreeMap<u8, usize>,
    /// Where each link that is asked for is to lead.
    wanted: BTreeMap<u8, usize>,
    /// The commands that a node has not answered, by link.
    sent: BTreeMap<u8, VecDeque<String>>,
    is_asked: BTreeMap<u8, bool>,
    /// The key of each command.
    asked: Vec<usize>,
    /// How each was answered.
    answered: BTreeMap<u32, Result<Value, realtime::model::Error>>,
}

impl World {
    fn new() -> Self {
        let client = Client::with_seed("redis://n0:7000", &[], SEED);
        let cluster = Cluster {
            owners: [0, 0, 1, 2],
            migrating: [None; KEYS.len()],
            down: [false; KEYS.len()],
            ran: Default::default(),
        };
        let mut world = Self {
            client,
            cluster,
            leads_to: BTreeMap::new(),
            wanted: BTreeMap::new(),
            sent: BTreeMap::new(),
            is_asked: BTreeMap::new(),
            asked: Vec::new(),
            answered: BTreeMap::new(),
        };
        world.look();
        world.connect();
        world
    }

    /// Notes the session's wishes, bytes and events.
    fn look(&mut self) {
        while let Some(action) = self.client.action() {
            match action {
                Action::Connect { link, endpoint, .. } => {
                    let node = endpoint.to_string()[1..2].parse().unwrap();
                    self.wanted.insert(link.0, node);
                    self.gone(link.0);
                }
                Action::Close(link) => {
                    self.wanted.remove(&link.0);
                    self.gone(link.0);
                }
                other => panic!("{other:?}"),
            }
        }
        for (link, _) in self.leads_to.clone() {
            let commands = self.client.commands(link);
            self.sent.entry(link).or_default().extend(commands);
        }
        for said in self.client.said() {
            if let Said::Answer { id, result } = said {
                assert!(self.answered.insert(id, result).is_none(), "{id} was answered twice");
            }
        }
        // Those that have timed out need not wait: their node may be gone for good.
        let is_open = |command: &String| {
            let id = command.split(' ').nth(2).and_then(|id| id.parse::<u32>().ok());
            id.is_some_and(|id| !self.answered.contains_key(&id))
        };
        for key in KEYS {
            let word = format!("SET {key} ");
            let is_of_slot = |command: &String| command.starts_with(&word) && is_open(command);
            let links = self.sent.values().filter(|sent| sent.iter().any(is_of_slot)).count();
            assert!(links <= 1, "commands of a slot are under way on {links} links: {:?}", self.sent);
        }
    }

    fn gone(&mut self, link: u8) {
        self.leads_to.remove(&link);
        self.sent.remove(&link);
        self.is_asked.remove(&link);
        self.client.driver.drive();
    }

    fn connect(&mut self) {
        for (link, node) in std::mem::take(&mut self.wanted) {
            made(&mut self.client, link, Resp::Three);
            self.leads_to.insert(link, node);
        }
        self.look();
    }

    fn serve(&mut self, link: u8, n: usize) {
        self.look();
        for _ in 0..n {
            let Some(command) = self.sent.get_mut(&link).and_then(VecDeque::pop_front) else { return };
            let words: Vec<_> = command.split(' ').collect();
            let is_asked = self.is_asked.insert(link, words == ["ASKING"]) == Some(true);
            let answer = self.cluster.answer(self.leads_to[&link], is_asked, &words);
            self.client.server(link, answer.as_bytes());
            self.look();
        }
    }

    fn act(&mut self, act: &Act) {
        match *act {
            Act::Ask(key) => {
                let id = u32::try_from(self.asked.len()).unwrap();
                self.asked.push(key);
                super::command(&mut self.client, id, &["SET", KEYS[key], &id.to_string()]);
            }
            Act::Move(key, node) => (self.cluster.owners[key], self.cluster.migrating[key]) = (node, None),
            Act::Migrate(key, node) => self.cluster.migrating[key] = Some(node),
            Act::Down(key, is_down) => self.cluster.down[key] = is_down,
            Act::Serve(link, n) => self.serve(link, n),
            Act::Connect => self.connect(),
            Act::Refuse => {
                for (link, _) in std::mem::take(&mut self.wanted) {
                    self.client.lost(link, LinkError::Eof);
                }
            }
            Act::Lose(link) if self.leads_to.contains_key(&link) => {
                // Commands that it had not run by then never run.
                self.client.lost(link, LinkError::Eof);
                self.gone(link);
            }
            Act::Lose(_) => {}
            Act::Wait(milliseconds) => self.client.advance(f64::from(milliseconds) / 1000.0),
        }
        self.look();
    }

    /// Everything comes to rest.
    fn rest(&mut self) {
        self.cluster.down = [false; KEYS.len()];
        for _ in 0..200 {
            self.connect();
            (0..LINKS).for_each(|link| self.serve(link, usize::MAX));
            if self.answered.len() == self.asked.len() {
                return;
            }
            self.client.advance(0.1);
        }
        panic!("{} of {} are answered", self.answered.len(), self.asked.len());
    }

    fn check(&self, keeps_order: bool) {
        for key in 0..KEYS.len() {
            let ran = &self.cluster.ran[key];
            let mut sorted = ran.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), ran.len(), "a command ran twice: {ran:?}");
            if keeps_order {
                assert_eq!(*ran, sorted, "commands of a slot ran out of order");
            }
        }
        for (id, result) in &self.answered {
            let ran = self.cluster.ran[self.asked[*id as usize]].contains(id);
            match result {
                Ok(_) => assert!(ran, "{id} was answered and did not run"),
                Err(error) => assert!(!ran || error.sent, "{id} ran: {error:?}"),
            }
        }
    }
}

/// Runs acts. A slot that no node holds may be held again between two commands that are in flight already, and so may
/// one that moves back, so that the second one runs and the first one does not: then there is no order to keep.
fn run(acts: &[Act], may_refuse_in_between: bool) {
    let mut world = World::new();
    for act in acts {
        // A slot that goes to where it came from is such a case, unless nothing of it is under way.
        let is_left_out = match *act {
            Act::Down(..) => !may_refuse_in_between,
            Act::Move(key, _) | Act::Migrate(key, _) if !may_refuse_in_between => world.is_under_way(key),
            _ => false,
        };
        if !is_left_out {
            world.act(act);
        }
    }
    world.rest();
    world.check(!may_refuse_in_between);
}

impl World {
    /// Whether a change of a key's slot would come between its commands: a node may run a younger one before it sees an older one,
    /// because the older one was refused already.
    fn is_under_way(&mut self, key: usize) -> bool {
        self.look();
        let word = format!("SET {} ", KEYS[key]);
        let open =
            (0_u32..).zip(&self.asked).filter(|&(id, of)| *of == key && !self.answered.contains_key(&id));
        let open: Vec<_> = open.map(|(id, _)| id).collect();
        self.sent.values().any(|sent| {
            let here: Vec<u32> = sent.iter().filter_map(|it| it.strip_prefix(&word)?.parse().ok()).collect();
            !here.is_empty() && !open.starts_with(&here)
        })
    }
}

#[test]
fn a_slot_may_come_back_while_a_command_that_was_refused_stands_behind_younger_ones() {
    use Act::{Ask, Connect, Lose, Migrate, Move, Serve, Wait};
    let acts = [Ask(0), Migrate(0, 1), Ask(0), Ask(0), Serve(0, 2), Connect, Lose(2), Wait(53), Move(0, 0)];
    run(&acts, false);
    let mut world = World::new();
    acts[..acts.len() - 1].iter().for_each(|act| world.act(act));
    world.connect();
    assert!(world.is_under_way(0), "the node may run 1 before 0: {:?}", world.sent);
}

#[test]
fn a_command_that_was_refused_and_sent_again_holds_back_those_that_another_node_is_asked_for() {
    use Act::{Ask, Connect, Down, Migrate, Serve};
    let acts = [Serve(0, 1), Migrate(2, 2), Ask(2), Ask(2), Connect, Down(2, true), Serve(2, 1)];
    run(&acts, true);
}

#[test]
fn a_command_that_a_node_may_refuse_stands_before_none_with_asking() {
    use Act::{Ask, Migrate, Move, Refuse, Serve};
    run(&[Ask(3), Ask(3), Serve(0, 1), Move(3, 0), Migrate(3, 2), Serve(0, 1), Refuse], false);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn commands_of_a_slot_run_once_and_in_order_wherever_it_moves(acts in acts()) {
        run(&acts, false);
    }

    #[test]
    fn commands_run_once_though_nodes_refuse_them_in_between(acts in acts()) {
        run(&acts, true);
    }
}
