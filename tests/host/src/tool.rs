//! The interactive mode: the server's address is printed, there is a prompt, and the run ends cleanly.

use std::{
    cell::OnceCell,
    env,
    io::{self, Write},
    path::Path,
    time::Duration,
};

use crate::{
    StartError, configured,
    ffi::{self, TerminalMode},
    prompt::{Editor, Prompt},
    run::Run,
    screen::Screen,
};

/// The variable from which clients without a URL connect.
const DEFAULT_URL: &str = "REALTIME_URL";

/// Ends bracketed paste, which the editor of lines begins.
const END_OF_PASTE_MODE: &str = "\x1b[?2004l";

/// How long the editor may take to show its output: far longer than it needs while it reads, and short enough to wait
/// for at the end.
const PATIENCE: Duration = Duration::from_millis(500);

/// While it lives, lines may be edited. Dropping it restores the terminal.
pub(crate) struct Terminal<'run> {
    screen: &'run Screen,
    prompt: &'run OnceCell<Prompt>,
    _mode: TerminalMode,
}

/// Before the first map.
///
/// # Errors
///
/// The server does not start, or the terminal fails.
pub(crate) fn start(run: &Run) -> Result<Option<Terminal<'_>>, StartError> {
    ffi::end_on_interrupt();
    let (editor, terminal) = if run.options.prompt { edit(&run.screen, &run.prompt)? } else { (None, None) };
    if !run.options.quiet {
        tell_server(run)?;
    }
    if run.options.prompt {
        if !run.options.quiet {
            run.say("type Lua, a command, or help; quit ends it");
        }
        read(&run.screen, &run.prompt, editor)?;
    }
    Ok(terminal)
}

/// Enables line editing, if a person uses a terminal. No line is read before [`read`].
///
/// # Errors
///
/// The terminal fails.
pub(crate) fn edit<'run>(
    screen: &'run Screen,
    prompt: &'run OnceCell<Prompt>,
) -> Result<(Option<Editor>, Option<Terminal<'run>>), StartError> {
    let Some((editor, above)) = Editor::new()? else { return Ok((None, None)) };
    screen.print_above(above);
    Ok((Some(editor), Some(Terminal { screen, prompt, _mode: TerminalMode::keep() })))
}

/// Begins to read lines.
///
/// # Errors
///
/// The system cannot start a thread.
pub(crate) fn read(screen: &Screen, prompt: &OnceCell<Prompt>, editor: Option<Editor>) -> io::Result<()> {
    screen.settle(PATIENCE);
    // It is set only here.
    let _first = prompt.set(Prompt::start(editor)?);
    Ok(())
}

/// An empty variable counts as not set, as in the module.
fn default_url_is_set() -> bool {
    env::var_os(DEFAULT_URL).is_some_and(|url| !url.is_empty())
}

/// Makes clients without a URL connect to the run's server.
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

/// Prints where Redis is and how to publish there: the address of clients without a URL.
fn tell_server(run: &Run) -> Result<(), StartError> {
    if run.options.game.is_some() && !default_url_is_set() {
        return tell_configured(run);
    }
    if run.server_if_started().is_some() {
        let url = run.redis_url().map_err(StartError::Server)?;
        run.say(format_args!("{} is at {url}", run.options.server));
        run.say(configured::how_to_publish(&url));
        return Ok(());
    }
    let url = env::var(DEFAULT_URL).map_err(|error| StartError::Server(format!("{DEFAULT_URL}: {error}")))?;
    run.say(configured::how_to_publish(&url));
    Ok(())
}

/// The same for a server's folder, whose own file has the address of its clients.
fn tell_configured(run: &Run) -> Result<(), StartError> {
    let file = configured::FILE;
    match configured::url(&run.folder.find(Path::new(file))) {
        Some(url) => run.say(configured::how_to_publish(&url)),
        None => {
            let url = run.redis_url().map_err(StartError::Server)?;
            let server = run.options.server;
            run.say(format_args!(
                "garrysmod/{file} names no Redis; to use {server}, write its URL into \"url\": {url}"
            ));
        }
    }
    Ok(())
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        if !self.screen.settle(PATIENCE)
            && let Some(prompt) = self.prompt.get()
        {
            // The editor waits after Enter, and shows the rest when it reads again.
            prompt.done();
            self.screen.settle(PATIENCE);
        }
        let mut out = io::stdout();
        let behind_the_line = if self.prompt.get().is_some_and(Prompt::is_reading) { "\r\n" } else { "" };
        // If the terminal is gone, nothing more can be done.
        let _written = write!(out, "{behind_the_line}{END_OF_PASTE_MODE}").and_then(|()| out.flush());
    }
}
