//! Makes tables from a tape.

use std::ffi::c_int;
use std::ops::Range;

use super::fixed::Fixed;
use super::keys::{Keys, SLOTS, are_worthwhile};
use super::raw::Lua;
use crate::json::{MAX_DEPTH, Node, Tape};

/// The result of reading a text that is the call's first argument.
#[derive(Debug)]
pub(super) struct DecodedValue {
    pub(super) tape: Tape,
    /// The range of the value of the key that the caller asked for (`json/watched.rs`) in the text.
    pub(super) found: Option<Range<usize>>,
}

/// Pushes the value and, if the text has the key that the caller asked for, the positions of the first and
/// the last byte of that key's value. Returns how many values it pushed, or `None` if it pushed an error
/// instead: the tape may take megabytes, so a raised error must not leave it behind.
///
/// # Safety
///
/// See [`Lua`]. The text is the first argument; the tape is the module's last output, and stays where it is until
/// this returns.
pub(super) unsafe fn push_decoded(lua: Lua, fixed: Fixed, decoded: &DecodedValue) -> Option<c_int> {
    // SAFETY: the caller upholds the contract; nothing here has to be dropped.
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

/// A table that is not complete yet. On the stack it is below the values that go into it.
#[derive(Debug, Clone, Copy)]
struct PartialTable {
    /// The index of the next element; [`NO_LIST`] in an object.
    next: c_int,
    /// How many elements or pairs are missing.
    left: usize,
}

/// Stands for no list: lists begin at 1.
const NO_LIST: c_int = 0;

impl PartialTable {
    /// No table.
    const NONE: Self = Self { next: NO_LIST, left: 0 };

    fn is_list(self) -> bool {
        self.next != NO_LIST
    }
}

/// The state of pushing a tape's value.
#[derive(Debug, Clone, Copy)]
pub(super) struct BuildState {
    /// The innermost table, the depth, and the tables around it.
    open: PartialTable,
    depth: usize,
    outer: [PartialTable; MAX_DEPTH],
    /// The next node.
    node: usize,
}

/// The most values on the stack between two nodes: each open table, with its key if it is in an object.
#[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "a small constant")]
pub(super) const MAX_PARTIAL: c_int = 2 * MAX_DEPTH as c_int;

impl BuildState {
    pub(super) fn new() -> Self {
        Self { open: PartialTable::NONE, depth: 0, outer: [PartialTable::NONE; MAX_DEPTH], node: 0 }
    }
}

/// The cost of pushing a node; a number costs one. Long strings are expensive, and so are large tables, because their
/// memory is filled when they are created.
fn cost_of(node: Node) -> usize {
    match node {
        Node::Plain(span) | Node::Unescaped(span) => 1 + span.len() / 64,
        Node::List(table) => 2 + table.len() / 8,
        Node::Object(table) => 2 + table.len() / 4,
        Node::Null | Node::Boolean(_) | Node::Number(_) => 1,
    }
}

/// Pushes the value of a tape.
///
/// # Safety
///
/// See [`Lua`]. The tape and its text stay where they are until this returns.
pub(super) unsafe fn push_whole(lua: Lua, fixed: Fixed, tape: &Tape, text: &[u8]) {
    let mut state = BuildState::new();
    // SAFETY: the caller upholds the contract.
    unsafe {
        if !are_worthwhile(tape) {
            push_tape(lua, fixed, tape, text, None, &mut state, usize::MAX);
            return;
        }
        let mut keys = Keys::reserve(lua);
        push_tape(lua, fixed, tape, text, Some(&mut keys), &mut state, usize::MAX);
        // The value replaces the first of the keys.
        let value = lua.top();
        lua.replace(value - SLOTS);
        lua.set_top(value - SLOTS);
    }
}

/// Pushes the value of a tape up to a cost of `most`, but at least one node. Nulls in lists become `realtime.NULL`;
/// in objects their keys are left out. Returns whether the value is complete. If not, the same values must be on the
/// stack for the next call. `keys` were reserved for this call, below all parts of the value.
///
/// # Safety
///
/// See [`Lua`]. The tape and its text stay where they are until this returns.
pub(super) unsafe fn push_tape(
    lua: Lua,
    fixed: Fixed,
    tape: &Tape,
    text: &[u8],
    mut keys: Option<&mut Keys>,
    state: &mut BuildState,
    most: usize,
) -> bool {
    let nodes = tape.nodes();
    let (mut open, mut depth, mut at) = (state.open, state.depth, state.node);
    let mut left = most;
    while let Some(&node) = nodes.get(at) {
        if most != usize::MAX {
            let cost = cost_of(node);
            if cost > left && at > state.node {
                (state.open, state.depth, state.node) = (open, depth, at);
                return false;
            }
            left = left.saturating_sub(cost);
        }
        at += 1;
        // SAFETY: the caller upholds the contract; nothing here has to be dropped.
        let begun = unsafe { push_node(lua, fixed, node, open.is_list(), tape, text) };
        if begun.left > 0 {
            state.outer[depth] = open;
            (open, depth) = (begun, depth + 1);
            if open.is_list() {
                continue;
            }
        } else {
            // The value is complete, and so is each table that ends with it. The value is on top; below it are its
            // key, if it has one, and its table, which has no metatable.
            loop {
                if depth == 0 {
                    return true;
                }
                open.left -= 1;
                if open.is_list() {
                    // SAFETY: as above.
                    unsafe { lua.set_element(-2, open.next) };
                    open.next += 1;
                } else {
                    // SAFETY: as above.
                    unsafe { lua.set_table(-3) };
                }
                if open.left > 0 {
                    break;
                }
                depth -= 1;
                open = state.outer[depth];
            }
            if open.is_list() {
                continue;
            }
        }
        if let Some(&key) = nodes.get(at) {
            at += 1;
            if most != usize::MAX {
                left = left.saturating_sub(cost_of(key));
            }
            // SAFETY: as above.
            unsafe {
                match &mut keys {
                    Some(keys) => keys.push(lua, tape, key, text),
                    None => lua.push_bytes(tape.string(key, text).unwrap_or_default()),
                }
            }
        }
    }
    true
}

/// Pushes one node's value. Returns what is still missing in it.
#[inline(always)]
unsafe fn push_node(
    lua: Lua,
    fixed: Fixed,
    node: Node,
    in_list: bool,
    tape: &Tape,
    text: &[u8],
) -> PartialTable {
    // SAFETY: the caller upholds the contract; nothing here has to be dropped.
    unsafe {
        match node {
            Node::Null if in_list => lua.push_reference(fixed.null),
            Node::Null => lua.push_nil(),
            Node::Boolean(value) => lua.push_boolean(value),
            Node::Number(value) => lua.push_number(value),
            Node::Plain(span) => lua.push_bytes(span.of(text)),
            Node::Unescaped(_) => lua.push_bytes(tape.string(node, text).unwrap_or_default()),
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
