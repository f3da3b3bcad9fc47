//! Finds where the value of a key of the outermost object is.

use std::ops::Range;

/// A key, and where its value is.
#[derive(Debug)]
pub(super) struct WatchedKey {
    key: Vec<u8>,
    /// How many tables are open at the key: one. If no key is wanted, a number that is never reached.
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

    /// Whether to look for the key at this depth.
    #[inline]
    pub(super) fn may_stand_at(&self, depth: usize) -> bool {
        self.depth == depth
    }

    /// Where the key's value is, if the key is there. If it is there twice, the last one counts.
    pub(super) fn found(&self) -> Option<Range<usize>> {
        self.found.clone()
    }

    /// Handles the next key.
    pub(super) fn key(&mut self, key: Option<&[u8]>) {
        self.is_next = key == Some(&self.key);
    }

    /// A value begins here; it may be the key's.
    pub(super) fn begin(&mut self, at: usize) {
        self.begins = at;
    }

    /// A value ended before this position.
    pub(super) fn end(&mut self, at: usize) {
        if std::mem::take(&mut self.is_next) {
            self.found = Some(self.begins..at);
        }
    }
}
