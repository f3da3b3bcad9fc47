//! A key of the outermost object whose value's place in the text is wanted.

use std::ops::Range;

/// A key, and where its value stands.
#[derive(Debug)]
pub(super) struct WatchedKey {
    key: Vec<u8>,
    /// How many tables are open where it stands: one; more than there can be if no key is wanted.
    depth: usize,
    /// Whether the last key was this one, and where the last value began.
    is_next: bool,
    begins: usize,
    found: Option<Range<usize>>,
}

impl WatchedKey {
    pub(super) fn new(key: Vec<u8>) -> Self {
        Self { key, depth: 1, is_next: false, begins: 0, found: None }
    }

    /// No key.
    pub(super) fn none() -> Self {
        Self { key: Vec::new(), depth: usize::MAX, is_next: false, begins: 0, found: None }
    }

    /// Whether the key is to be looked for where so many tables are open.
    #[inline]
    pub(super) fn may_stand_at(&self, depth: usize) -> bool {
        self.depth == depth
    }

    /// Where the value of the key stands, if there was one. Of several it is the last.
    pub(super) fn found(&self) -> Option<Range<usize>> {
        self.found.clone()
    }

    /// A key comes.
    pub(super) fn key(&mut self, key: Option<&[u8]>) {
        self.is_next = key == Some(&self.key);
    }

    /// A value begins here, that of the key perhaps.
    pub(super) fn begin(&mut self, at: usize) {
        self.begins = at;
    }

    /// A value ended before this place.
    pub(super) fn end(&mut self, at: usize) {
        if std::mem::take(&mut self.is_next) {
            self.found = Some(self.begins..at);
        }
    }
}
