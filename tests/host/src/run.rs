//! The state of one run of the program, over all its maps.

use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::{BTreeMap, VecDeque},
    env,
    fmt::Display,
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use tls_proxy::TlsProxy;

use crate::{
    cli::Options,
    ffi::Module,
    folder::GameFolder,
    http::Http,
    prompt::Prompt,
    publisher::Publisher,
    screen::{Screen, Stream, Style},
    servers::{Fake, Proxy, Real, Server, Talker},
    sql::Database,
    value::Value,
    watch::Watch,
};

/// How many tick durations, console lines, and errors are kept for the script to read.
const HISTORY: usize = 65_536;

/// The program's own exit codes.
pub(crate) const EXIT_FAILED: i32 = 1;
pub(crate) const EXIT_USAGE: i32 = 64;
pub(crate) const EXIT_TIMEOUT: i32 = 124;

/// Why a Lua state ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// `host.exit`, a failure, or the timeout.
    Exit(i32),
    /// `host.next_map`.
    NextMap,
}

/// Everything that outlives a Lua state. Natives get it shared, so everything that changes is in a cell.
pub(crate) struct Run {
    pub(crate) options: Options,
    pub(crate) folder: GameFolder,
    /// Where the program was started: the script's path is relative to it.
    pub(crate) start_folder: PathBuf,
    pub(crate) started: Instant,
    pub(crate) screen: Screen,
    /// The interactive prompt, if there is one.
    pub(crate) prompt: OnceCell<Prompt>,
    /// The files that ran and may change, if changed files run again.
    pub(crate) watch: Option<Watch>,
    pub(crate) end: Cell<Option<End>>,
    failed: Cell<bool>,
    console: RefCell<VecDeque<Vec<u8>>>,
    unfinished_line: RefCell<Vec<u8>>,
    pub(crate) errors: RefCell<Vec<Vec<u8>>>,
    expected_errors: Cell<(usize, usize)>,
    pub(crate) hibernating: Cell<bool>,
    pub(crate) spinning: Cell<bool>,
    pub(crate) map_number: Cell<usize>,
    pub(crate) ticks: Cell<usize>,
    tick_times: RefCell<VecDeque<Duration>>,
    /// Game time: stands still while hibernating.
    pub(crate) game_time: Cell<Duration>,
    pub(crate) modules: RefCell<Vec<(String, Module)>>,
    pub(crate) close_times: RefCell<Vec<Duration>>,
    pub(crate) kept: RefCell<BTreeMap<Vec<u8>, Value>>,
    pub(crate) tests_passed: Cell<usize>,
    pub(crate) tests_failed: Cell<usize>,
    server: OnceCell<Server>,
    pub(crate) more_fakes: RefCell<Vec<Fake>>,
    pub(crate) more_reals: RefCell<Vec<Real>>,
    pub(crate) talkers: RefCell<Vec<Talker>>,
    pub(crate) publishers: RefCell<Vec<Publisher>>,
    pub(crate) http: Http,
    pub(crate) sql: Database,
    pub(crate) proxies: RefCell<Vec<Proxy>>,
    pub(crate) tls: RefCell<Vec<TlsProxy>>,
}

impl Run {
    pub(crate) fn new(options: Options, folder: GameFolder, start_folder: PathBuf) -> Self {
        Self {
            hibernating: Cell::new(options.hibernate),
            screen: Screen::new(options.color),
            prompt: OnceCell::new(),
            watch: options.watch.then(Watch::new),
            options,
            folder,
            start_folder,
            started: Instant::now(),
            end: Cell::new(None),
            failed: Cell::new(false),
            console: RefCell::default(),
            unfinished_line: RefCell::default(),
            errors: RefCell::default(),
            expected_errors: Cell::new((0, 0)),
            spinning: Cell::new(false),
            map_number: Cell::new(1),
            ticks: Cell::new(0),
            tick_times: RefCell::default(),
            game_time: Cell::new(Duration::ZERO),
            modules: RefCell::default(),
            close_times: RefCell::default(),
            kept: RefCell::default(),
            tests_passed: Cell::new(0),
            tests_failed: Cell::new(0),
            server: OnceCell::new(),
            more_fakes: RefCell::default(),
            more_reals: RefCell::default(),
            talkers: RefCell::default(),
            publishers: RefCell::default(),
            http: Http::default(),
            sql: Database::default(),
            proxies: RefCell::default(),
            tls: RefCell::default(),
        }
    }

