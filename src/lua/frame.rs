//! Reads the arguments of a C function.
//!
//! Everything here is safe: these calls can't raise, run no Lua code and start no garbage collection, whatever is on
//! the stack. Pure Rust code, with values to be dropped, may use them between a call and its answer.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::ops::ControlFlow;
use std::slice;

use gmod::lua::LuaDebug;

use super::raw::{KEPT, Lua};

/// The kind of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    None,
    Nil,
    Boolean,
    Number,
    String,
    Table,
    Function,
    /// Anything else, such as userdata of both sorts and coroutines.
    Other(&'static str),
}

impl Kind {
    fn from_raw(kind: c_int) -> Self {
        match kind {
            gmod::lua::LUA_TNONE => Self::None,
            gmod::lua::LUA_TNIL => Self::Nil,
            gmod::lua::LUA_TBOOLEAN => Self::Boolean,
            gmod::lua::LUA_TNUMBER => Self::Number,
            gmod::lua::LUA_TSTRING => Self::String,
            gmod::lua::LUA_TTABLE => Self::Table,
            gmod::lua::LUA_TFUNCTION => Self::Function,
            gmod::lua::LUA_TTHREAD => Self::Other("thread"),
            // The game's own types (Entity, Vector …) are userdata with type numbers of their own.
            _ => Self::Other("userdata"),
        }
    }

    /// The kind's name in messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None => "no value",
            Self::Nil => "nil",
            Self::Boolean => "boolean",
            Self::Number => "number",
            Self::String => "string",
            Self::Table => "table",
            Self::Function => "function",
            Self::Other(name) => name,
        }
    }

    /// Whether there is no value.
    pub(super) fn is_absent(self) -> bool {
        matches!(self, Self::None | Self::Nil)
    }
}

/// A place in a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Location {
    /// The chunk's full name, without the `@` of a file.
    pub(super) source: String,
    /// The chunk's name as messages show it.
    pub(super) short: String,
    /// The line, or less than one if unknown.
    pub(super) line: i32,
}

/// How far up the stack a calling script is searched for. Between it and us there may be C functions such as `pcall`.
const MAX_LEVELS: c_int = 64;

/// How many slots of the stack a function's own work may use. Every C function begins with twenty free ones,
/// and the code around the work needs the others.
pub(super) const FREE_SLOTS: i32 = 16;

/// The stack of one C function, for reading.
///
/// Positions are counted from 1. Reading borrows the frame, and popping values needs it mutably, so that no slice
/// outlives its string.
pub(super) struct Frame {
    lua: Lua,
    /// How many values there may be.
    most: i32,
}

impl Frame {
    /// The frame of the C function that got `lua`, at its beginning.
    pub(super) fn new(lua: Lua) -> Self {
        let mut frame = Self { lua, most: 0 };
        frame.most = frame.top() + FREE_SLOTS;
        frame
    }

    /// The same, if more slots were reserved.
    ///
    /// # Safety
    ///
    /// The stack has `slots` free slots, and keeps them as long as this frame is used.
    pub(super) unsafe fn with_slots(lua: Lua, slots: i32) -> Self {
        let mut frame = Self::new(lua);
        frame.most += slots - FREE_SLOTS;
        frame
    }

    /// For a walk through tables, which uses the stack directly: the Lua, and how many values there may be.
    pub(super) fn slots(&mut self) -> (Lua, i32) {
        (self.lua, self.most)
    }

    /// How many values there are.
    pub(super) fn top(&self) -> i32 {
        // SAFETY: reads a number of a live state.
        unsafe { (self.lua.api.gettop)(self.lua.state) }
    }

    /// The kind of the value at `index`.
    pub(super) fn kind(&self, index: i32) -> Kind {
        assert!(index > 0, "positions are counted from 1");
        // SAFETY: any positive index may be asked about.
        Kind::from_raw(unsafe { (self.lua.api.kind)(self.lua.state, index) })
    }

    /// The number at `index`, if it is one.
    pub(super) fn number(&self, index: i32) -> Option<f64> {
        // SAFETY: a number is read without conversion.
        (self.kind(index) == Kind::Number).then(|| unsafe { (self.lua.api.tonumber)(self.lua.state, index) })
    }

