//! Converts tables to JSON.
//!
//! All of it is pure: the walk reads tables where they are, and allocates no Lua memory. Its position is on the
//! stack: each open table, above it the key, and above that the value, which may be the next table.

use std::ffi::{c_int, c_void};
use std::slice;

use gmod::lua::{LUA_TBOOLEAN, LUA_TNUMBER, LUA_TSTRING, LUA_TTABLE};

use super::fixed::Fixed;
use super::frame::{FREE_SLOTS, Frame};
use super::raw::{KEPT, Lua};
use crate::json::{Encoder, MAX_DEPTH, Refusal};

/// Slots of the stack that a table needs: itself, a key, a value.
const TABLE_SLOTS: c_int = 3;

/// The slots that a walk needs for tables nested as deeply as they may be.
#[expect(clippy::cast_possible_truncation, reason = "a small constant")]
pub(super) const DEEP_SLOTS: c_int = FREE_SLOTS + TABLE_SLOTS * MAX_DEPTH as c_int;

/// How a walk ended.
#[derive(Debug)]
pub(super) enum WalkEnd {
    /// The encoder has the text.
    Done,
    /// The whole is too large.
    TooLarge(Refusal),
    /// A value or key cannot be written as JSON. The stack stays as it is, so that [`push_place`] can tell the place.
    Refused(Place),
    /// The stack has no room for tables nested this deeply.
    NeedsSlots,
}

/// The position of the refused value on the stack, and the tables around it.
#[derive(Debug)]
pub(super) struct Place {
    /// The encoder's reason. Without one the kind of the value is at fault.
    reason: Option<String>,
    /// Whether it is a key.
    is_key: bool,
    index: c_int,
    tables: Vec<Table>,
}

/// A table that is being written, and its position on the stack.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table {
    index: c_int,
    shape: Shape,
}

#[derive(Debug, Clone, Copy)]
enum Shape {
    /// A list of `length` elements, of which `next` is being written.
    List { length: c_int, next: c_int },
    /// An object, whose key is above it.
    Object,
}

/// Why a walk stops, and at which value on the stack.
enum Stop {
    Refusal(Refusal, c_int),
    Kind(c_int),
    Key(c_int),
    NeedsSlots,
}

/// A walk stopped: [`TableWalk::stop`] has the reason. Results do not carry it, so that they fit into
/// registers.
struct Stopped;

/// The shape of a table.
enum TableShape {
    Nothing,
    List(c_int),
    /// Its first key and value were pushed.
    Object,
}

/// A walk through a value.
///
/// Each Lua call here reads without metamethods and allocates nothing, and so cannot raise: there is room for each
/// pushed value, because `begin_table` makes sure of it for each table, and `next` gets a key that it returned
/// itself.
pub(super) struct TableWalk<'a> {
    lua: Lua,
    /// How many values the stack may have.
    most: c_int,
    encoder: &'a mut Encoder,
    /// The address of `realtime.NULL`.
    null: *const c_void,
    tables: Vec<Table>,
    stop: Stop,
}

impl<'a> TableWalk<'a> {
    /// A walk that feeds an encoder. `tables` is memory of an earlier one.
    pub(super) fn new(
        frame: &'a mut Frame,
        fixed: Fixed,
        encoder: &'a mut Encoder,
        mut tables: Vec<Table>,
    ) -> Self {
        tables.clear();
        let (lua, most) = frame.slots();
        let mut walk = Self { lua, most, encoder, null: std::ptr::null(), tables, stop: Stop::NeedsSlots };
        // SAFETY: reads a table of ours. A C function has enough free slots for one value.
        unsafe {
            (lua.api.rawgeti)(lua.state, KEPT, fixed.null);
            walk.null = (lua.api.topointer)(lua.state, -1);
            walk.cut(walk.top() - 1);
        }
        walk
    }