    /// Requests the end of this Lua state. The first request counts.
    pub(crate) fn end(&self, end: End) {
        if self.end.get().is_none() {
            self.end.set(Some(end));
        }
    }

    /// The run has failed, whatever the script says later.
    pub(crate) fn fail(&self) {
        self.failed.set(true);
        self.end(End::Exit(EXIT_FAILED));
    }

    /// Text for the console, which may contain incomplete lines.
    ///
    /// # Errors
    ///
    /// The standard output's own.
    pub(crate) fn print(&self, text: &[u8], style: Style) -> io::Result<()> {
        self.remember(text);
        self.screen.write(Stream::Out, style, text)
    }

    /// Text for the console about an error: to the standard error.
    pub(crate) fn warn(&self, text: &[u8], style: Style) {
        self.remember(text);
        // If the stream does not work, the exit code has to do.
        let _written = self.screen.write(Stream::Err, style, text);
    }

    /// A line of the host's own, which does not belong to the server's console.
    pub(crate) fn say(&self, line: impl Display) {
        let line = format!("gmod-host: {line}\n");
        // As above.
        let _written = self.screen.write(Stream::Err, Style::Host, line.as_bytes());
    }

    /// A Lua file runs, with these contents.
    pub(crate) fn runs(&self, file: &Path, name: &str, contents: &[u8]) {
        if let Some(watch) = &self.watch {
            watch.runs(file, name, contents);
        }
    }

    fn remember(&self, text: &[u8]) {
        let mut line = self.unfinished_line.borrow_mut();
        let mut console = self.console.borrow_mut();
        for piece in text.split_inclusive(|byte| *byte == b'\n') {
            match piece.split_last() {
                Some((b'\n', rest)) => {
                    line.extend_from_slice(rest);
                    push_bounded(&mut console, std::mem::take(&mut line));
                }
                _ => line.extend_from_slice(piece),
            }
        }
    }

    /// The lines of the console so far, oldest first.
    pub(crate) fn console(&self) -> Vec<Value> {
        self.console.borrow().iter().map(|line| line.clone().into()).collect()
    }

    /// An error that reached `ErrorNoHaltWithStack` or its like in the engine.
    pub(crate) fn report(&self, message: &[u8], traceback: &str) {
        if self.errors.borrow().len() < HISTORY {
            self.errors.borrow_mut().push(message.to_vec());
        }
        // An expected error is not shown.
        let (_, most) = self.expected_errors.get();
        if self.errors.borrow().len() > most {
            self.abort(message, traceback);
        }
    }

    /// So many more errors, at least and at most, are expected.
    pub(crate) fn expect_errors(&self, least: usize, most: usize) {
        let before = self.expected_errors.get();
        self.expected_errors.set((before.0.saturating_add(least), before.1.saturating_add(most)));
    }

    /// An error that ends the run, unless it is interactive.
    pub(crate) fn abort(&self, message: &[u8], traceback: &str) {
        if !self.options.is_tool() {
            self.fail();
        }
        self.warn(&[b"\n[ERROR] ", message, b"\n", traceback.as_bytes(), b"\n"].concat(), Style::Error);
    }

    pub(crate) fn tick_done(&self, duration: Duration) {
        self.ticks.set(self.ticks.get() + 1);
        push_bounded(&mut self.tick_times.borrow_mut(), duration);
    }

    /// How long each tick worked since the last call.
    pub(crate) fn take_tick_times(&self) -> Vec<Duration> {
        self.tick_times.take().into()
    }

