//! The command line.

use std::{
    env,
    ffi::{OsStr, OsString},
    fmt,
    hash::{BuildHasher, Hasher, RandomState},
    ops::RangeInclusive,
    path::PathBuf,
    time::Duration,
};

use lexopt::prelude::*;

use crate::several;

const DEFAULT_TICK_RATE: f64 = 66.0;
/// The environment's seed.
const SEED: &str = "GMOD_HOST_SEED";
/// The environment's folder of the game's Lua files.
const GAME_LUA: &str = "GMOD_HOST_GAME_LUA";
/// The timeout of a script.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) const USAGE: &str = "\
Usage: gmod-host [OPTIONS] [SCRIPT.lua [ARGS…]]

Runs addons and a script as a Garry's Mod server would, without the game: LuaJIT with the game's globals, `require` for
binary modules, and a tick loop. Without a script it is a server's console: type Lua, a command, or help. A script ends the
run with host.exit(code).

Options:
  --prompt            the console, also when there is a script
  --watch             a Lua file that changes on disk runs again (with the console it always does)
  --configured        clients without an address connect to host.redis_url, by REALTIME_URL (with --prompt or --watch they
                      always do, unless --game is given)
  --id NAME           this server's id, written into data/realtime.json before the first map, as the owner of a server
                      does: 1 to 62 letters, digits, _ . and -. With --servers the ids are NAME-1, NAME-2 …. A file of
                      --game with another id, or none, is not changed: the run ends with an error
  --tick-rate HZ      ticks a second (default 66)
  --hibernate         start as an empty server: only timers made by timer.Create(id, 0, 0, fn) run
  --module FILE       what require(\"realtime\") loads, instead of the module built with this program; \"none\" for nothing
  --game FOLDER       a server's folder that stays, with its garrysmod/ in it, made if there is none. A module in
                      its lua/bin is used instead of --module, and the Redis that its data/realtime.json names instead of
                      the server that the host starts
  --addon FOLDER      an addon: its lua/autorun runs before the script, and include and require look into its lua/. Give the
                      option once for each addon
  --server KIND       what host.redis_url starts if REDIS_URL is not set: \"fake\", the embedded server (default), or
                      \"real\", a redis-server: REDIS_SERVER in the environment, or the PATH's; or \"postgres\", a PostgreSQL,
                      where one is installed (POSTGRES_BIN in the environment names the folder of its programs)
  --servers COUNT     that many consoles side by side (2 to 9), each a server with an id of its own, on one Redis: server-1,
                      server-2 … Their lines begin with 1|, 2| …; a line that begins with @2 goes to the second one. With
                      --game, each keeps a folder in FOLDER
  --number NUMBER     which of several servers on one Redis this is (1 to 9, default 1; --servers sets it): mock players who
                      are added without a SteamID64 get different ones on each server
  --timeout SECONDS   give up after that long, with exit code 124 (default 60; with --prompt or --watch never)
  --game-lua FOLDER   the game's own Lua files instead of this program's stand-ins for them: a garrysmod folder with
                      lua/includes in it (default: GMOD_HOST_GAME_LUA in the environment)
  --seed NUMBER       decides the order in which hooks run, which is random, as in the game (default: GMOD_HOST_SEED in the
                      environment, otherwise a new one in each run; a run that fails prints it)
  --quiet             no lines of the host's own at the start, such as where Redis is and what can be typed
  --color WHEN        \"auto\" (default: on a terminal, unless NO_COLOR is set), \"always\" or \"never\"
  --unload WHEN       at the end of a Lua state, unload the modules \"before\" lua_close or \"after\" it (default: \"never\")
  -h, --help          this text

Exit codes: the script's own; 1 after a Lua error that was not expected; 64 for a bad command line; 124 at the timeout.
With --prompt or --watch no error ends the run; the end of the input and Ctrl-C end it in order, with 0.
";

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Fake => "the embedded Redis",
            Self::Real => "redis-server",
            Self::Postgres => "PostgreSQL",
        })
    }
}

/// When a module's library is unloaded at the end of a Lua state. The game's own order differs between hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unload {
    Never,
    BeforeLuaClose,
    AfterLuaClose,
}

/// The server that the run starts for its script, unless REDIS_URL names one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The embedded one.
    Fake,
    /// A redis-server.
    Real,
    /// A PostgreSQL.
    Postgres,
}

