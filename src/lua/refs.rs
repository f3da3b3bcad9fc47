//! Lua values that Rust keeps.
//!
//! Making a place for a value can raise. So places are reserved in advance, where raising is harmless; filling and
//! emptying a reserved one can't fail, and dropping one only notes its number for later.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::frame::Frame;
use crate::dispatch::Reference;

/// References that one C function may need: a callback, the name of its topic and the chunk that added it, or
/// a client's table; and one to spare.
const RESERVE: usize = 4;

/// The references of one Lua state. Reused, never returned: their table stays as large as the most that were in use.
#[derive(Debug)]
pub(super) struct Pool {
    /// The highest one that exists.
    size: Cell<i32>,
    reserved: RefCell<Vec<i32>>,
    dropped: RefCell<Vec<i32>>,
}

/// A Lua value that is kept until this is dropped. Can't leave the main thread.
#[derive(Debug)]
pub(super) struct Ref {
    index: i32,
    pool: Rc<Pool>,
}

impl Pool {
    /// A pool after `size` references that are always in use.
    pub(super) fn new(size: i32) -> Self {
        Self { size: Cell::new(size), reserved: RefCell::default(), dropped: RefCell::default() }
    }

    /// Whether enough is reserved for one C function.
    pub(super) fn is_ready(&self) -> bool {
        self.reserved.borrow().len() >= RESERVE
    }

    /// A reference that does not exist yet.
    pub(super) fn candidate(&self) -> i32 {
        self.size.get() + 1
    }

    /// Adds a candidate that has been given a place, unless that has happened meanwhile.
    pub(super) fn reserve(&self, candidate: i32) {
        if candidate == self.candidate() {
            self.size.set(candidate);
            self.reserved.borrow_mut().push(candidate);
        }
    }

    /// Whether a dropped value cannot be collected by Lua yet.
    #[inline]
    pub(super) fn has_dropped(&self) -> bool {
        !self.dropped.borrow().is_empty()
    }

    /// Lets Lua collect dropped values. Their references are given out again from then on.
    #[inline]
    pub(super) fn settle(&self, frame: &mut Frame) {
        if self.has_dropped() {
            self.release_dropped(frame);
        }
    }

    #[inline(never)]
    fn release_dropped(&self, frame: &mut Frame) {
        let mut dropped = self.dropped.borrow_mut();
        for &index in dropped.iter() {
            frame.release(index);
        }
        self.reserved.borrow_mut().append(&mut dropped);
    }

    /// Keeps the value at `index`.
    pub(super) fn keep(self: &Rc<Self>, frame: &mut Frame, index: i32) -> Ref {
        #[expect(clippy::expect_used, reason = "every C function reserves what it needs before it begins")]
        let reference = self.reserved.borrow_mut().pop().expect("a reserved reference");
        frame.keep(index, reference);
        Ref { index: reference, pool: Rc::clone(self) }
    }
}

impl Ref {
    /// Where the value is.
    pub(super) fn index(&self) -> i32 {
        self.index
    }
}

impl Reference for Ref {
    type Index = i32;

    #[inline]
    fn index(&self) -> i32 {
        self.index
    }
}

impl Drop for Ref {
    fn drop(&mut self) {
        self.pool.dropped.borrow_mut().push(self.index);
    }
}