    /// The server's URL: the environment's, or that of the run's own server, which this starts.
    ///
    /// # Errors
    ///
    /// The server does not start, or REDIS_URL is not UTF-8.
    pub(crate) fn redis_url(&self) -> Result<String, String> {
        match env::var("REDIS_URL") {
            Ok(url) => Ok(url),
            Err(env::VarError::NotPresent) => Ok(self.server()?.url()),
            Err(error @ env::VarError::NotUnicode(_)) => Err(format!("REDIS_URL: {error}")),
        }
    }

    /// The run's own server, started by the first call.
    ///
    /// # Errors
    ///
    /// It does not start, or the environment names another one.
    pub(crate) fn server(&self) -> Result<&Server, String> {
        if let Some(server) = self.server.get() {
            return Ok(server);
        }
        let server = Server::start(self.options.server, self.folder.root())?;
        Ok(self.server.get_or_init(|| server))
    }

    /// The run's own server, if something asked for it.
    pub(crate) fn server_if_started(&self) -> Option<&Server> {
        self.server.get()
    }

    /// The exit code, with a line on standard error if it is not the script's own.
    pub(crate) fn verdict(&self) -> i32 {
        let errors = self.errors.borrow().len();
        let (least, most) = self.expected_errors.get();
        let code = match self.end.get() {
            Some(End::Exit(code)) => code,
            Some(End::NextMap) | None => EXIT_FAILED,
        };
        if errors < least {
            self.say(format_args!("{least} errors were expected, {errors} came"));
        }
        let most = if self.options.is_tool() { usize::MAX } else { most };
        let failed = self.failed.get() || !(least..=most).contains(&errors);
        if (failed || code != 0) && !self.options.is_tool() {
            let seed = self.options.seed;
            self.say(format_args!("hooks ran in the order of seed {seed}; --seed {seed} repeats it"));
        }
        if code == 0 && failed { EXIT_FAILED } else { code }
    }

    /// The file that `from` (a chunk's name) includes as `path`, and the name that its chunk gets.
    ///
    /// # Errors
    ///
    /// The system's own.
    pub(crate) fn find_lua(&self, from: Option<&str>, path: &str) -> io::Result<Option<(PathBuf, String)>> {
        let mut candidates = Vec::new();
        if let Some(folder) = from.and_then(|from| Path::new(from).parent()) {
            let beside = folder.join(path);
            candidates.push((self.start_folder.join(&beside), beside.clone()));
            candidates.push((self.folder.find(&beside), beside));
        }
        for folder in self.folder.lua_folders()? {
            let installed = folder.join(path);
            candidates.push((self.folder.find(&installed), installed));
        }
        let found = candidates.into_iter().find(|(file, _)| file.is_file());
        Ok(found.map(|(file, name)| (file, name.to_string_lossy().into_owned())))
    }

    /// The files that addons run before everything else, in the game's order, with their chunks' names.
    ///
    /// # Errors
    ///
    /// The system's own.
    pub(crate) fn autorun(&self) -> io::Result<Vec<(PathBuf, String)>> {
        let mut found = Vec::new();
        for part in ["autorun", "autorun/server"] {
            for folder in self.folder.lua_folders()? {
                let folder = folder.join(part);
                let Ok(entries) = fs::read_dir(self.folder.find(&folder)) else { continue };
                let mut names = Vec::new();
                for entry in entries {
                    names.push(folder.join(entry?.file_name()));
                }
                names.retain(|name| name.extension().is_some_and(|extension| extension == "lua"));
                names.sort();
                found.extend(
                    names
                        .into_iter()
                        .map(|name| (self.folder.find(&name), name.to_string_lossy().into_owned())),
                );
            }
        }
        Ok(found)
    }
}

fn push_bounded<T>(history: &mut VecDeque<T>, value: T) {
    if history.len() == HISTORY {
        history.pop_front();
    }
    history.push_back(value);
}
