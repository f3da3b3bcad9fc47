//! The main thread: maps, one after the other, and the ticks of each.

use std::{
    ffi::{CStr, CString},
    fs, thread,
    time::Instant,
};

use crate::{
    cli::Unload,
    ffi::{Lua, Outcome},
    prelude::PRELUDE,
    run::{EXIT_TIMEOUT, End, Run},
};

/// The natives that take an error: one of a callback, which the run survives if it is expected, and one of the script.
pub(crate) const REPORT: &CStr = c"report";
pub(crate) const ABORT: &CStr = c"abort";
/// Left by the prelude: runs what is due.
const TICK: &CStr = c"tick";
/// Left by the prelude: what scripts want to do at the end.
const SHUT_DOWN: &CStr = c"shut_down";

/// Runs the script, map after map, until it ends.
pub(crate) fn serve(run: &Run) {
    loop {
        play_map(run);
        match run.end.get() {
            Some(End::NextMap) => {
                run.end.set(None);
                run.map_number.set(run.map_number.get() + 1);
            }
            _ => return,
        }
    }
}

fn play_map(run: &Run) {
    let Some(lua) = Lua::open(run) else {
        eprintln!("gmod-host: no memory for a Lua state");
        return run.fail();
    };
    for (name, source) in PRELUDE {
        conclude(run, &lua.run_chunk(name, source.as_bytes(), true, ABORT));
    }
    run_scripts(run, &lua);
    tick_until_the_end(run, &lua);
    close(run, lua);
}

/// What addons run at the start, then the script.
fn run_scripts(run: &Run, lua: &Lua<'_>) {
    let mut scripts = match run.autorun() {
        Ok(scripts) => scripts,
        Err(error) => {
            eprintln!("gmod-host: the addons cannot be read: {error}");
            return run.fail();
        }
    };
    let script = &run.options.script;
    scripts.push((run.start_folder.join(script), script.display().to_string()));
    for (file, name) in scripts {
        if run.end.get().is_some() {
            return;
        }
        let source = match fs::read(&file) {
            Ok(source) => source,
            Err(error) => {
                eprintln!("gmod-host: {name}: {error}");
                return run.fail();
            }
        };
        match CString::new(format!("@{name}")) {
            Ok(name) => conclude(run, &lua.run_chunk(&name, &source, false, ABORT)),
            Err(_) => unreachable!("a path that could be opened has no NUL byte"),
        }
    }
}

fn tick_until_the_end(run: &Run, lua: &Lua<'_>) {
    let interval = run.options.tick_interval;
    let mut last = Instant::now();
    let mut next = last;
    while run.end.get().is_none() {
        let start = Instant::now();
        if start.duration_since(run.started) >= run.options.timeout {
            eprintln!("gmod-host: no host.exit within {} seconds", run.options.timeout.as_secs_f64());
            return run.end(End::Exit(EXIT_TIMEOUT));
        }
        if !run.hibernating.get() {
            run.game_time.set(run.game_time.get() + start.duration_since(last));
        }
        last = start;
        conclude(run, &lua.call_native(TICK, ABORT));
        run.tick_done(start.elapsed());
        // After a stall the game does not make up for lost ticks.
        next = (next + interval).max(Instant::now());
        if run.spinning.get() {
            next = Instant::now();
        }
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}

/// Ends the Lua state as the game does: the hook ShutDown, each module's gmod13_close, then lua_close.
fn close(run: &Run, lua: Lua<'_>) {
    lua.stop_failing();
    conclude(run, &lua.call_native(SHUT_DOWN, ABORT));
    let modules = run.modules.take();
    let start = Instant::now();
    for (_, module) in modules.iter().rev() {
        if let Some(entry) = module.close
            && let Outcome::Unreported(message) = lua.call_entry_point(entry, REPORT)
        {
            run.report(&message, "");
        }
    }
    run.close_times.borrow_mut().push(start.elapsed());

    let unload = run.options.unload;
    let mut lua = Some(lua);
    if unload == Unload::AfterLuaClose {
        lua = None;
    }
    if unload != Unload::Never {
        for (name, module) in modules {
            if let Err(error) = module.unload() {
                eprintln!("gmod-host: {name} does not unload: {error}");
                run.fail();
            }
        }
    }
    drop(lua);
}

fn conclude(run: &Run, outcome: &Outcome) {
    if let Outcome::Unreported(message) = outcome {
        run.abort(message, "");
    }
}
