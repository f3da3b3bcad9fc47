//! The state that all drivers share.

use std::collections::{HashMap, VecDeque};
use std::io::Result;
use std::sync::Arc;
use std::time::Instant;

use crossbeam_queue::SegQueue;
use mio::{Registry, Token};

use super::resolve::{Answer, Query, Resolver, Waiter};
use super::transport::TlsConfigs;
use super::waker::{LoopWaker, WAKER};
use crate::model::{READ_BYTES, SessionId};

/// The state that all drivers share.
pub(super) struct Io {
    pub(super) registry: Registry,
    /// The buffer that all links read into.
    pub(super) buffer: Box<[u8]>,
    /// The client of each token. No token is given out twice, so that late events of a closed link reach nobody.
    owners: HashMap<Token, SessionId>,
    last_token: Token,
    resolver: Arc<Resolver>,
    pub(super) tls: Arc<TlsConfigs>,
    /// No link has continued its TLS handshake in this round of turns. A handshake takes some tenths of a millisecond
    /// of the processor, and a hundred of them start at once when a server is back.
    may_handshake: bool,
    /// Links that wait to continue their handshake, the one that has waited longest first: drivers have their turns
    /// in the same order each time, and the first of them would be served again and again.
    handshakes: VecDeque<Token>,
    waker: Arc<LoopWaker>,
    /// Answers of the resolver that are not processed yet.
    answers: Arc<SegQueue<Answer>>,
}

impl Io {
    pub(super) fn new(
        registry: &Registry,
        waker: Arc<LoopWaker>,
        resolver: Arc<Resolver>,
        tls: Arc<TlsConfigs>,
    ) -> Result<Self> {
        Ok(Self {
            registry: registry.try_clone()?,
            buffer: vec![0; READ_BYTES].into(),
            owners: HashMap::new(),
            last_token: WAKER,
            resolver,
            tls,
            may_handshake: true,
            handshakes: VecDeque::new(),
            waker,
            answers: Arc::default(),
        })
    }

    /// Begins a round of turns.
    pub(super) fn begin_round(&mut self) {
        self.may_handshake = true;
    }

    /// Whether a link may continue its TLS handshake: one may in each round, the one that has waited longest. It asks
    /// again in each round until it may, or is closed.
    pub(super) fn take_handshake(&mut self, token: Token) -> bool {
        if !self.handshakes.contains(&token) {
            self.handshakes.push_back(token);
        }
        let may = self.may_handshake && self.handshakes.front() == Some(&token);
        if may {
            self.may_handshake = false;
            self.handshakes.pop_front();
        }
        may
    }

    pub(super) fn new_token(&mut self, client: SessionId) -> Token {
        self.last_token = Token(self.last_token.0 + 1);
        self.owners.insert(self.last_token, client);
        self.last_token
    }

    pub(super) fn forget_token(&mut self, token: Token) {
        self.owners.remove(&token);
        self.handshakes.retain(|&waits| waits != token);
    }

    pub(super) fn owner(&self, token: Token) -> Option<SessionId> {
        self.owners.get(&token).copied()
    }

    /// Looks a name up for the link with this token. The answer comes unless the query is dropped.
    pub(super) fn look_up(&self, host: &str, token: Token, now: Instant) -> Query {
        let (answers, waker) = (Arc::downgrade(&self.answers), Arc::clone(&self.waker));
        self.resolver.look_up(host, Waiter::new(token, answers, waker), now)
    }

    /// The next answer of the resolver, if there is one.
    pub(super) fn looked_up(&self) -> Option<Answer> {
        self.answers.pop()
    }

    /// Gives back an answer that came after its link was gone. The next link to that name gets it.
    pub(super) fn keep_late(&self, answer: Answer, now: Instant) {
        self.resolver.keep_late(answer.host, answer.resolution, now);
    }
}
