//! The calling state, for native functions.

use std::ffi::{CStr, c_int};

use super::{
    api::{Activation, RawState, api},
    state::Context,
};
use crate::{
    prelude::{PREFIX as PRELUDE_PREFIX, PROTECTED},
    run::Run,
    value::Value,
};

/// The most calls in a traceback.
const MOST_FRAMES: usize = 100;

/// More than a call of a function needs.
const STACK_IN_ADVANCE: c_int = 200;

/// The input of a native function: its arguments, the run, and access to the state.
pub(crate) struct Call<'a> {
    pub(super) raw: *mut RawState,
    pub(super) context: &'a Context<'a>,
    pub(crate) arguments: Vec<Value>,
}

impl Call<'_> {
    pub(crate) fn run(&self) -> &Run {
        self.context.run
    }

    /// The traceback in the game's words. Allocates no Lua memory, so it works when memory is exhausted.
    pub(crate) fn traceback(&self) -> String {
        // Each line is indented further than the last, and takes longer to find: a full stack would need gigabytes.
        let mut frames: Vec<Frame> =
            (1..).map_while(|level| self.frame(level)).take(MOST_FRAMES + 1).collect();
        if let Some(entry) = frames.iter().position(Frame::is_engine_entry) {
            // The entry calls xpcall, which is left out, too.
            frames.truncate(entry.saturating_sub(1));
        }
        let mut text = String::new();
        for (index, frame) in frames.iter().enumerate() {
            let (number, indent) = (index + 1, index + 2);
            if number > MOST_FRAMES {
                text += "  and more\n";
                break;
            }
            text +=
                &format!("{:indent$}{number}. {} - {}:{}\n", "", frame.name, frame.source(), frame.line());
        }
        text
    }

    /// The calling place, as `file:line: `; empty if it was called by C.
    pub(super) fn place(&self) -> String {
        let caller = (1..).map_while(|level| self.frame(level)).find(|frame| !frame.is_prelude());
        match caller {
            Some(frame) if frame.line > 0 => format!("{}:{}: ", frame.source, frame.line),
            _ => String::new(),
        }
    }

    fn frame(&self, level: c_int) -> Option<Frame> {
        // SAFETY: all zeroes is a valid Activation; lua_getstack fills it or returns 0; with "Sln" lua_getinfo pushes
        // nothing and allocates nothing, and its strings live as long as the function is on the stack.
        unsafe {
            let mut activation: Activation = std::mem::zeroed();
            if (api().lua_getstack)(self.raw, level, &raw mut activation) == 0
                || (api().lua_getinfo)(self.raw, c"Sln".as_ptr(), &raw mut activation) == 0
            {
                return None;
            }
            let name = match activation.name {
                name if name.is_null() => "unknown".to_owned(),
                name => CStr::from_ptr(name).to_string_lossy().into_owned(),
            };
            let source = CStr::from_ptr(activation.short_source.as_ptr()).to_string_lossy().into_owned();
            Some(Frame { name, source, line: activation.current_line })
        }
    }

    /// Makes every allocation after the next `after` fail, until called with `None`.
    pub(crate) fn fail_allocations(&self, after: Option<u64>) {
        // The call with `None` needs a stack that has room for it.
        // SAFETY: the state of the running call. If the stack cannot grow, the call returns 0 and changes nothing.
        unsafe { (api().lua_checkstack)(self.raw, STACK_IN_ADVANCE) };
        // SAFETY: as above.
        unsafe { self.context.allocator.set(self.raw, after) };
    }
}

/// One call on Lua's stack.
struct Frame {
    name: String,
    source: String,
    line: c_int,
}

impl Frame {
    /// Done by the prelude in Lua, by the game in C++.
    fn is_prelude(&self) -> bool {
        self.source.starts_with(PRELUDE_PREFIX)
    }

    /// A place where the engine called into Lua: a timer, a hook.
    fn is_engine_entry(&self) -> bool {
        self.is_prelude() && self.name == PROTECTED
    }

    fn source(&self) -> &str {
        if self.is_prelude() { "[C]" } else { &self.source }
    }

    fn line(&self) -> c_int {
        if self.is_prelude() { -1 } else { self.line }
    }
}