/// Whether the console has colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Color {
    /// On a terminal, unless the environment says NO_COLOR.
    Auto,
    Always,
    Never,
}

/// The parsed options.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) tick_interval: Duration,
    pub(crate) hibernate: bool,
    pub(crate) module: Option<PathBuf>,
    pub(crate) game: Option<PathBuf>,
    pub(crate) addons: Vec<PathBuf>,
    pub(crate) server: Kind,
    /// How many consoles run side by side; each is a process of this program.
    pub(crate) servers: Option<usize>,
    /// The server's id in the addon's file; with several servers the beginning of each.
    pub(crate) id: Option<String>,
    /// Which of several servers this is, from 1.
    pub(crate) number: usize,
    /// The host prints no lines of its own at the start.
    pub(crate) quiet: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) unload: Unload,
    pub(crate) color: Color,
    pub(crate) game_lua: Option<PathBuf>,
    pub(crate) seed: u32,
    pub(crate) prompt: bool,
    pub(crate) watch: bool,
    pub(crate) configured: bool,
    pub(crate) script: Option<PathBuf>,
    pub(crate) arguments: Vec<OsString>,
}

impl Options {
    /// Whether it is used interactively, not by a test: then errors do not end it, and there is no timeout.
    pub(crate) fn is_tool(&self) -> bool {
        self.prompt || self.watch
    }
}

impl Options {
    /// The command line of one of several servers, without its folder.
    pub(crate) fn for_one(&self, index: u32) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = vec!["--prompt".into(), "--quiet".into()];
        let mut option = |name: &str, value: OsString| arguments.extend([name.into(), value]);
        option("--tick-rate", self.tick_interval.as_secs_f64().recip().to_string().into());
        option("--seed", self.seed.wrapping_add(index).to_string().into());
        option("--number", (index + 1).to_string().into());
        if let Some(timeout) = self.timeout {
            option("--timeout", timeout.as_secs_f64().to_string().into());
        }
        for (name, file) in [("--module", &self.module), ("--game-lua", &self.game_lua)] {
            if let Some(file) = file {
                option(name, file.into());
            }
        }
        for addon in &self.addons {
            option("--addon", addon.into());
        }
        let unload = match self.unload {
            Unload::Never => "never",
            Unload::BeforeLuaClose => "before",
            Unload::AfterLuaClose => "after",
        };
        option("--unload", unload.into());
        if self.hibernate {
            arguments.push("--hibernate".into());
        }
        arguments
    }
}

pub(crate) enum Request {
    Help,
    Run(Box<Options>),
}

