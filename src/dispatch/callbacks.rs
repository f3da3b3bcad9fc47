//! The callbacks of one topic or one event.

use super::message_options::EntryOptions;

/// The callbacks of one topic or one event, each under an identifier, in the order in which they were added.
///
/// A walk over them tolerates every change meanwhile: it remembers serial numbers, not positions.
#[derive(Debug)]
pub struct Callbacks<R> {
    // Ascending by serial: new ones are added at the end, replaced ones keep their place.
    entries: Vec<Entry<R>>,
    // The details of each entry, at the same position.
    details: Vec<Details<R>>,
}

/// The part of a callback that a walk reads. Small, because every message reads this part of all callbacks.
#[derive(Debug)]
pub(super) struct Entry<R> {
    serial: u64,
    pub(super) callback: R,
    /// It gets each message as a string, of any size.
    pub(super) is_plain: bool,
}

/// The rest of a callback.
#[derive(Debug)]
struct Details<R> {
    identifier: Box<[u8]>,
    /// Listeners of events have none.
    options: EntryOptions,
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
        Self { entries: Vec::new(), details: Vec::new() }
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
        let is_plain = options.is_plain();
        if let Some(position) = self.position(identifier)
            && let (Some(entry), Some(details)) =
                (self.entries.get_mut(position), self.details.get_mut(position))
        {
            (entry.callback, entry.is_plain, details.origin) = (callback, is_plain, origin);
            // Equal options remain the same object: a message that is being read with them continues.
            if details.options != options {
                details.options = options;
            }
            return entry.serial;
        }
        *serials += 1;
        if self.entries.is_empty() {
            // Most topics have one callback.
            self.entries.reserve_exact(1);
            self.details.reserve_exact(1);
        }
        self.entries.push(Entry { serial: *serials, callback, is_plain });
        self.details.push(Details { identifier: identifier.into(), options, origin });
        *serials
    }

    /// The callback under an identifier, and where it was added if the script gave it none.
    pub fn placed(&self, identifier: &[u8]) -> Option<(&R, &Origin<R>)> {
        let position = self.position(identifier)?;
        Some((&self.entries.get(position)?.callback, self.details.get(position)?.origin.as_ref()?))
    }

    /// Removes the callback under an identifier. Returns whether there was one.
    pub(super) fn remove(&mut self, identifier: &[u8]) -> bool {
        let Some(position) = self.position(identifier) else { return false };
        self.entries.remove(position);
        self.details.remove(position);
        true
    }

    fn position(&self, identifier: &[u8]) -> Option<usize> {
        self.details.iter().position(|details| *details.identifier == *identifier)
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
        let position = self.next_position(walk);
        let entry = self.entries.get(position).filter(|entry| entry.serial < walk.end)?;
        (walk.serial, walk.position) = (entry.serial, position);
        Some(entry)
    }

    /// Advances the walk to the next callback that is still there, if there is one and it is plain. Otherwise the walk
    /// stays where it is.
    #[inline]
    pub(super) fn advance_to_plain(&self, walk: &mut Walk) -> Option<&R> {
        let position = self.next_position(walk);
        let entry = self.entries.get(position).filter(|entry| entry.is_plain && entry.serial < walk.end)?;
        (walk.serial, walk.position) = (entry.serial, position);
        Some(&entry.callback)
    }

    /// The position after that of the walk.
    #[inline]
    fn next_position(&self, walk: &Walk) -> usize {
        match self.entries.get(walk.position) {
            Some(entry) if entry.serial == walk.serial => walk.position + 1,
            _ => self.entries.partition_point(|entry| entry.serial <= walk.serial),
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

    /// The options of the callback that the walk is at.
    pub(super) fn options(&self, walk: &Walk) -> Option<&EntryOptions> {
        self.at(walk)?;
        Some(&self.details.get(walk.position)?.options)
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
        let (first, walk) = callbacks.first(serials).unwrap();
        let bound = callbacks.options(&walk).unwrap().max_bytes;
        assert_eq!((callbacks.len(), first.callback, first.is_plain, bound), (before, 'A', false, 10));
    }

    #[test]
    fn a_walk_over_plain_callbacks_stops_before_another_one() {
        let (mut callbacks, mut serials) = three();
        let bound = EntryOptions { max_bytes: 10, special: None };
        callbacks.set(&mut serials, b"c", 'C', bound, None);
        callbacks.set(&mut serials, b"d", 'd', EntryOptions::NONE, None);
        let (_, mut walk) = callbacks.first(serials).unwrap();
        callbacks.set(&mut serials, b"e", 'e', EntryOptions::NONE, None);
        callbacks.remove(b"a");
        assert_eq!(callbacks.advance_to_plain(&mut walk), Some(&'b'));
        assert_eq!(callbacks.advance_to_plain(&mut walk), None, "C has a bound");
        assert_eq!(callbacks.at(&walk).map(|entry| entry.callback), Some('b'), "the walk has not moved");
        assert_eq!(callbacks.advance(&mut walk).map(|entry| entry.callback), Some('C'));
        assert_eq!(callbacks.options(&walk).map(|options| options.max_bytes), Some(10));
        assert_eq!(callbacks.advance_to_plain(&mut walk), Some(&'d'));
        assert_eq!(callbacks.advance_to_plain(&mut walk), None, "e came after the walk began");
    }
}
