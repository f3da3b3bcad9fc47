//! The main thread: maps, one after the other, and the ticks of each.

use std::{
    ffi::{CStr, CString},
    fs, thread,
    time::{Duration, Instant},
};

use crate::{
    cli::Unload,
    comments,
    ffi::{self, Lua, Outcome},
    prelude::PRELUDE,
    prompt::Typed,
    run::{EXIT_TIMEOUT, End, Run},
    watch::Changed,
};

/// The natives that take an error: REPORT takes one of a callback, which does not end the run if it is
/// expected; ABORT takes one of the script.
pub(crate) const REPORT: &CStr = c"report";
pub(crate) const ABORT: &CStr = c"abort";
/// Left by the prelude: runs everything that is due.
const TICK: &CStr = c"tick";
/// Left by the prelude: sets what a server's `server.cfg` sets.
const RUN_SERVER_CFG: &CStr = c"run_server_cfg";
/// Left by the prelude: runs the line that was typed.
const RUN_TYPED: &CStr = c"run_typed";
/// Left by the prelude: runs the scripts' functions for the end.
const SHUT_DOWN: &CStr = c"shut_down";
/// Left by the prelude: called when no module is being closed any more. Finalizers still follow.
const MODULES_CLOSED: &CStr = c"modules_closed";

/// How long reading a line waits for earlier output.
pub(crate) const BEFORE_A_LINE: Duration = Duration::from_millis(20);

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
    if let Some(watch) = &run.watch {
        watch.forget();
    }
    let Some(lua) = Lua::open(run) else {
        run.say("no memory for a Lua state");
        return run.fail();
    };
    for (name, source) in PRELUDE {
        conclude(run, &lua.run_chunk(name, source.as_bytes(), true, ABORT));
    }
    run_scripts(run, &lua);
    tick_until_the_end(run, &lua);
    close(run, lua);
}

/// The addons' autorun files, then the script.
fn run_scripts(run: &Run, lua: &Lua<'_>) {
    let mut scripts = match run.autorun() {
        Ok(scripts) => scripts,
        Err(error) => {
            run.say(format_args!("the addons cannot be read: {error}"));
            return run.fail();
        }
    };
    if let Some(script) = &run.options.script {
        scripts.push((run.start_folder.join(script), script.display().to_string()));
    }
    for (file, name) in scripts {
        if run.end.get().is_some() {
            return;
        }
        let source = match fs::read(&file) {
            Ok(source) => source,
            Err(error) => {
                run.say(format_args!("{name}: {error}"));
                return run.fail();
            }
        };
        run.runs(&file, &name, &source);
        run_file(run, lua, &name, &source);
    }
}

fn run_file(run: &Run, lua: &Lua<'_>, name: &str, source: &[u8]) {
    match CString::new(format!("@{name}")) {
        Ok(name) => conclude(run, &lua.run_chunk(&name, &comments::plain(source), false, ABORT)),
        Err(_) => unreachable!("a path that could be opened has no NUL byte"),
    }
}

/// The game's autorefresh: every file that ran and has changed runs again.
fn run_changed(run: &Run, lua: &Lua<'_>) {
    let changed = run.watch.as_ref().map(|watch| watch.changed(Instant::now())).unwrap_or_default();
    for Changed { name, source } in changed {
        run.say(format_args!("{name} has changed and runs again"));
        run_file(run, lua, &name, &source);
    }
}

/// Handles one typed line, if there is one.
fn run_typed(run: &Run, lua: &Lua<'_>) {
    let Some(prompt) = run.prompt.get() else { return };
    match prompt.take() {
        Typed::Nothing => {}
        Typed::Text => {
            conclude(run, &lua.call_native(RUN_TYPED, REPORT));
            show_unfinished(run);
            // No line may be half typed when the terminal is restored.
            if !matches!(run.end.get(), Some(End::Exit(_))) {
                // Nothing should be printed while the next line begins; the editor shows its remaining output then.
                run.screen.settle(BEFORE_A_LINE);
                prompt.done();
            }
        }
        Typed::End { unfinished } => {
            if !unfinished.is_empty() {
                let unfinished = String::from_utf8_lossy(&unfinished).into_owned();
                run.say(format_args!(
                    "the input ended within a chunk of Lua, which did not run: {unfinished}"
                ));
            }
            run.end(End::Exit(0));
        }
        Typed::Failed(why) => {
            run.say(format_args!("the standard input: {why}"));
            run.fail();
        }
    }
}

fn show_unfinished(run: &Run) {
    // If the terminal cannot be written to, there is no one to see the line.
    let _shown = run.screen.show_unfinished();
}

fn tick_until_the_end(run: &Run, lua: &Lua<'_>) {
    conclude(run, &lua.call_native(RUN_SERVER_CFG, ABORT));
    let interval = run.options.tick_interval;
    let mut last = Instant::now();
    let mut next = last;
    while run.end.get().is_none() {
        let start = Instant::now();
        if let Some(timeout) = run.options.timeout
            && start.duration_since(run.started) >= timeout
        {
            run.say(format_args!("no host.exit within {} seconds", timeout.as_secs_f64()));
            return run.end(End::Exit(EXIT_TIMEOUT));
        }
        if !run.hibernating.get() {
            run.game_time.set(run.game_time.get() + start.duration_since(last));
        }
        last = start;
        if ffi::interrupted() {
            return run.end(End::Exit(0));
        }
        run_changed(run, lua);
        run_typed(run, lua);
        conclude(run, &lua.call_native(TICK, ABORT));
        show_unfinished(run);
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
    conclude(run, &lua.call_native(MODULES_CLOSED, ABORT));

    let unload = run.options.unload;
    let mut lua = Some(lua);
    if unload == Unload::AfterLuaClose {
        lua = None;
    }
    if unload != Unload::Never {
        for (name, module) in modules {
            if let Err(error) = module.unload() {
                run.say(format_args!("{name} does not unload: {error}"));
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
