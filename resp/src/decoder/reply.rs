//! The frame under construction: its bytes, its tape, and the aggregates that are open.

use alloc::vec::Vec;

use crate::tape::{Kind, Node, index};

/// Memory that is always retained for the next frame, in bytes, for each buffer.
pub(super) const RETAINED_BYTES: usize = 64 * 1024;
/// A larger buffer is retained as long as a frame fills at least one in this many of its bytes.
const NEEDED: usize = 4;
const RETAINED_NODES: usize = RETAINED_BYTES / size_of::<Node>();
/// Levels of nesting. Each may need a mark, which is larger than a level.
const RETAINED_LEVELS: usize = RETAINED_BYTES / size_of::<Mark>();

/// The most elements of one frame, whatever the limit: the tape is indexed with 32 bits, and has one node more.
pub(super) const MAX_ELEMENTS: u64 = u32::MAX as u64 - 2;

/// An aggregate or attribute whose elements are being read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level {
    /// Its node on the tape.
    pub(super) node: u32,
    /// Elements that are still to come; in a streamed aggregate, those that have come.
    pub(super) count: u32,
    pub(super) kind: Kind,
    pub(super) flags: u8,
}

impl Level {
    /// Instead of a node, for elements that are not kept.
    pub(super) const NOT_KEPT: u32 = u32::MAX;

    /// The level around the root: a place for one value.
    pub(super) const ROOT: Self = Self { node: 0, count: 1, kind: Kind::Array, flags: 0 };

    #[inline]
    pub(super) const fn is(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// The counts of a reply at the beginning of a run of attributes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub(super) node: usize,
    pub(super) kept: usize,
    pub(super) wire: u64,
    pub(super) skipped: u64,
    pub(super) elements: u64,
}

/// One frame under construction.
#[derive(Debug)]
pub(super) struct Reply {
    /// The bytes of the frame from earlier input. Empty while the frame lies in the current input alone.
    pub(super) carry: Vec<u8>,
    pub(super) nodes: Vec<Node>,
    /// The aggregates around `top`, outermost first, with `Level::ROOT` below them all.
    pub(super) stack: Vec<Level>,
    pub(super) top: Level,
    /// For each attribute among `top` and `stack`: where its run began.
    pub(super) marks: Vec<Mark>,
    /// The attributes read for the next value.
    pub(super) pending: Option<Mark>,
    /// Values and attributes as `Limits::elements` counts them: the root, and what aggregates have declared.
    pub(super) elements: u64,
    /// Bytes of the frame in earlier input.
    pub(super) wire: u64,
    /// Bytes of skipped blobs and lines in the frame so far.
    pub(super) skipped: u64,
    /// Offset of the first byte.
    pub(super) start: u64,
    /// The frame passed `Limits::skip_frames_over` or `Limits::skip_depth_over`: the rest is read, but not kept.
    pub(super) truncated: bool,
    /// The root is a push.
    pub(super) is_push: bool,
}

impl Reply {
    pub(super) const fn new() -> Self {
        Self {
            carry: Vec::new(),
            nodes: Vec::new(),
            stack: Vec::new(),
            top: Level::ROOT,
            marks: Vec::new(),
            pending: None,
            elements: 1,
            wire: 0,
            skipped: 0,
            start: 0,
            truncated: false,
            is_push: false,
        }
    }

    /// Prepares for a frame that begins at `start`, and frees memory that the last one did not need.
    pub(super) fn restart(&mut self, start: u64) {
        self.stack.clear();
        self.marks.clear();
        if self.is_large() {
            self.shrink();
        }
        self.carry.clear();
        self.nodes.clear();
        self.top = Level::ROOT;
        self.pending = None;
        self.elements = 1;
        self.wire = 0;
        self.skipped = 0;
        self.start = start;
        self.truncated = false;
        self.is_push = false;
    }

    /// Whether a buffer is larger than the part that is always retained.
    pub(super) fn is_large(&self) -> bool {
        self.carry.capacity() > RETAINED_BYTES
            || self.nodes.capacity() > RETAINED_NODES
            || self.stack.capacity() > RETAINED_LEVELS
    }

    /// Frees the memory of a large frame once a smaller one has followed. If each large frame freed its
    /// memory at once, a row of them would be ten times as slow, because the allocator returns the memory to
    /// the system page by page.
    fn shrink(&mut self) {
        if self.carry.capacity() > RETAINED_BYTES && self.carry.len() < self.carry.capacity() / NEEDED {
            self.carry = Vec::new();
        }
        if self.nodes.capacity() > RETAINED_NODES && self.nodes.len() < self.nodes.capacity() / NEEDED {
            self.nodes = Vec::new();
        }
        // There are no more marks than levels. Both are empty by now, so it is unknown how many were needed; and
        // growing again takes few steps, because no frame is very deep.
        if self.stack.capacity() > RETAINED_LEVELS {
            self.stack = Vec::new();
            self.marks = Vec::new();
        }
    }

    /// Frees all memory beyond the part that is always retained.
    pub(super) fn release(&mut self) {
        self.carry.clear();
        self.nodes.clear();
        self.stack.clear();
        self.marks.clear();
        self.shrink();
    }

    /// Keeps nothing of the frame from the current position on. Attributes whose value is still to come are dropped,
    /// too.
    #[cold]
    pub(super) fn truncate(&mut self) {
        self.truncated = true;
        if let Some(mark) = self.marks.first().or(self.pending.as_ref()) {
            self.nodes.truncate(mark.node);
            for level in self.stack.iter_mut().chain([&mut self.top]) {
                if level.node as usize >= mark.node {
                    level.node = Level::NOT_KEPT;
                }
            }
        }
        // The end of each open aggregate is missing.
        for level in self.stack.iter().skip(1).chain([&self.top]) {
            if let Some(node) = self.nodes.get_mut(level.node as usize) {
                node.len |= Node::CUT;
            }
        }
    }