    /// The boolean at `index`, if it is one.
    pub(super) fn boolean(&self, index: i32) -> Option<bool> {
        // SAFETY: a boolean is read without conversion.
        (self.kind(index) == Kind::Boolean)
            .then(|| unsafe { (self.lua.api.toboolean)(self.lua.state, index) } != 0)
    }

    /// The bytes of the string at `index`, if it is one.
    pub(super) fn bytes(&self, index: i32) -> Option<&[u8]> {
        if self.kind(index) != Kind::String {
            return None;
        }
        let mut length = 0;
        // SAFETY: for a string this converts and allocates nothing.
        let bytes = unsafe { (self.lua.api.tolstring)(self.lua.state, index, &raw mut length) };
        // SAFETY: Lua keeps the string, which never moves or changes, as long as it is on the stack; popping it needs
        // the frame mutably, and no collection runs meanwhile.
        Some(unsafe { slice::from_raw_parts(bytes.cast(), length) })
    }

    /// The address of the table, function or userdata at `index`; null if the value has no address. Two values that
    /// exist at the same time have different addresses, except that a light userdata of another module may have any
    /// address.
    pub(super) fn pointer(&self, index: i32) -> *const c_void {
        // SAFETY: any positive index may be asked about.
        unsafe { (self.lua.api.topointer)(self.lua.state, index) }
    }

    /// The length of the table at `index`, as `#` gives it without metamethods; 0 for anything else.
    pub(super) fn length(&self, index: i32) -> i32 {
        if self.kind(index) != Kind::Table {
            return 0;
        }
        // SAFETY: the length of a table is read without metamethods.
        unsafe { (self.lua.api.objlen)(self.lua.state, index) }
    }

    /// Passes element `n` of the table at `index` to `read`, as a position on the stack. `None` if it is not a table.
    pub(super) fn element<T>(
        &mut self,
        index: i32,
        n: i32,
        read: impl FnOnce(&mut Self, i32) -> T,
    ) -> Option<T> {
        if self.kind(index) != Kind::Table {
            return None;
        }
        let top = self.top();
        // SAFETY: reads a table without metamethods; the free slots of a C function are enough for our nesting.
        unsafe { (self.lua.api.rawgeti)(self.lua.state, index, n) };
        let result = read(self, top + 1);
        self.restore(top);
        Some(result)
    }

    /// Passes each key and value of the table at `index` to `read`, as positions on the stack, until it breaks.
    pub(super) fn each<T>(
        &mut self,
        index: i32,
        mut read: impl FnMut(&mut Self, i32, i32) -> ControlFlow<T>,
    ) -> Option<T> {
        if self.kind(index) != Kind::Table {
            return None;
        }
        let top = self.top();
        let mut found = None;
        // SAFETY: as `element`. `next` raises only for a key that the table does not have; each key comes from it, and
        // nothing changes the table meanwhile.
        unsafe {
            (self.lua.api.pushnil)(self.lua.state);
            while found.is_none() && (self.lua.api.next)(self.lua.state, index) != 0 {
                if let ControlFlow::Break(value) = read(self, top + 1, top + 2) {
                    found = Some(value);
                }
                (self.lua.api.settop)(self.lua.state, top + 1);
            }
        }
        self.restore(top);
        found
    }

    /// Whether the value at `index` is the very one that is kept under `reference`.
    pub(super) fn is(&mut self, index: i32, reference: i32) -> bool {
        let top = self.top();
        // SAFETY: reads a table of ours, and compares two values that are there without metamethods.
        let same = unsafe {
            (self.lua.api.rawgeti)(self.lua.state, KEPT, reference);
            (self.lua.api.rawequal)(self.lua.state, index, top + 1) != 0
        };
        self.restore(top);
        same && index <= top
    }

    /// Whether the value at `index` has the metatable that is kept under `reference`.
    pub(super) fn has_metatable(&mut self, index: i32, reference: i32) -> bool {
        let top = self.top();
        // SAFETY: pushes the metatable if there is one.
        let same =
            unsafe { (self.lua.api.getmetatable)(self.lua.state, index) } != 0 && self.is(top + 1, reference);
        self.restore(top);
        same
    }

