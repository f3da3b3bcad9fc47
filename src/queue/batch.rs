//! Batches of messages.

use std::num::NonZeroU32;

use crate::model::SubscriptionSlot;

/// Messages with consecutive numbers, and one arena for their bytes.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Number of the first message.
    first: u64,
    /// Payload bytes of all messages before the first one of this batch, kept or not.
    before: u64,
    /// For each message its channel, if it carries one, then its payload.
    arena: Vec<u8>,
    entries: Vec<Entry>,
}

/// What a batch stores of one message. Small, because the main thread fetches each from the worker's cache.
#[derive(Debug, Clone, Copy)]
struct Entry {
    slot: SubscriptionSlot,
    /// The channel's length plus one, so that a message without a channel needs no flag.
    channel: Option<NonZeroU32>,
    payload: u32,
}

/// One message of a batch. The fields are those of [`Item::Message`](super::Item::Message).
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// The topic.
    pub slot: SubscriptionSlot,
    /// The channel, for a pattern's message.
    pub channel: Option<&'a [u8]>,
    /// The payload.
    pub payload: &'a [u8],
}

/// Where to continue reading a batch.
#[derive(Debug, Default)]
pub(super) struct Cursor {
    entry: usize,
    byte: usize,
}

impl Batch {
    /// Empties the batch; its first message will have this number.
    pub(super) fn restart(&mut self, first: u64, before: u64) {
        self.first = first;
        self.before = before;
        self.arena.clear();
        self.entries.clear();
    }

    /// Adds a message that the batch [takes](Batch::takes). Returns whether it did: a part of four gigabytes does not
    /// fit into an entry.
    pub(super) fn push(
        &mut self,
        slot: SubscriptionSlot,
        channel: Option<&[u8]>,
        payload: &[u8],
        max_bytes: usize,
    ) -> bool {
        let Ok(length) = u32::try_from(payload.len()) else { return false };
        let named = match channel.map(|channel| u32::try_from(channel.len())) {
            None => None,
            Some(Ok(length)) if length < u32::MAX => NonZeroU32::new(length + 1),
            Some(_) => return false,
        };
        let needed = self.arena.len() + channel.map_or(0, <[u8]>::len) + payload.len();
        if needed > self.arena.capacity() {
            // Doubles, but not beyond the limit of a batch: larger arenas are not kept for reuse.
            let wanted = (2 * self.arena.capacity()).min(max_bytes).max(needed);
            self.arena.reserve_exact(wanted - self.arena.len());
        }
        if let Some(channel) = channel {
            self.arena.extend_from_slice(channel);
        }
        self.arena.extend_from_slice(payload);
        self.entries.push(Entry { slot, channel: named, payload: length });
        true
    }

    /// The message at the cursor, which advances; `None` at the end.
    // Inlined, the parts of a message stay in registers.
    #[inline(always)]
    pub(super) fn read(&self, cursor: &mut Cursor) -> Option<Message<'_>> {
        let entry = self.entries.get(cursor.entry)?;
        let middle = cursor.byte + entry.channel.map_or(0, |length| length.get() as usize - 1);
        let end = middle + entry.payload as usize;
        let message = Message {
            slot: entry.slot,
            channel: entry.channel.map(|_| &self.arena[cursor.byte..middle]),
            payload: &self.arena[middle..end],
        };
        *cursor = Cursor { entry: cursor.entry + 1, byte: end };
        Some(message)
    }

    /// The message before the cursor; `None` at the beginning.
    pub(super) fn last(&self, cursor: &Cursor) -> Option<Message<'_>> {
        let entry = self.entries.get(cursor.entry.checked_sub(1)?)?;
        let middle = cursor.byte - entry.payload as usize;
        let channel = match entry.channel {
            Some(length) => Some(self.arena.get(middle + 1 - length.get() as usize..middle)?),
            None => None,
        };
        Some(Message { slot: entry.slot, channel, payload: self.arena.get(middle..cursor.byte)? })
    }

    /// Whether the cursor is after the last message.
    #[inline]
    pub(super) fn is_read(&self, cursor: &Cursor) -> bool {
        cursor.entry == self.entries.len()
    }

    /// Whether another message of `size` bytes may join. A lone message may have any size.
    pub(super) fn takes(&self, size: usize, max_entries: usize, max_bytes: usize) -> bool {
        self.entries.is_empty()
            || (self.entries.len() < max_entries && self.arena.len().saturating_add(size) <= max_bytes)
    }

    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// The number after the last message's.
    pub(super) fn end(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    pub(super) fn before(&self) -> u64 {
        self.before
    }

    /// How many messages it has.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many bytes they have, names of channels included.
    pub(super) fn bytes(&self) -> usize {
        self.arena.len()
    }

    /// Frees the memory that its messages do not need.
    pub(super) fn shrink(&mut self) {
        self.arena.shrink_to_fit();
        self.entries.shrink_to_fit();
    }

    /// How many bytes the batch has allocated, in use or not.
    pub(super) fn arena_capacity(&self) -> usize {
        self.arena.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_takes_a_lone_message_of_any_size_and_others_within_its_limits() {
        let mut batch = Batch::default();
        assert!(batch.takes(1000, 2, 10));
        batch.push(SubscriptionSlot::new(0, 0), None, &[0; 4], 10);
        assert!(batch.takes(6, 2, 10) && !batch.takes(7, 2, 10) && !batch.takes(6, 1, 10));
    }
}