    /// Writes the value at `index`. Returns the memory, too, unless a [`Place`] keeps it.
    pub(super) fn run(mut self, index: c_int) -> (WalkEnd, Vec<Table>) {
        let base = self.top();
        // SAFETY: a C function has enough free slots for one value.
        unsafe { (self.lua.api.pushvalue)(self.lua.state, index) };
        let walked = match self.walk(base + 1) {
            Ok(()) => WalkEnd::Done,
            Err(Stopped) => {
                let (reason, is_key, index) = match self.stop {
                    Stop::NeedsSlots => (None, false, None),
                    Stop::Refusal(refusal, _) if refusal.is_of_the_whole() => (Some(refusal), false, None),
                    Stop::Refusal(refusal, index) => (Some(refusal), false, Some(index)),
                    Stop::Key(index) => (None, true, Some(index)),
                    Stop::Kind(index) => (None, false, Some(index)),
                };
                if let Some(index) = index {
                    let (tables, reason) = (self.tables, reason.map(|reason| reason.to_string()));
                    return (WalkEnd::Refused(Place { reason, is_key, index, tables }), Vec::new());
                }
                reason.map_or(WalkEnd::NeedsSlots, WalkEnd::TooLarge)
            }
        };
        // SAFETY: pops what was pushed.
        unsafe { self.cut(base) };
        (walked, self.tables)
    }

    fn walk(&mut self, mut index: c_int) -> Result<(), Stopped> {
        loop {
            index = match self.begin(index)? {
                Some(inner) => inner,
                None => match self.go_on()? {
                    Some(next) => next,
                    None => return Ok(()),
                },
            };
        }
    }

    /// Writes the value at `index`, on top of the stack. For a table it writes the beginning, and returns the
    /// position of its first value.
    #[inline]
    fn begin(&mut self, index: c_int) -> Result<Option<c_int>, Stopped> {
        let Lua { api, state } = self.lua;
        // SAFETY: see the type. Each value is read as its own type, without conversion.
        let written = unsafe {
            match (api.kind)(state, index) {
                LUA_TSTRING => {
                    let text = self.bytes(index);
                    self.encoder.string(text)
                }
                LUA_TNUMBER => self.encoder.number((api.tonumber)(state, index)),
                LUA_TBOOLEAN => self.encoder.boolean((api.toboolean)(state, index) != 0),
                LUA_TTABLE if (api.topointer)(state, index) == self.null => self.encoder.null(),
                LUA_TTABLE => return self.begin_table(index),
                _ => match self.encoder.refused() {
                    Ok(()) => return Err(self.stop(Stop::Kind(index))),
                    Err(refusal) => Err(refusal),
                },
            }
        };
        self.written(written, index)?;
        Ok(None)
    }

    fn begin_table(&mut self, index: c_int) -> Result<Option<c_int>, Stopped> {
        if index + TABLE_SLOTS > self.most {
            return Err(self.stop(Stop::NeedsSlots));
        }
        match self.look_into(index) {
            TableShape::Nothing => {
                self.encode(Encoder::begin_list, index)?;
                self.encode(Encoder::end_list, index)?;
                Ok(None)
            }
            TableShape::List(length) => {
                self.encode(Encoder::begin_list, index)?;
                self.tables.push(Table { index, shape: Shape::List { length, next: 1 } });
                // SAFETY: see the type.
                unsafe { (self.lua.api.rawgeti)(self.lua.state, index, 1) };
                Ok(Some(index + 1))
            }
            TableShape::Object => {
                self.encode(Encoder::begin_object, index)?;
                self.tables.push(Table { index, shape: Shape::Object });
                self.key(index).map(Some)
            }
        }
    }

    /// Whether the table at `index` is a list 1, 2, 3 … without holes.
    #[expect(clippy::cast_possible_truncation, reason = "within the length, which is one of these")]
    fn look_into(&mut self, index: c_int) -> TableShape {
        let Lua { api, state } = self.lua;
        let key = index + 1;
        // SAFETY: see the type. Every number is read as its own type.
        unsafe {
            (api.pushnil)(state);
            if (api.next)(state, index) == 0 {
                return TableShape::Nothing;
            }
            if (api.kind)(state, key) != LUA_TNUMBER {
                return TableShape::Object;
            }
            let length = (api.objlen)(state, index);
            let places = f64::from(length);
            let mut count = 0;
            while (api.kind)(state, key) == LUA_TNUMBER {
                let place = (api.tonumber)(state, key);
                // Not `fract`, which is a function call on processors that lack the instruction.
                if !(1.0..=places).contains(&place) || f64::from(place as c_int) != place {
                    break;
                }
                count += 1;
                self.cut(key);
                if (api.next)(state, index) == 0 {
                    // As many keys as there are places.
                    if count == length {
                        return TableShape::List(length);
                    }
                    break;
                }
            }
            // From the beginning, so that the first key is the one to report.
            self.cut(index);
            (api.pushnil)(state);
            (api.next)(state, index);
        }
        TableShape::Object
    }

