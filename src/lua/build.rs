//! Makes tables from a tape.

use std::ffi::c_int;
use std::ops::Range;

use super::fixed::Fixed;
use super::raw::Lua;
use crate::json::{MAX_DEPTH, Node, Tape};

/// The result of reading the text that is the first argument.
#[derive(Debug)]
pub(super) struct DecodedValue {
    pub(super) tape: Tape,
    /// The range of the wanted key's value in the text.
    pub(super) found: Option<Range<usize>>,
}

/// Pushes the value, and the first and last byte of the wanted key's value. Returns how many values it pushed, or
/// `None` if it pushed an error instead: the tape may take megabytes, so a raised error must not leave it behind.
///
/// # Safety
///
/// See [`Lua`]. The text is the first argument; the tape is the module's last output, and stays where it is until
/// this returns.
pub(super) unsafe fn push_decoded(lua: Lua, fixed: Fixed, decoded: &DecodedValue) -> Option<c_int> {
    // SAFETY: the caller keeps to the contract; nothing here has to be dropped.
    unsafe {
        lua.push_reference(fixed.build);
        lua.push_copy(1);
        if lua.protected_call(1, 1, 0) != 0 {
            return None;
        }
        let Some(found) = &decoded.found else { return Some(1) };
        lua.push_number(position(found.start + 1));
        lua.push_number(position(found.end));
    }
    Some(3)
}

/// A position in a text as Lua counts it.
#[expect(clippy::cast_precision_loss, reason = "texts have less than 2^53 bytes")]
fn position(place: usize) -> f64 {
    place as f64
}

/// A table that is not complete yet. It is on the stack, below the values that go into it.
#[derive(Debug, Clone, Copy)]
struct PartialTable {
    /// The place of the next element; [`NO_LIST`] in an object.
    next: c_int,
    /// How many elements or pairs are missing.
    left: usize,
}

/// Lists begin at 1.
const NO_LIST: c_int = 0;

impl PartialTable {
    /// The state outside of all tables.
    const NONE: Self = Self { next: NO_LIST, left: 0 };

    fn is_list(self) -> bool {
        self.next != NO_LIST
    }
}

/// The state of pushing the value of a tape.
#[derive(Debug, Clone, Copy)]
pub(super) struct BuildState {
    /// The innermost table, the depth, and the tables around it.
    open: PartialTable,
    depth: usize,
    outer: [PartialTable; MAX_DEPTH],
    /// The next node.
    node: usize,
}

/// The most values on the stack between two nodes: each open table, and the key under which it goes into the one
/// around it.
#[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "a small constant")]
pub(super) const MAX_PARTIAL: c_int = 2 * MAX_DEPTH as c_int;

impl BuildState {
    pub(super) fn new() -> Self {
        Self { open: PartialTable::NONE, depth: 0, outer: [PartialTable::NONE; MAX_DEPTH], node: 0 }
    }
}

/// The cost of pushing a node, in units of a number. Long strings are expensive, and so are large tables, whose
/// memory is filled when they are made.
fn cost_of(node: Node) -> usize {
    match node {
        Node::Plain(span) | Node::Unescaped(span) => 1 + span.len() / 64,
        Node::List(table) => 2 + table.len() / 8,
        Node::Object(table) => 2 + table.len() / 4,
        Node::Null | Node::Boolean(_) | Node::Number(_) => 1,
    }
}

/// Pushes the value of a tape, or as much of it as costs no more than `most`, and one node at least. Nulls in lists
/// are `realtime.NULL`, those in objects leave their key out. Returns whether the value is complete; otherwise the
/// values on the stack must be there again for the rest.
///
/// # Safety
///
/// See [`Lua`]. The tape and its text stay where they are until this returns.
pub(super) unsafe fn push_tape(
    lua: Lua,
    fixed: Fixed,
    tape: &Tape,
    text: &[u8],
    state: &mut BuildState,
    most: usize,
) -> bool {
    let (mut open, mut depth, mut at) = (state.open, state.depth, state.node);
    let mut left = most;
    while let Some(&node) = tape.nodes().get(at) {
        if most != usize::MAX {
            let cost = cost_of(node);
            if cost > left && at > state.node {
                (state.open, state.depth, state.node) = (open, depth, at);
                return false;
            }
            left = left.saturating_sub(cost);
        }
        at += 1;
        // SAFETY: the caller keeps to the contract; nothing here has to be dropped.
        let begun = unsafe { push_node(lua, fixed, node, open.is_list(), tape, text) };
        if begun.left > 0 {
            state.outer[depth] = open;
            (open, depth) = (begun, depth + 1);
        } else {
            // The value is complete, and so is each table whose last value it was.
            loop {
                if depth == 0 {
                    return true;
                }
                // SAFETY: as above. The value is on top, below it its key, if it has one, and its table, which has no
                // metatable.
                unsafe { put(lua, &mut open) };
                if open.left > 0 {
                    break;
                }
                depth -= 1;
                open = state.outer[depth];
            }
        }
        if !open.is_list()
            && let Some(&key) = tape.nodes().get(at)
        {
            at += 1;
            if most != usize::MAX {
                left = left.saturating_sub(cost_of(key));
            }
            // SAFETY: as above.
            unsafe { lua.push_bytes(tape.string(key, text).unwrap_or_default()) };
        }
    }
    true
}

/// Pushes one node's value. Returns what is still missing in it.
#[inline]
unsafe fn push_node(
    lua: Lua,
    fixed: Fixed,
    node: Node,
    in_list: bool,
    tape: &Tape,
    text: &[u8],
) -> PartialTable {
    // SAFETY: the caller keeps to the contract; nothing here has to be dropped.
    unsafe {
        match node {
            Node::Null if in_list => lua.push_reference(fixed.null),
            Node::Null => lua.push_nil(),
            Node::Boolean(value) => lua.push_boolean(value),
            Node::Number(value) => lua.push_number(value),
            Node::Plain(_) | Node::Unescaped(_) => {
                lua.push_bytes(tape.string(node, text).unwrap_or_default());
            }
            Node::List(list) => {
                lua.create_table(size(list.len()), 0);
                return PartialTable { next: 1, left: list.len() };
            }
            Node::Object(object) => {
                lua.create_table(0, size(object.len()));
                return PartialTable { next: NO_LIST, left: object.len() };
            }
        }
    }
    PartialTable::NONE
}

/// A table's size in Lua's type.
fn size(len: usize) -> c_int {
    c_int::try_from(len).unwrap_or(c_int::MAX)
}

/// Pops a value, and its key in an object, and puts it into their table.
#[inline]
unsafe fn put(lua: Lua, table: &mut PartialTable) {
    // SAFETY: the caller keeps to the contract.
    unsafe {
        if table.is_list() {
            lua.set_element(-2, table.next);
            table.next += 1;
        } else {
            lua.set_table(-3);
        }
    }
    table.left -= 1;
}