    /// Keeps the value at `index` under a reference that is reserved already.
    pub(super) fn keep(&mut self, index: i32, reserved: i32) {
        assert!(index <= self.top(), "there is no such value");
        // SAFETY: the table has this key already, so that storing under it allocates nothing.
        unsafe {
            (self.lua.api.pushvalue)(self.lua.state, index);
            (self.lua.api.rawseti)(self.lua.state, KEPT, reserved);
        }
    }

    /// Releases the value that is kept under a reference, which stays reserved.
    pub(super) fn release(&mut self, reserved: i32) {
        // SAFETY: as `keep`. Not nil: that could cost the table the key.
        unsafe {
            (self.lua.api.pushboolean)(self.lua.state, 0);
            (self.lua.api.rawseti)(self.lua.state, KEPT, reserved);
        }
    }

    /// Puts a number into element `n` of the table at `index`, which has that element already.
    pub(super) fn overwrite(&mut self, index: i32, n: i32, number: f64) {
        assert!(
            self.element(index, n, |frame, at| frame.kind(at).is_absent()) == Some(false),
            "no such element"
        );
        // SAFETY: the table has this key already, so that storing under it allocates nothing.
        unsafe {
            (self.lua.api.pushnumber)(self.lua.state, number);
            (self.lua.api.rawseti)(self.lua.state, index, n);
        }
    }

    /// The nearest calling script function, directly or through C functions such as `pcall`.
    pub(super) fn caller(&self) -> Option<Location> {
        (1..MAX_LEVELS).map_while(|level| self.level(level)).find(|place| place.short != "[C]")
    }

    /// The place of the immediate caller, if it is a script.
    pub(super) fn direct_caller(&self) -> Option<Location> {
        self.level(1).filter(|place| place.short != "[C]")
    }

    /// Passes the main chunk of the file that is being loaded to `read`, as a position on the stack. If files load
    /// each other, it is the innermost one.
    pub(super) fn running_chunk<T>(&mut self, read: impl FnOnce(&mut Self, i32) -> T) -> Option<T> {
        let top = self.top();
        let mut debug = MaybeUninit::<LuaDebug>::zeroed();
        (1..MAX_LEVELS).find(|&level| {
            // SAFETY: as in `level`. For "f" there is room: a C function has twenty free slots, and a chunk needs one.
            unsafe {
                if (self.lua.api.getstack)(self.lua.state, level, debug.as_mut_ptr()) == 0 {
                    return true;
                }
                (self.lua.api.getinfo)(self.lua.state, c"S".as_ptr(), debug.as_mut_ptr());
                let what = debug.assume_init_ref().what;
                let is_chunk = !what.is_null() && CStr::from_ptr(what) == c"main";
                if is_chunk {
                    (self.lua.api.getinfo)(self.lua.state, c"f".as_ptr(), debug.as_mut_ptr());
                }
                is_chunk
            }
        });
        let result = (self.top() > top).then(|| read(self, top + 1));
        self.restore(top);
        result
    }

    fn level(&self, level: c_int) -> Option<Location> {
        let mut debug = MaybeUninit::<LuaDebug>::zeroed();
        // SAFETY: both fill the struct, which is the game's `lua_Debug`, without allocating; "S" and "l" push nothing.
        // All of its fields may be zero, and those that we read are set after a success.
        let debug = unsafe {
            if (self.lua.api.getstack)(self.lua.state, level, debug.as_mut_ptr()) == 0
                || (self.lua.api.getinfo)(self.lua.state, c"Sl".as_ptr(), debug.as_mut_ptr()) == 0
            {
                return None;
            }
            debug.assume_init()
        };
        let source = if debug.source.is_null() {
            String::new()
        } else {
            // SAFETY: the name of the running function's chunk, which ends in NUL.
            unsafe { CStr::from_ptr(debug.source) }.to_string_lossy().into_owned()
        };
        let source = source.strip_prefix(['@', '=']).map(str::to_owned).unwrap_or(source);
        let short: Vec<u8> = debug
            .short_src
            .iter()
            .map(|&c: &c_char| c.cast_unsigned())
            .take_while(|&byte| byte != 0)
            .collect();
        Some(Location {
            source,
            short: String::from_utf8_lossy(&short).into_owned(),
            line: debug.currentline,
        })
    }

    fn restore(&mut self, top: i32) {
        // SAFETY: pops what was pushed, never more than there is.
        unsafe { (self.lua.api.settop)(self.lua.state, top) };
    }
}