/// Reads the command line, without the program's name.
///
/// # Errors
///
/// An unknown option, or a missing or impossible value.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Request, lexopt::Error> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let mut options = Options {
        tick_interval: Duration::from_secs_f64(DEFAULT_TICK_RATE.recip()),
        hibernate: false,
        module: None,
        game: None,
        addons: Vec::new(),
        server: Kind::Fake,
        servers: None,
        id: None,
        number: 1,
        quiet: false,
        timeout: None,
        unload: Unload::Never,
        color: Color::Auto,
        game_lua: env::var_os(GAME_LUA).filter(|folder| !folder.is_empty()).map(PathBuf::from),
        seed: 0,
        prompt: false,
        watch: false,
        configured: false,
        script: None,
        arguments: Vec::new(),
    };
    let mut seed = None;
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Request::Help),
            Long("tick-rate") => {
                options.tick_interval =
                    positive(&mut parser, "--tick-rate", |hertz| Duration::try_from_secs_f64(hertz.recip()))?;
            }
            Long("timeout") => {
                options.timeout = Some(positive(&mut parser, "--timeout", Duration::try_from_secs_f64)?);
            }
            Long("seed") => seed = Some(parse_seed("--seed", &parser.value()?)?),
            Long("hibernate") => options.hibernate = true,
            Long("prompt") => options.prompt = true,
            Long("watch") => options.watch = true,
            Long("configured") => options.configured = true,
            Long("module") => options.module = Some(PathBuf::from(parser.value()?)),
            Long("game") => options.game = Some(PathBuf::from(parser.value()?)),
            Long("game-lua") => options.game_lua = Some(PathBuf::from(parser.value()?)),
            Long("addon") => options.addons.push(PathBuf::from(parser.value()?)),
            Long("server") => {
                let kinds = [("fake", Kind::Fake), ("real", Kind::Real), ("postgres", Kind::Postgres)];
                options.server = one_of(&mut parser, "--server", &kinds)?;
            }
            Long("servers") => options.servers = Some(count(&mut parser, "--servers", 2..=several::MOST)?),
            Long("number") => options.number = count(&mut parser, "--number", 1..=several::MOST)?,
            Long("id") => options.id = Some(id(&mut parser)?),
            Long("quiet") => options.quiet = true,
            Long("unload") => {
                let times = [
                    ("never", Unload::Never),
                    ("before", Unload::BeforeLuaClose),
                    ("after", Unload::AfterLuaClose),
                ];
                options.unload = one_of(&mut parser, "--unload", &times)?;
            }
            Long("color") => {
                let choices = [("auto", Color::Auto), ("always", Color::Always), ("never", Color::Never)];
                options.color = one_of(&mut parser, "--color", &choices)?;
            }
            Value(script) => {
                options.script = Some(PathBuf::from(script));
                // Everything after the script belongs to the script, options included.
                options.arguments = parser.raw_args()?.collect();
                break;
            }
            _ => return Err(argument.unexpected()),
        }
    }
    options.seed = match (seed, env::var_os(SEED)) {
        (Some(seed), _) => seed,
        (None, Some(text)) => parse_seed(SEED, &text)?,
        (None, None) => random_seed(),
    };
    if options.servers.is_some() && options.script.is_some() {
        return Err("--servers gives consoles side by side; a script runs in one server".into());
    }
    options.prompt |= options.script.is_none();
    options.watch |= options.prompt;
    options.configured |= options.is_tool() && options.game.is_none();
    if !options.is_tool() {
        options.timeout.get_or_insert(DEFAULT_TIMEOUT);
    }
    Ok(Request::Run(Box::new(options)))
}

fn count(
    parser: &mut lexopt::Parser,
    option: &str,
    range: RangeInclusive<usize>,
) -> Result<usize, lexopt::Error> {
    let text = parser.value()?.string()?;
    let number = text.parse().ok().filter(|number| range.contains(number));
    let (least, most) = range.into_inner();
    number.ok_or_else(|| format!("{option} takes a number from {least} to {most}, not '{text}'").into())
}

/// An id that the addon accepts.
fn id(parser: &mut lexopt::Parser) -> Result<String, lexopt::Error> {
    // With --servers a hyphen and one digit follow.
    const LONGEST: usize = 64 - 2;
    let id = parser.value()?.string()?;
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if (1..=LONGEST).contains(&id.len()) && id.bytes().all(is_allowed) {
        return Ok(id);
    }
    Err(format!("--id takes 1 to {LONGEST} letters, digits, _ . and -, not '{id}'").into())
}

fn parse_seed(name: &str, text: &OsStr) -> Result<u32, lexopt::Error> {
    let seed = text.to_str().and_then(|text| text.parse().ok());
    seed.ok_or_else(|| format!("{name} takes a whole number from 0 to {}, not {text:?}", u32::MAX).into())
}

/// The standard library seeds its hash maps at random, which is enough here.
#[expect(clippy::cast_possible_truncation, reason = "any 32 bits do")]
fn random_seed() -> u32 {
    RandomState::new().build_hasher().finish() as u32
}

fn one_of<T: Copy>(
    parser: &mut lexopt::Parser,
    option: &str,
    choices: &[(&str, T)],
) -> Result<T, lexopt::Error> {
    let word = parser.value()?.string()?;
    let found = choices.iter().find(|(name, _)| *name == word);
    found.map(|(_, choice)| *choice).ok_or_else(|| {
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        format!("{option} takes {}, not '{word}'", names.join(" or ")).into()
    })
}

fn positive<E>(
    parser: &mut lexopt::Parser,
    option: &str,
    convert: impl FnOnce(f64) -> Result<Duration, E>,
) -> Result<Duration, lexopt::Error> {
    let text = parser.value()?.string()?;
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number > 0.0);
    number
        .and_then(|number| convert(number).ok())
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| format!("{option} takes a number above 0, not '{text}'").into())
}
