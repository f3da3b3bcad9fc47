//! What somebody gets who tries things out, beside what a test gets: a server that is named, a prompt, an end in order.

use std::{
    env,
    io::{self, Write},
    time::Duration,
};

use crate::{
    StartError,
    ffi::{self, TerminalMode},
    prompt::{Editor, Prompt},
    run::Run,
};

/// Where a client looks that was not told where Redis is.
const DEFAULT_URL: &str = "REALTIME_URL";

/// Ends bracketed paste, which the editor of lines begins.
const END_OF_PASTE_MODE: &str = "\x1b[?2004l";

/// How long the editor may take to show what was printed: far longer than it does while it reads, and no longer than anybody
/// waits for an end.
const PATIENCE: Duration = Duration::from_millis(500);

/// While it lives, lines may be edited. Dropping it gives the terminal back.
pub(crate) struct Terminal<'run> {
    run: &'run Run,
    _mode: TerminalMode,
}

/// Before the first map.
///
/// # Errors
///
/// The server does not start, or the terminal does not do.
pub(crate) fn start(run: &Run) -> Result<Option<Terminal<'_>>, StartError> {
    ffi::end_on_interrupt();
    let mut terminal = None;
    let editor = if run.options.prompt { Editor::new()? } else { None };
    let editor = editor.map(|(editor, above)| {
        run.screen.print_above(above);
        terminal = Some(Terminal { run, _mode: TerminalMode::keep() });
        editor
    });
    tell_server(run)?;
    if run.options.prompt {
        run.say("type Lua, a command, or help; quit ends it");
        run.screen.settle(PATIENCE);
        let prompt = Prompt::start(editor)?;
        // Nobody else sets it.
        let _first = run.prompt.set(prompt);
    }
    Ok(terminal)
}

/// An empty one is none, as for the module.
fn default_url_is_set() -> bool {
    env::var_os(DEFAULT_URL).is_some_and(|url| !url.is_empty())
}

/// Leads clients that were not told where Redis is to the run's server.
///
/// # Errors
///
/// The server does not start.
pub(crate) fn configure(run: &Run) -> Result<(), StartError> {
    let is_named = env::var_os("REDIS_URL").is_some();
    if default_url_is_set() || !(run.options.configured || is_named && run.options.is_tool()) {
        return Ok(());
    }
    let url = run.redis_url().map_err(StartError::Server)?;
    ffi::set_environment(DEFAULT_URL.as_bytes(), url.as_bytes())
        .map_err(|error| StartError::Server(format!("REDIS_URL: {error}")))
}

/// Says where Redis is and how to publish there.
fn tell_server(run: &Run) -> Result<(), StartError> {
    let shown = if env::var_os("REDIS_URL").is_some() {
        // It may hold a password.
        "\"$REDIS_URL\"".to_owned()
    } else if default_url_is_set() && run.server_if_started().is_none() {
        format!("\"${DEFAULT_URL}\"")
    } else {
        let url = run.redis_url().map_err(StartError::Server)?;
        run.say(format_args!("{} is at {url}", run.options.server));
        url
    };
    run.say(format_args!("publish from elsewhere: redis-cli -u {shown} PUBLISH test hello"));
    Ok(())
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        if !self.run.screen.settle(PATIENCE)
            && let Some(prompt) = self.run.prompt.get()
        {
            // It waits behind Enter, and shows the rest when it reads on.
            prompt.done();
            self.run.screen.settle(PATIENCE);
        }
        let mut out = io::stdout();
        let behind_the_line = if self.run.prompt.get().is_some_and(Prompt::is_reading) { "\r\n" } else { "" };
        // Nothing more can be done for a terminal that is gone.
        let _written = write!(out, "{behind_the_line}{END_OF_PASTE_MODE}").and_then(|()| out.flush());
    }
}
