//! Finds the next callback of a round, in pure Rust: nothing here runs Lua.

use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use super::complain;
use super::frame::Frame;
use super::handle::Handle;
use super::module::{Held, Module, Round};
use super::raw::Lua;
use super::refs::{Pool, Ref};
use crate::dispatch::{self, Dispatcher, Reports};
use crate::model::panic_text;

/// How many items without a callback may pass in a round that has run no callback yet, whatever its budget: enough
/// for a round to find a callback that waits after them, and bounded so that it ends.
const MAX_SKIPPED: u32 = 1024;

/// A larger message may keep its callback busy. Making its string takes longer than reading the clock.
const LARGE: usize = 256;

pub(super) type Step<'a> = dispatch::Step<'a, Ref, Handle>;

impl Round {
    /// A callback ran.
    #[inline]
    pub(super) fn count(&mut self) {
        self.ran += 1;
        self.spent |= self.budget.spent(Instant::now);
    }

    /// A part of a long message was read, or of its table made. Returns whether the time is used up.
    pub(super) fn slice(&mut self) -> bool {
        self.budget.look_next();
        self.spent |= self.budget.spent(Instant::now);
        self.spent
    }
}

/// A callback has just run: counts it, and finds the next one if that gets the same values. `None`: the
/// caller has to ask [`next`].
///
/// # Safety
///
/// As for [`next`].
#[inline]
pub(super) unsafe fn next_sharing(module: *mut Module, lua: Lua) -> Option<c_int> {
    // SAFETY: the caller vouches for the module, and no Lua code runs in here that could refer to it as well.
    let Module { round, dispatcher, pool, outputs, .. } = unsafe { &mut *module };
    let round = round.as_mut()?;
    round.count();
    if round.spent {
        return None;
    }
    let found = catch_unwind(AssertUnwindSafe(|| dispatcher.next_sharing()));
    let callback = found.unwrap_or_else(|panic| {
        complain(format_args!("internal error, please report it: {}", panic_text(&*panic)));
        None
    })?;
    if round.is_large {
        round.budget.look_next();
    }
    settle(pool, outputs, lua);
    Some(callback)
}

/// Lets Lua collect what callbacks dropped, unless an outer function may be pushing the value of a reference.
#[inline]
fn settle(pool: &Pool, outputs: &[Held], lua: Lua) {
    if pool.has_dropped() && outputs.is_empty() {
        pool.settle(&mut Frame::new(lua));
    }
}

/// Finds what to do next. `called` says that a callback has just run, and was counted.
///
/// # Safety
///
/// The module is there. The memory that the step points to is used only before the next one: see [`Module`].
pub(super) unsafe fn next<'a>(module: *mut Module, lua: Lua, called: bool) -> Step<'a> {
    // SAFETY: the caller vouches for the module, and no Lua code runs in here that could refer to it as well.
    let Module { round, reports, dispatcher, pool, outputs, .. } = unsafe { &mut *module };
    let Some(round) = round else { return Step::Idle };
    if round.spent {
        return Step::Idle;
    }
    let (reports, dispatcher) = (&raw mut *reports, &raw mut *dispatcher);
    let mut step = Step::Idle;
    let found = &mut step;
    // SAFETY: as above. A step that was skipped is not looked at any more when the next one is taken.
    let result = catch_unwind(AssertUnwindSafe(move || unsafe {
        *found = find(&mut *reports, dispatcher, round, called);
    }));
    if let Err(panic) = result {
        complain(format_args!("internal error, please report it: {}", panic_text(&*panic)));
        step = Step::Idle;
    }
    settle(pool, outputs, lua);
    step
}

/// Finds the next step that needs more than the dispatcher.
///
/// # Safety
///
/// As for [`next`].
#[inline]
unsafe fn find<'a>(
    reports: &'a mut Reports,
    dispatcher: *mut Dispatcher<Ref, Handle>,
    round: &mut Round,
    called: bool,
) -> Step<'a> {
    // SAFETY: the caller vouches for it. A step that was skipped is not looked at any more when the next one is taken.
    unsafe {
        // At the beginning of a round, and after another such line.
        if !called {
            if reports.is_due(Instant::now)
                && let Some(line) = reports.line(Instant::now())
            {
                return Step::Line(line);
            }
            if (*dispatcher).has_line(Instant::now)
                && let Some(line) = (*dispatcher).line(Instant::now())
            {
                return Step::Line(line);
            }
        }
        loop {
            let step = (*dispatcher).step();
            match step {
                Step::Idle | Step::Line(_) | Step::Abandoned => return step,
                Step::Slice if round.slice() => return Step::Idle,
                Step::Slice => continue,
                Step::Skipped => {
                    round.skipped += 1;
                    if round.skipped > MAX_SKIPPED && round.budget.spent(Instant::now) {
                        round.spent = true;
                        return Step::Idle;
                    }
                    continue;
                }
                Step::Message { payload, .. }
                | Step::AgainWhole { payload, .. }
                | Step::Table { payload, .. } => {
                    round.is_large = payload.len() > LARGE;
                }
                // The step does not say how much of the message was read.
                Step::Unreadable { .. } => round.is_large = true,
                // The next callback for the same message.
                Step::Again { .. } => {}
                _ => round.is_large = false,
            }
            if round.is_large {
                round.budget.look_next();
            }
            return step;
        }
    }
}