    /// Writes the key above the table at `index`, and returns the position of its value.
    #[inline]
    fn key(&mut self, index: c_int) -> Result<c_int, Stopped> {
        let key = index + 1;
        // SAFETY: see the type.
        let text = unsafe {
            if (self.lua.api.kind)(self.lua.state, key) != LUA_TSTRING {
                return Err(self.stop(Stop::Key(key)));
            }
            self.bytes(key)
        };
        let written = self.encoder.key(text);
        self.written(written, key)?;
        Ok(key + 1)
    }

    /// Continues after the value that was written. Returns the position of the next one, or `None` if that was the
    /// last.
    #[inline]
    fn go_on(&mut self) -> Result<Option<c_int>, Stopped> {
        let Lua { api, state } = self.lua;
        while let Some(table) = self.tables.last_mut() {
            let index = table.index;
            match &mut table.shape {
                Shape::List { length, next } if *next < *length => {
                    *next += 1;
                    // SAFETY: see the type. The element that was written makes room for the next one.
                    unsafe {
                        (api.settop)(state, index);
                        (api.rawgeti)(state, index, *next);
                    }
                    return Ok(Some(index + 1));
                }
                Shape::List { .. } => self.encode(Encoder::end_list, index)?,
                Shape::Object => {
                    // SAFETY: see the type. The key is left on top.
                    let has_more = unsafe {
                        (api.settop)(state, index + 1);
                        (api.next)(state, index) != 0
                    };
                    if has_more {
                        return self.key(index).map(Some);
                    }
                    self.encode(Encoder::end_object, index)?;
                }
            }
            // SAFETY: the table is below what is taken off.
            unsafe { self.cut(index) };
            self.tables.pop();
        }
        Ok(None)
    }

    #[inline]
    fn encode(&mut self, what: fn(&mut Encoder) -> Result<(), Refusal>, index: c_int) -> Result<(), Stopped> {
        let written = what(self.encoder);
        self.written(written, index)
    }

    /// Checks the encoder's result for the value at `index`.
    #[inline]
    fn written(&mut self, written: Result<(), Refusal>, index: c_int) -> Result<(), Stopped> {
        written.map_err(|refusal| self.stop(Stop::Refusal(refusal, index)))
    }

    #[cold]
    fn stop(&mut self, stop: Stop) -> Stopped {
        self.stop = stop;
        Stopped
    }

    fn top(&self) -> c_int {
        // SAFETY: reads a number of a live state.
        unsafe { (self.lua.api.gettop)(self.lua.state) }
    }

    /// Pops everything above `top`.
    ///
    /// # Safety
    ///
    /// There are as many values.
    unsafe fn cut(&mut self, top: c_int) {
        // SAFETY: the caller vouches for the values.
        unsafe { (self.lua.api.settop)(self.lua.state, top) };
    }

    /// The bytes of the string at `index`.
    ///
    /// # Safety
    ///
    /// There is a string, and it stays there as long as the bytes are used.
    unsafe fn bytes<'b>(&self, index: c_int) -> &'b [u8] {
        let mut length = 0;
        // SAFETY: for a string this converts and allocates nothing, and Lua neither moves nor changes it.
        unsafe {
            let bytes = (self.lua.api.tolstring)(self.lua.state, index, &raw mut length);
            slice::from_raw_parts(bytes.cast(), length)
        }
    }
}

/// Pushes the place of a refused value and the reason, or an error. Returns zero for success.
///
/// # Safety
///
/// See [`Lua`]. The stack is as the walk left it.
pub(super) unsafe fn push_place(lua: Lua, fixed: Fixed, place: &Place) -> c_int {
    // SAFETY: the caller upholds the contract; nothing here has to be dropped.
    unsafe {
        let top = lua.top();
        lua.push_reference(fixed.refused);
        match &place.reason {
            Some(reason) => lua.push_bytes(reason.as_bytes()),
            None => lua.push_nil(),
        }
        lua.push_copy(place.index);
        lua.push_boolean(place.is_key);
        for table in &place.tables {
            match table.shape {
                Shape::List { next, .. } => lua.push_number(f64::from(next)),
                // A key that is at fault itself is not part of the path.
                Shape::Object if place.index == table.index + 1 => {}
                Shape::Object => lua.push_copy(table.index + 1),
            }
        }
        lua.protected_call(lua.top() - top - 1, 1, 0)
    }
}
