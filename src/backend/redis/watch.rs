//! How a session reacts to what Sentinels say about its master; `sentinel` asks them.

use std::time::{Duration, Instant};

use super::connection::LinkRole;
use super::failure::Failure;
use super::link::Link;
use super::sentinel::{SentinelWatch, WATCH, WatchNews};
use super::session::RedisSession;
use crate::backend::Endpoint;
use crate::model::{Error, Event, LinkId, Sink};

impl RedisSession {
    /// The watch, if this is its link.
    pub(super) fn watch_on(&mut self, link: LinkId) -> Option<&mut SentinelWatch> {
        self.watch.as_mut().filter(|_| link == WATCH)
    }

    /// Passes an event to the watch, if it is about its link.
    pub(super) fn watched(
        &mut self,
        link: LinkId,
        now: Instant,
        sink: &mut dyn Sink,
        handle: impl FnOnce(&mut SentinelWatch),
    ) {
        if let Some(watch) = self.watch_on(link) {
            handle(watch);
            self.settle(now, sink);
        }
    }

    /// Reacts to the watch's news.
    pub(super) fn take_watch_news(&mut self, now: Instant, sink: &mut dyn Sink) {
        while let Some(news) = self.watch.as_mut().and_then(SentinelWatch::poll_news) {
            match news {
                // While the session closes, a switch would lose the answers that are still awaited.
                _ if self.closing.is_some() => {}
                WatchNews::Named(master) => self.master_named(&master, now, sink),
                WatchNews::Confirmed(asked) => self.master_confirmed(asked, sink),
                WatchNews::Unconfirmed(master, error) => {
                    // Sentinels that have lost the others may name an old master: that is no reason to leave a server
                    // that answers.
                    if !self.links[self.link_for(LinkRole::Commands)].is_up() {
                        self.master_named(&master, now, sink);
                    }
                    self.tell_unwatched(&error, now, sink);
                }
                WatchNews::Lost(error, retry_in) => self.sentinels_lost(error, retry_in, now, sink),
            }
        }
        if let Some(watch) = &mut self.watch
            && watch.take_changed()
        {
            let (sentinel, problem) = (watch.sentinel(), watch.problem());
            self.counters.set_sentinel(sentinel.map(Endpoint::to_string), problem.map(Error::to_string));
        }
    }

    /// A Sentinel names this server as the master. If the session uses another one, it moves to this one.
    fn master_named(&mut self, master: &Endpoint, now: Instant, sink: &mut dyn Sink) {
        let commands = self.link_for(LinkRole::Commands);
        let leads_elsewhere = |link: &Link| link.endpoint() != Some(master);
        let is_in_use = |link: &Link| link.is_open() || link.is_under_way();
        if leads_elsewhere(&self.links[commands]) {
            self.endpoints.point_to(master.clone());
            let mut was_up = false;
            for role in [LinkRole::Commands, LinkRole::Subscriptions] {
                let i = self.link_for(role);
                if is_in_use(&self.links[i]) && leads_elsewhere(&self.links[i]) {
                    was_up |= self.links[i].is_up();
                    self.fail(i, Failure::Switched(master.clone()), now, sink);
                }
            }
            if was_up {
                self.lose_to_new_master();
            }
            // The old master's backoff does not count for the new one.
            if !is_in_use(&self.links[commands]) {
                self.connect(commands, now);
            }
        } else if self.links[commands].is_idle() {
            self.connect(commands, now);
        }
    }

    /// The server that was named last was confirmed, to a question sent at `asked`.
    fn master_confirmed(&mut self, asked: Instant, sink: &mut dyn Sink) {
        let commands = &self.links[self.link_for(LinkRole::Commands)];
        let is_up = commands.is_up();
        let Some(watch) = &mut self.watch else { return };
        if is_up && watch.master() == commands.endpoint() {
            watch.note_confirmed(asked);
        }
        if self.ready
            && watch.note_watched()
            && let Some(sentinel) = watch.sentinel()
        {
            sink.event(Event::Notice(format!("the Sentinel {sentinel} confirms the master again").into()));
        }
    }

    /// No Sentinel can be used. Without a master the client is down for that reason; with one it goes on, and its
    /// owner is told once.
    fn sentinels_lost(&mut self, error: Error, retry_in: Duration, now: Instant, sink: &mut dyn Sink) {
        if self.links[self.link_for(LinkRole::Commands)].is_idle() {
            self.update_state();
            sink.event(Event::Down { error, retry_in: Some(retry_in) });
        } else {
            self.tell_unwatched(&error, now, sink);
        }
    }

    /// Tells the owner, once, that no Sentinel confirms the master to which the client is connected.
    fn tell_unwatched(&mut self, error: &Error, now: Instant, sink: &mut dyn Sink) {
        if self.ready && self.watch.as_mut().is_some_and(|watch| watch.note_unwatched(now)) {
            let text = format!(
                "no Sentinel confirms the master: {error}; the connection to it goes on, and a failover may be seen late"
            );
            sink.event(Event::Notice(text.into()));
        }
    }

    /// The server that accepted us cannot be used. The Sentinel that named it is informed.
    pub(super) fn pass_over(&mut self, i: usize, failure: Failure, now: Instant, sink: &mut dyn Sink) {
        let endpoint = self.links[i].endpoint().cloned();
        self.fail(i, failure, now, sink);
        if let (Some(watch), Some(endpoint)) = (&mut self.watch, endpoint) {
            watch.is_replica(&endpoint, now);
        }
    }

    /// Whether there is nothing to do before the Sentinels are asked again.
    pub(super) fn awaits_sentinels(&self) -> bool {
        self.links[self.link_for(LinkRole::Commands)].is_idle()
            && self.watch.as_ref().is_some_and(SentinelWatch::is_waiting)
    }

    /// An error about an endpoint, with its name if the owner gave another one or several.
    pub(super) fn named_error(&self, endpoint: &Endpoint, error: Error) -> Error {
        let name = endpoint.to_string();
        if self.watch.is_none() || error.message.contains(&name) {
            return self.endpoints.named(endpoint, error);
        }
        let message = format!("{name}, the master that the Sentinels name: {}", error.message);
        Error { message: message.into(), ..error }
    }

    /// The session ends, and its watch with it.
    pub(super) fn end_watch(&mut self) {
        if self.watch.take().is_some() {
            self.counters.set_sentinel(None, None);
        }
    }
}