    /// Appends to the carry. Its capacity does not exceed `ceiling`, a threshold on the frame's bytes, without need.
    pub(super) fn keep(&mut self, bytes: &[u8], ceiling: u64) {
        let needed = self.carry.len() + bytes.len();
        if needed > self.carry.capacity() {
            let doubled = needed.max(self.carry.capacity().saturating_mul(2));
            let ceiling = usize::try_from(ceiling).unwrap_or(usize::MAX).max(needed);
            self.carry.reserve_exact(doubled.min(ceiling) - self.carry.len());
        }
        self.carry.extend_from_slice(bytes);
    }

    /// Whether an aggregate or attribute is open.
    #[inline]
    pub(super) fn is_nested(&self) -> bool {
        !self.stack.is_empty()
    }

    /// Adds a value without contents; true if that completed the frame.
    pub(super) fn scalar(&mut self, node: Node) -> bool {
        self.pending = None;
        if !self.truncated {
            self.nodes.push(node);
        } else if !self.is_nested() {
            // A frame always has a root.
            let flags = node.flags;
            let root = if node.is_text() { Node::skipped(node.len) } else { node };
            self.nodes.push(Node { flags, ..root });
        }
        self.value_done()
    }

    /// Opens an aggregate or attribute of `count` elements; true if that completed the frame, because there are none.
    pub(super) fn open(&mut self, node: Node, count: u32) -> bool {
        let is_attribute = node.is(Node::ATTRIBUTE);
        let is_root = !is_attribute && !self.is_nested();
        let at = if !self.truncated {
            self.nodes.push(node);
            node_number(self.nodes.len() - 1)
        } else if is_root {
            // A frame always has a root.
            self.nodes.push(Node { len: node.len | Node::CUT, ..node });
            node_number(self.nodes.len() - 1)
        } else {
            Level::NOT_KEPT
        };
        self.is_push |= is_root && node.kind == Kind::Push;
        if is_attribute {
            if count == 0 {
                return false;
            }
            // `pending` was set when the attribute's header began.
            self.marks.extend(self.pending.take());
        } else {
            self.pending = None;
            if count == 0 && !node.is(Node::STREAMED) {
                return self.value_done();
            }
        }
        self.stack.push(self.top);
        self.top = Level { node: at, count, kind: node.kind, flags: node.flags };
        false
    }

    /// [Opens](Self::open) an aggregate of known length if everything is kept and no attribute was read for it.
    #[inline(always)]
    pub(super) fn open_plain(&mut self, node: Node, count: u32) -> bool {
        let at = node_number(self.nodes.len());
        self.nodes.push(node);
        self.is_push |= node.kind == Kind::Push;
        if count == 0 {
            return self.value_done();
        }
        self.stack.push(self.top);
        self.top = Level { node: at, count, kind: node.kind, flags: 0 };
        false
    }

    /// Closes the streamed aggregate at the top; true if that completed the frame.
    pub(super) fn close_streamed(&mut self) -> bool {
        let count = u64::from(self.top.count);
        let len = if self.top.kind == Kind::Map { count / 2 } else { count };
        if let Some(node) = self.nodes.get_mut(self.top.node as usize) {
            node.len = len | (node.len & Node::CUT);
        }
        self.close();
        self.value_done()
    }

    /// Counts the value that was just completed, and closes the aggregates whose last element it was; true if that
    /// completed the frame.
    #[inline]
    pub(super) fn value_done(&mut self) -> bool {
        if self.top.is(Node::STREAMED) {
            return false;
        }
        self.top.count -= 1;
        self.top.count == 0 && self.filled()
    }

    /// Closes the aggregate at the top, whose last element is complete, and each aggregate around it that
    /// ends with it; true if that completed the frame.
    #[inline]
    pub(super) fn filled(&mut self) -> bool {
        while self.is_nested() {
            if self.close().is(Node::ATTRIBUTE) {
                self.pending = self.marks.pop();
                return false;
            }
            if self.top.is(Node::STREAMED) {
                return false;
            }
            self.top.count -= 1;
            if self.top.count > 0 {
                return false;
            }
        }
        true
    }

    /// Removes the level at the top, and returns it.
    #[inline]
    fn close(&mut self) -> Level {
        let closed = self.top;
        let end = node_number(self.nodes.len());
        if let Some(node) = self.nodes.get_mut(closed.node as usize) {
            node.span = end - closed.node;
        }
        self.top = self.stack.pop().unwrap_or(Level::ROOT);
        closed
    }

    /// Moves the attributes after `mark` to `push`, whose first bytes they are. Everything read so far is in `carry`.
    pub(super) fn move_attributes(&mut self, mark: &Mark, push: &mut Self) {
        push.carry.extend_from_slice(&self.carry[mark.kept..]);
        self.carry.truncate(mark.kept);
        push.nodes.extend(self.nodes.drain(mark.node..).map(|mut node| {
            if node.is_text() {
                node.bits = (index(node.bits) - mark.kept) as u64;
            }
            node
        }));
        push.elements += self.elements - mark.elements;
        self.elements = mark.elements;
        push.skipped = self.skipped - mark.skipped;
        self.skipped = mark.skipped;
        push.wire = self.wire - mark.wire;
        self.wire = mark.wire;
    }
}

/// The index of a node. `MAX_ELEMENTS` keeps the tape within 32 bits.
#[inline]
#[allow(clippy::cast_possible_truncation, reason = "a tape has at most one node more than u32 elements")]
pub(super) const fn node_number(at: usize) -> u32 {
    at as u32
}
