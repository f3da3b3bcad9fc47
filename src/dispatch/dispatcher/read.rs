//! Messages for callbacks with options: skips some of them, and reads the values of others.
//!
//! A text of up to [`SLICE`] bytes is read in one step, and its table is made in one step. A longer one is read in
//! slices, and its table is made in slices by the embedding room. Between two of them the message is *parked*: its
//! client waits, so that the order stays, while others have their turn. Only one message of all clients at a time is
//! read in slices, so the memory is that of one. The text stays in the batch in which it came, as in any walk.

use std::rc::Rc;
use std::time::Instant;

use super::{Dispatcher, List, Reference, Step};
use crate::dispatch::document::{Document, SLICE};
use crate::dispatch::message_options::MessageOptions;
use crate::dispatch::parked::Parked;
use crate::json::{Error, Limits};
use crate::model::ClientSlot;

/// Texts that are being read.
#[derive(Debug, Default)]
pub(super) struct Documents {
    /// A text that is read at once.
    short: Document,
    /// A text that is read in slices.
    long: Document,
    /// Why one could not be read.
    reason: String,
}

/// The callback for which a text is read in slices.
#[derive(Debug)]
pub(super) struct LongDocument {
    client: ClientSlot,
    /// The callback's options, which identify it: each callback has its own.
    options: Rc<MessageOptions>,
}

/// What a callback with options gets for a message.
enum Treatment {
    Text,
    Json,
}

impl<R, D> Dispatcher<R, D> {
    /// Whether reading the parked message of a client may continue: no other client's is being read.
    pub(super) fn may_read(&self, slot: ClientSlot) -> bool {
        self.long.as_ref().is_none_or(|long| long.client == slot)
    }

    /// A part of the table of [`Step::Table`] was made, the rest follows later.
    pub fn table_begun(&mut self) {
        self.content.documents.long.has_begun();
        let Some((slot, List::Topic(topic), walk)) = self.walk.take() else { return };
        // A client that was closed meanwhile gets nothing more.
        if let Some(client) = self.clients.get_mut(slot).filter(|client| client.open) {
            client.parked = Some(Parked::new(topic, walk, self.message));
        }
    }

    /// The table of [`Step::Table`] is complete.
    pub fn table_made(&mut self) {
        // Another client's long text may be waiting for its next slice.
        let is_of = |long: &mut LongDocument| self.walk.is_some_and(|(slot, ..)| slot == long.client);
        if self.long.take_if(is_of).is_some() {
            self.content.documents.long.clear();
        } else {
            self.content.documents.short.clear();
        }
    }

    /// The memory, in bytes, for the values of the text that is read in slices.
    #[cfg(test)]
    pub(in crate::dispatch) fn long_memory(&self) -> usize {
        self.content.documents.long.tape().memory()
    }

    /// Frees the text that is read in slices if no walk waits for it any more.
    pub(super) fn drop_long_unless_parked(&mut self) -> bool {
        let parked = |long: &LongDocument| self.clients.get(long.client)?.parked.as_ref();
        if self.long.as_ref().is_none_or(|long| parked(long).is_some()) {
            return false;
        }
        self.long = None;
        self.content.documents.long.clear();
        true
    }
}

impl<R: Reference, D: Reference> Dispatcher<R, D> {
    /// The step for the callback that the walk is at, if it has options.
    pub(super) fn special(&mut self) -> Step<'_, R, D> {
        match self.treatment() {
            Some(Treatment::Text) => self.again(),
            Some(Treatment::Json) => self.read(),
            None => Step::Skipped,
        }
    }

    fn treatment(&self) -> Option<Treatment> {
        let Some((slot, List::Topic(topic), walk)) = &self.walk else { return None };
        let client = self.clients.get(*slot)?;
        let options = client.subscriptions.get(*topic)?.callbacks.options(walk)?.special.as_ref()?;
        let (_, payload) = client.sources.get(self.message.source)?.consumer.last_message()?;
        if options.skip_prefix.as_ref().is_some_and(|prefix| payload.starts_with(prefix)) {
            return None;
        }
        Some(if options.json.is_some() { Treatment::Json } else { Treatment::Text })
    }

    /// Reads the message for the callback that the walk is at.
    fn read(&mut self) -> Step<'_, R, D> {
        let Some((slot, List::Topic(topic), walk)) = self.walk else { return Step::Skipped };
        let Some(client) = self.clients.get_mut(slot) else { return Step::Skipped };
        let Some(subscription) = client.subscriptions.get(topic) else { return Step::Skipped };
        let Some(entry) = subscription.callbacks.at(&walk) else { return Step::Skipped };
        let Some(options) = subscription.callbacks.options(&walk) else { return Step::Skipped };
        let Some(options) = &options.special else { return Step::Skipped };
        let source = client.sources.get(self.message.source);
        let Some((channel, payload)) = source.and_then(|source| source.consumer.last_message()) else {
            return Step::Skipped;
        };
        let Some(json) = &options.json else { return Step::Skipped };
        let is_long = (SLICE + 1..=options.max_bytes).contains(&payload.len());
        let documents = &mut self.content.documents;
        let document = if is_long { &mut documents.long } else { &mut documents.short };
        let limits = Limits { bytes: options.max_bytes, elements: json.max_elements };
        if is_long {
            match &self.long {
                Some(long) if long.client != slot => {
                    self.walk = None;
                    client.parked = Some(Parked::new(topic, walk, self.message));
                    return Step::Skipped;
                }
                Some(long) if Rc::ptr_eq(&long.options, options) => {}
                // A table that was begun for another callback is released first.
                Some(_) if document.is_begun() => {
                    self.long = None;
                    document.clear();
                    self.message.is_new = true;
                    return Step::Abandoned;
                }
                _ => {
                    document.begin(limits, json.text_of.as_deref(), true);
                    self.long = Some(LongDocument { client: slot, options: Rc::clone(options) });
                }
            }
        } else {
            document.begin(limits, json.text_of.as_deref(), false);
        }
        let (callback, name) = (entry.callback.index(), subscription.name.index());
        let owner = client.data.index();
        match document.read(payload) {
            Ok(false) => {
                self.walk = None;
                client.parked = Some(Parked::new(topic, walk, self.message));
                Step::Slice
            }
            Ok(true) => Step::Table { callback, client: owner, payload, document, name, channel },
            Err(error) => {
                document.clear();
                if is_long {
                    self.long = None;
                }
                let is_syntax = matches!(error, Error::Syntax { .. });
                documents.reason = error.to_string();
                if json.unreadable {
                    let (reason, payload) = (&*documents.reason, is_syntax.then_some(payload));
                    return Step::Unreadable { callback, client: owner, reason, payload, name, channel };
                }
                let names = || match channel {
                    Some(channel) => channel,
                    None => client
                        .topics
                        .iter()
                        .find(|(_, known)| **known == topic)
                        .map_or(&b""[..], |(name, _)| &*name.name),
                };
                match client.console.unreadable(names, &documents.reason, Instant::now()) {
                    Some(line) => {
                        self.content.line = line;
                        Step::Line(&self.content.line)
                    }
                    // A text was read, so the clock is checked.
                    None => Step::Slice,
                }
            }
        }
    }
}
