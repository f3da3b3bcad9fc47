//! Changes of a client's state: calls listeners.

use std::time::Instant;

use super::{Dispatcher, List, Reference, Step, Task};
use crate::dispatch::EventKind;
use crate::dispatch::callbacks::Origin;
use crate::dispatch::message_options::EntryOptions;
use crate::dispatch::parked::Message;
use crate::model::{ClientSlot, Event, SessionId};

impl<R: Reference, D: Reference> Dispatcher<R, D> {
    /// Adds a listener to an event of a client, under an identifier. A listener for `ready` on a client that is ready
    /// gets a `ready` of its own, soon. `origin` is where it was added, if the identifier is not the script's own.
    pub fn listen(
        &mut self,
        slot: ClientSlot,
        kind: EventKind,
        identifier: &[u8],
        callback: R,
        origin: Option<Origin<R>>,
    ) {
        let Some(client) = self.clients.get_mut(slot) else { return };
        let listeners = &mut client.listeners[kind as usize];
        let serial = listeners.set(&mut client.serials, identifier, callback, EntryOptions::NONE, origin);
        let task = Task::Notify { client: slot, serial };
        if kind == EventKind::Ready && client.ready.is_some() && !self.tasks.contains(&task) {
            self.tasks.push_back(task);
            (self.waiting, self.unusual) = (true, true);
        }
    }

    /// Calls a late listener, because its client is ready.
    pub(super) fn notify(&mut self, slot: ClientSlot, serial: u64) -> Step<'_, R, D> {
        let Some(client) = self.clients.get(slot) else { return Step::Skipped };
        let listeners = &client.listeners[EventKind::Ready as usize];
        let (Some(ready), Some(walk)) = (&client.ready, listeners.only(serial)) else {
            return Step::Skipped;
        };
        let Some(entry) = listeners.at(&walk) else { return Step::Skipped };
        (self.walk, self.message) = (Some((slot, List::Event(EventKind::Ready), walk)), Message::default());
        let event = self.content.event.insert(ready.clone());
        Step::Event { callback: entry.callback.index(), client: client.data.index(), event }
    }

    /// Passes an event to its listeners, or to the console.
    pub(super) fn tell(&mut self, slot: ClientSlot, session: SessionId, event: Event) -> Step<'_, R, D> {
        let Some(client) = self.clients.get_mut(slot) else { return Step::Skipped };
        let is_present = client.session() == Some(session);
        let mut event = event;
        let event = match event {
            Event::Closed => {
                self.tasks.push_front(Task::End { client: slot, session });
                return Step::Skipped;
            }
            Event::RequestFailed { .. } => event,
            _ if !client.open => return Step::Skipped,
            Event::Dropped { .. } => event,
            Event::Gap { lasted, error, .. } if !is_present => {
                client.lose(lasted, error);
                return Step::Skipped;
            }
            _ if !is_present => return Step::Skipped,
            Event::Ready(_) | Event::Subscribed(_) if client.loss.is_some() => {
                self.tasks.push_front(Task::Tell { client: slot, session, event: event.into() });
                let Some(gap) = client.gap() else { return Step::Skipped };
                gap
            }
            Event::Subscribed(topic) if !client.confirm(&topic, session) => {
                let Some((gap, ready)) = client.regain(topic) else { return Step::Skipped };
                self.tasks.push_front(Task::Tell { client: slot, session, event: ready.into() });
                gap
            }
            Event::Notice(notice) => {
                self.content.line = client.console.notice(&notice);
                return Step::Line(&self.content.line);
            }
            Event::Ready(ref mut ready) if !ready.notices.is_empty() => {
                let notice = ready.notices.remove(0);
                self.content.line = client.console.notice(&notice);
                // The event itself comes after its line.
                self.tasks.push_front(Task::Tell { client: slot, session, event: event.into() });
                return Step::Line(&self.content.line);
            }
            Event::Ready(mut ready) => {
                ready.first = !std::mem::replace(&mut client.was_ready, true);
                client.down = None;
                client.ready.insert(Event::Ready(ready)).clone()
            }
            Event::Down { ref error, .. } => {
                (client.ready, client.down) = (None, Some(error.clone()));
                event
            }
            _ => event,
        };
        let Some(kind) = EventKind::of(&event) else { return Step::Skipped };
        let Some((entry, walk)) = client.listeners[kind as usize].first(client.serials) else {
            let line = client.console.line(&event, Instant::now);
            self.lines.due = [self.lines.due, client.console.due()].into_iter().flatten().min();
            let Some(line) = line else { return Step::Skipped };
            self.content.line = line;
            return Step::Line(&self.content.line);
        };
        (self.walk, self.message) = (Some((slot, List::Event(kind), walk)), Message::default());
        let event = self.content.event.insert(event);
        Step::Event { callback: entry.callback.index(), client: client.data.index(), event }
    }
}
