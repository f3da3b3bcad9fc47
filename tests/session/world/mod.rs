//! A session, the naive server of [`twin`](crate::twin), and the known state of both.

mod listen;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use realtime::backend::{Action, Connected, LinkError, OptionValue};
use realtime::model::{Command, LinkId, RequestKind, State, TopicKind};

use crate::client::{Client, Reads, Resp, subscribe, topic};
use crate::twin::{Answer, Name, Server};

/// As sharded channels, the first two are in one hash slot.
pub(crate) const NAMES: [&str; 5] = ["a", "{a}b", "c", "d", "e"];

#[derive(Debug, Clone)]
pub(crate) enum Act {
    Subscribe(TopicKind, usize),
    Unsubscribe(TopicKind, usize),
    /// So many bytes go out on a link.
    Write(usize, usize),
    /// The server runs one command.
    Run(usize),
    /// One answer of the server arrives.
    Deliver(usize),
    /// Another client publishes.
    Publish(usize),
    /// The client does.
    Ask(usize),
    Forbid(usize),
    Allow(usize),
    /// The hash slot of a sharded channel moves to another node.
    Move(usize),
    /// All hash slots come back.
    Return,
    /// The server begins or ends to refuse every SUBSCRIBE and UNSUBSCRIBE.
    Busy(bool),
    /// Links that are asked for are made.
    Connect,
    /// Or not.
    Refuse,
    Lose(usize),
    Wait(f64),
}

const LINKS: [u8; 2] = [0, 1];

/// How the messages of the client's own publishes begin; a number follows.
const ASKED: &str = "ask-";

/// One wish, from the Subscribe to the Unsubscribe that ends it.
#[derive(Debug, Default)]
pub(crate) struct Wish {
    pub(crate) slot: u32,
    /// `subscribed` was reported for it.
    pub(crate) told: bool,
    /// The code of the last reported refusal.
    pub(crate) refusal_told: Option<String>,
    /// It was confirmed before, and on the present connection it is refused, or the server ended it.
    pub(crate) deaf: bool,
    /// It was requested again, or confirmed, since.
    pub(crate) news: bool,
    /// It was there when the present connection was made, and is neither confirmed nor refused on it.
    pub(crate) restoring: bool,
    /// It was confirmed before the last loss, for which no gap was reported.
    pub(crate) gap_owed: bool,
    /// Which one it is.
    number: u32,
}

/// A publish of the client's own.
#[derive(Debug)]
struct Asked {
    /// The topics wanted before it, and the numbers of those wishes.
    behind: Vec<(Name, u32)>,
    /// How many Subscribes there were before it.
    slots: u32,
    /// How many losses there were before it.
    losses: usize,
    answered: bool,
}

/// A session, the server, and the known state of both.
pub(crate) struct World {
    pub(crate) client: Client,
    pub(crate) server: Server,
    pub(crate) wishes: BTreeMap<Name, Wish>,
    /// The slot that each name was last subscribed as, wanted or not.
    last_slots: BTreeMap<Name, u32>,
    pub(crate) slots: u32,
    pub(crate) payloads: u32,
    asked: Vec<Asked>,
    losses: usize,
    pub(crate) readies: u32,
    /// How many of them came after a `down`.
    pub(crate) reconnects: u64,
    is_ready: bool,
    /// `ready` was reported since the link of the subscriptions was made.
    ready_since: bool,
    /// Topics that were deaf and are confirmed: a gap has to name them.
    regained: BTreeSet<Name>,
    /// The same before any `ready`: a gap may name them.
    may_be_regained: BTreeSet<Name>,
    /// A gap named some topics, and no `ready` followed.
    owes_ready: bool,
}

impl World {
    pub(crate) fn new(resp: Resp, verify: bool, reads: Reads) -> Self {
        let options =
            [("reconnect_max", OptionValue::Number(0.1)), ("verify_delivery", OptionValue::Boolean(verify))];
        let mut client = Client::new("redis://:password@server", &options);
        client.reads = reads;
        LINKS.iter().for_each(|&link| client.set_writable(link, 0));
        Self {
            client,
            server: Server::new(resp),
            wishes: BTreeMap::new(),
            last_slots: BTreeMap::new(),
            slots: 0,
            payloads: 0,
            asked: Vec::new(),
            losses: 0,
            readies: 0,
            reconnects: 0,
            is_ready: false,
            ready_since: false,
            regained: BTreeSet::new(),
            may_be_regained: BTreeSet::new(),
            owes_ready: false,
        }
    }

