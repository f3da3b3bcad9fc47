//! The callbacks of one topic or one event.

use super::message_options::EntryOptions;

/// The callbacks of one topic or one event, each under an identifier, in the order in which they were added.
///
/// A walk over them tolerates every change meanwhile: it remembers serial numbers, not positions.
#[derive(Debug)]
pub struct Callbacks<R> {
    // Ascending by serial: new ones are added at the end, replaced ones keep their place.
    entries: Vec<Entry<R>>,
}

/// One callback.
#[derive(Debug)]
pub(super) struct Entry<R> {
    serial: u64,
    identifier: Box<[u8]>,
    pub(super) callback: R,
    /// Listeners of events have none.
    pub(super) options: EntryOptions,
    origin: Option<Origin<R>>,
}

/// Where a script added a callback without an identifier.
#[derive(Debug)]
pub struct Origin<R> {
    /// The line of its file.
    pub line: i32,
    /// The tick, as the embedding code counts them.
    pub tick: u64,
    /// The main chunk that ran, if a file was being loaded.
    pub chunk: Option<R>,
}

/// The position of a walk over [`Callbacks`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Walk {
    // The callback that ran last.
    serial: u64,
    // Its position, if nothing has moved since.
    position: usize,
    // A callback with this serial or a later one was added during the walk and does not take part.
    end: u64,
}

impl<R> Default for Callbacks<R> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}

impl<R> Callbacks<R> {
    /// Puts a callback under an identifier, and returns its serial number. An existing one is replaced: the new one
    /// takes over its place and serial number, but not its options.
    pub(super) fn set(
        &mut self,
        serials: &mut u64,
        identifier: &[u8],
        callback: R,
        options: EntryOptions,
        origin: Option<Origin<R>>,
    ) -> u64 {
        if let Some(entry) = self.entries.iter_mut().find(|entry| *entry.identifier == *identifier) {
            (entry.callback, entry.origin) = (callback, origin);
            // Equal options remain the same object: a message that is being read with them continues.
            if entry.options != options {
                entry.options = options;
            }
            return entry.serial;
        }
        *serials += 1;
        self.entries.push(Entry {
            serial: *serials,
            identifier: identifier.into(),
            callback,
            options,
            origin,
        });
        *serials
    }

    /// The callback under an identifier, and where it was added if the script gave it none.
    pub fn placed(&self, identifier: &[u8]) -> Option<(&R, &Origin<R>)> {
        let entry = self.entries.iter().find(|entry| *entry.identifier == *identifier)?;
        Some((&entry.callback, entry.origin.as_ref()?))
    }

    /// Removes the callback under an identifier. Returns whether there was one.
    pub(super) fn remove(&mut self, identifier: &[u8]) -> bool {
        let position = self.entries.iter().position(|entry| *entry.identifier == *identifier);
        position.map(|position| self.entries.remove(position)).is_some()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The first callback, and a walk that continues after it. `serials` is the newest serial number given out.
    pub(super) fn first(&self, serials: u64) -> Option<(&Entry<R>, Walk)> {
        let entry = self.entries.first()?;
        Some((entry, Walk { serial: entry.serial, position: 0, end: serials + 1 }))
    }

    /// The callback with this serial number, if it is still there, as a walk over it alone.
    pub(super) fn only(&self, serial: u64) -> Option<Walk> {
        let position = self.entries.binary_search_by_key(&serial, |entry| entry.serial).ok()?;
        Some(Walk { serial, position, end: serial + 1 })
    }

    /// Advances the walk to the next callback that is still there, if there is one.
    pub(super) fn advance(&self, walk: &mut Walk) -> Option<&Entry<R>> {
        let unmoved = self.entries.get(walk.position).is_some_and(|entry| entry.serial == walk.serial);
        let position = if unmoved {
            walk.position + 1
        } else {
            self.entries.partition_point(|entry| entry.serial <= walk.serial)
        };
        match self.entries.get(position) {
            Some(entry) if entry.serial < walk.end => {
                (walk.serial, walk.position) = (entry.serial, position);
                Some(entry)
            }
            _ => None,
        }
    }

    /// The callback that the walk is at, wherever it has moved, or the next one.
    pub(super) fn resume(&self, walk: &mut Walk) -> Option<&Entry<R>> {
        let position = self.entries.partition_point(|entry| entry.serial < walk.serial);
        let entry = self.entries.get(position).filter(|entry| entry.serial < walk.end)?;
        (walk.serial, walk.position) = (entry.serial, position);
        Some(entry)
    }

    /// The callback that the walk is at.
    pub(super) fn at(&self, walk: &Walk) -> Option<&Entry<R>> {
        self.entries.get(walk.position).filter(|entry| entry.serial == walk.serial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> (Callbacks<char>, u64) {
        let (mut callbacks, mut serials) = (Callbacks::default(), 0);
        for (name, callback) in [(b"a", 'a'), (b"b", 'b'), (b"c", 'c')] {
            callbacks.set(&mut serials, name, callback, EntryOptions::NONE, None);
        }
        (callbacks, serials)
    }

    /// Walks, doing `change` after the first callback, and returns who was called.
    fn walk(change: impl FnOnce(&mut Callbacks<char>, &mut u64)) -> String {
        let (mut callbacks, mut serials) = three();
        let (first, mut walk) = callbacks.first(serials).unwrap();
        let mut called = String::from(first.callback);
        change(&mut callbacks, &mut serials);
        while let Some(entry) = callbacks.advance(&mut walk) {
            called.push(entry.callback);
            assert_eq!(callbacks.at(&walk).unwrap().callback, entry.callback);
        }
        called
    }

    #[test]
    fn a_walk_survives_every_change_in_its_middle() {
        assert_eq!(walk(|_, _| ()), "abc");
        assert_eq!(walk(|callbacks, _| _ = callbacks.remove(b"a")), "abc", "removes itself");
        assert_eq!(walk(|callbacks, _| _ = callbacks.remove(b"b")), "ac", "removes the next");
        assert_eq!(walk(|callbacks, _| *callbacks = Callbacks::default()), "a", "removes all");
        assert_eq!(
            walk(|callbacks, serials| _ = callbacks.set(serials, b"d", 'd', EntryOptions::NONE, None)),
            "abc",
            "adds one"
        );
        assert_eq!(
            walk(|callbacks, serials| _ = callbacks.set(serials, b"b", 'B', EntryOptions::NONE, None)),
            "aBc",
            "replaces one"
        );
        let again = walk(|callbacks, serials| {
            callbacks.remove(b"b");
            callbacks.set(serials, b"b", 'B', EntryOptions::NONE, None);
        });
        assert_eq!(again, "ac", "what comes back is new");
    }

    #[test]
    fn a_replaced_callback_keeps_its_place() {
        let (mut callbacks, mut serials) = three();
        let before = callbacks.len();
        callbacks.set(&mut serials, b"a", 'A', EntryOptions { max_bytes: 10, special: None }, None);
        let first = callbacks.first(serials).unwrap().0;
        assert_eq!((callbacks.len(), first.callback, first.options.max_bytes), (before, 'A', 10));
    }
}
