//! What every client of the loop uses.

use std::collections::HashMap;
use std::io::Result;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use mio::{Registry, Token};

use super::LoopWaker;
use super::resolve::{Answer, Lookup, Reply, Resolver};
use crate::model::{READ_BYTES, SessionId};

/// The token of the waker; links have the others.
pub(super) const WAKER: Token = Token(0);

/// What every client of the loop uses.
pub(super) struct Io {
    pub(super) registry: Registry,
    /// Where all links read into.
    pub(super) buffer: Box<[u8]>,
    /// Whose the tokens are. A token is never given out twice, so that late news of a closed link reach nobody.
    owners: HashMap<Token, SessionId>,
    last_token: Token,
    resolver: Arc<Resolver>,
    waker: Arc<LoopWaker>,
    answers: Sender<Answer>,
    answered: Receiver<Answer>,
}

impl Io {
    pub(super) fn new(registry: &Registry, waker: Arc<LoopWaker>, resolver: Arc<Resolver>) -> Result<Self> {
        let (answers, answered) = channel();
        Ok(Self {
            registry: registry.try_clone()?,
            buffer: vec![0; READ_BYTES].into(),
            owners: HashMap::new(),
            last_token: WAKER,
            resolver,
            waker,
            answers,
            answered,
        })
    }

    pub(super) fn new_token(&mut self, client: SessionId) -> Token {
        self.last_token = Token(self.last_token.0 + 1);
        self.owners.insert(self.last_token, client);
        self.last_token
    }

    pub(super) fn forget_token(&mut self, token: Token) {
        self.owners.remove(&token);
    }

    pub(super) fn owner(&self, token: Token) -> Option<SessionId> {
        self.owners.get(&token).copied()
    }

    /// Looks a name up for a link, whose token the answer will bear. It comes as long as the link keeps the question.
    pub(super) fn look_up(&self, host: &str, token: Token, now: Instant) -> Lookup {
        let (answers, waker) = (self.answers.clone(), Arc::clone(&self.waker));
        self.resolver.look_up(host, Reply::new(token, answers, waker), now)
    }

    /// The next answer of the resolver, if there is one.
    pub(super) fn looked_up(&self) -> Option<Answer> {
        self.answered.try_recv().ok()
    }

    /// Gives an answer back that came when its link was gone: the next link to that name takes it.
    pub(super) fn keep_late(&self, answer: Answer, now: Instant) {
        self.resolver.keep_late(answer.host, answer.resolved, now);
    }
}