    /// The link that carries the subscriptions.
    pub(crate) fn subscriber(&self) -> usize {
        usize::from(self.server.resp == Resp::Two)
    }

    pub(crate) fn act(&mut self, act: &Act) -> Result<(), TestCaseError> {
        match *act {
            Act::Subscribe(kind, name) => self.subscribe(kind, NAMES[name]),
            Act::Unsubscribe(kind, name) => {
                self.client.command_in_one_tick(Command::Unsubscribe(topic(kind, NAMES[name])));
                self.wishes.remove(&Name::new(kind, NAMES[name]));
            }
            Act::Write(link, n) => self.write(link, n),
            Act::Run(link) => return self.run(link).map(drop),
            Act::Deliver(link) => return self.deliver(link),
            Act::Publish(name) => {
                self.payloads += 1;
                self.server.publish(NAMES[name], &self.payloads.to_string());
            }
            Act::Ask(name) => self.ask(NAMES[name]),
            Act::Forbid(name) => {
                self.server.forbidden.insert(NAMES[name].to_owned());
                // A user who loses the right to a subscribed channel is disconnected.
                let link = self.subscriber();
                if TopicKind::ALL.iter().any(|&kind| self.server.has(&Name::new(kind, NAMES[name]))) {
                    self.lose(link);
                }
            }
            Act::Allow(name) => drop(self.server.forbidden.remove(NAMES[name])),
            Act::Move(name) => self.server.move_slot(NAMES[name]),
            Act::Return => self.server.return_slots(),
            Act::Busy(busy) => self.server.busy = busy,
            Act::Connect => self.connect(),
            Act::Refuse => {
                self.wanted_links().into_iter().for_each(|link| self.client.refused(link));
            }
            Act::Lose(link) => self.lose(link),
            Act::Wait(seconds) => self.client.advance(seconds),
        }
        self.take_actions();
        self.listen(None)
    }

    pub(crate) fn subscribe(&mut self, kind: TopicKind, name: &str) {
        self.slots += 1;
        self.client.command_in_one_tick(subscribe(kind, name, self.slots));
        let number = self.slots;
        let new = || Wish { number, ..Wish::default() };
        let wish = self.wishes.entry(Name::new(kind, name)).or_insert_with(new);
        (wish.slot, wish.news) = (self.slots, true);
        self.last_slots.insert(Name::new(kind, name), self.slots);
    }

    fn ask(&mut self, channel: &str) {
        let id = u32::try_from(self.asked.len()).expect("not so many");
        let words = [channel.to_owned(), format!("{ASKED}{id}")];
        let kind = RequestKind::Publish(words.iter().collect());
        let command = self.client.make_request(id, 1000.0, kind);
        self.client.command_in_one_tick(command);
        let behind = self.wishes.iter().map(|(name, wish)| (name.clone(), wish.number)).collect();
        self.asked.push(Asked { behind, slots: self.slots, losses: self.losses, answered: false });
    }

    /// The server runs a command. A publish of the client's own finds all subscriptions that were asked for before it, and
    /// none that was taken back before it.
    fn run(&mut self, link: usize) -> Result<bool, TestCaseError> {
        let id = self.server.next_command(link).and_then(|words| words.last()?.strip_prefix(ASKED));
        if let Some(asked) = id.map(|id| &self.asked[id.parse::<usize>().expect("a number")])
            && asked.losses == self.losses
        {
            for (name, number) in &asked.behind {
                let is_wanted = self.wishes.get(name).is_some_and(|wish| wish.number == *number);
                let is_settled = self.server.has(name)
                    || self.server.refused().contains(name)
                    || self.server.has_ended(name);
                prop_assert!(!is_wanted || is_settled, "a publish overtook {:?}", name);
            }
            for (name, slot) in &self.last_slots {
                let is_gone = *slot <= asked.slots && !asked.behind.iter().any(|(behind, _)| behind == name);
                let overtakes = is_gone && self.server.has(name) && !self.server.keeps(name);
                prop_assert!(!overtakes, "a publish overtook the end of {:?}", name);
            }
        }
        Ok(self.server.run(link))
    }

    /// Whether each publish of the client's own has its answer.
    pub(crate) fn is_answered(&self) -> bool {
        self.asked.iter().all(|asked| asked.answered)
    }

    fn write(&mut self, link: usize, n: usize) {
        self.client.set_writable(LINKS[link], n);
        let bytes = self.client.bytes(LINKS[link]);
        self.client.set_writable(LINKS[link], 0);
        self.server.receive(link, &bytes);
    }

    /// Links that the session asks for.
    fn wanted_links(&self) -> Vec<u8> {
        LINKS.into_iter().filter(|&link| self.client.driver.is_wanted(LinkId(link))).collect()
    }

    fn take_actions(&mut self) {
        // Nothing is written before Write: the event loop passes all commands of a tick first.
        while let Some(action) = self.client.action_before_writing() {
            match action {
                Action::Connect { .. } | Action::Secure { .. } => {}
                Action::Close(link) => self.drop_link(usize::from(link.0)),
                Action::Finish => panic!("nobody disconnects"),
            }
        }
    }

    fn connect(&mut self) {
        for link in self.wanted_links() {
            self.server.accept(usize::from(link));
            if usize::from(link) == self.subscriber() {
                self.wishes.values_mut().for_each(|wish| wish.restoring = true);
                self.ready_since = false;
            }
            self.client.driver.connected(LinkId(link), Connected::default());
        }
    }

    pub(crate) fn lose(&mut self, link: usize) {
        if self.server.links[link].is_some() {
            self.drop_link(link);
            self.client.lost(LINKS[link], LinkError::Eof);
        }
    }

    fn drop_link(&mut self, link: usize) {
        self.losses += 1;
        self.server.links[link] = None;
        if link == self.subscriber() {
            for wish in self.wishes.values_mut() {
                wish.gap_owed |= wish.told;
                (wish.restoring, wish.deaf) = (false, false);
            }
        }
    }

    pub(crate) fn deliver(&mut self, link: usize) -> Result<(), TestCaseError> {
        let Some(answer) = self.server.deliver(link) else { return Ok(()) };
        if let Answer::Confirmation { subscribe: true, name, .. } | Answer::Refused { alone: Some(name), .. } =
            &answer
            && let Some(wish) = self.wishes.get_mut(name)
        {
            wish.restoring = false;
            let confirmed = matches!(answer, Answer::Confirmation { .. });
            // A refusal that follows is news.
            wish.news |= confirmed;
            if confirmed && std::mem::take(&mut wish.deaf) {
                let regained = if self.ready_since { &mut self.regained } else { &mut self.may_be_regained };
                regained.insert(name.clone());
            }
            wish.deaf |= wish.told && !confirmed;
        }
        if let Answer::Ended { name, .. } = &answer
            && let Some(wish) = self.wishes.get_mut(name)
        {
            wish.deaf |= wish.told;
        }
        self.client.server(LINKS[link], answer.bytes());
        self.take_actions();
        self.listen(Some(&answer))
    }

    /// Everything comes to rest.
    pub(crate) fn settle(&mut self) -> Result<(), TestCaseError> {
        for _ in 0..200 {
            self.act(&Act::Connect)?;
            for link in [0, 1] {
                self.act(&Act::Write(link, usize::MAX))?;
                while self.run(link)? {}
                while self.server.has_answer(link) {
                    self.deliver(link)?;
                }
            }
            let unread = [0, 1].iter().any(|&link| self.server.has_command(link));
            let unsent = [0, 1].iter().any(|&link| {
                !self.client.driver.session.poll_transmit(LinkId(link), self.client.driver.now).is_empty()
            });
            // A ready client may still wait for the second link of RESP2, if it was asked for again meanwhile.
            let is_ready = self.client.counters.state() == State::Ready
                && (self.wishes.is_empty() || self.server.links[self.subscriber()].is_some());
            if is_ready && !unread && !unsent && self.wanted_links().is_empty() {
                return Ok(());
            }
            self.client.advance(0.1);
            self.take_actions();
        }
        Err(TestCaseError::fail(format!("no rest: {:?}", self.client.counters.state())))
    }
}
