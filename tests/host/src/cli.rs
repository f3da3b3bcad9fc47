//! The command line.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use lexopt::prelude::*;

const DEFAULT_TICK_RATE: f64 = 66.0;
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) const USAGE: &str = "\
Usage: gmod-host [OPTIONS] SCRIPT.lua [ARGS…]

Runs a script as a Garry's Mod server would, without the game: LuaJIT with the game's globals, `require` for binary
modules, and a tick loop. The script ends the run with host.exit(code).

Options:
  --tick-rate HZ      ticks a second (default 66)
  --hibernate         start as an empty server: only timers made by timer.Create(id, 0, 0, fn) run
  --module FILE       what require(\"realtime\") loads, instead of the module built with this program
  --addon FOLDER      an addon: its lua/autorun runs before the script, its lua/ is where include and require look
  --server KIND       what host.redis_url starts if REDIS_URL is not set: \"fake\", the embedded server (default), or
                      \"real\", a redis-server: REDIS_SERVER in the environment, or the PATH's
  --timeout SECONDS   give up after that long (default 60), with exit code 124
  --unload WHEN       at the end of a Lua state, unload the modules \"before\" lua_close or \"after\" it (default: \"never\")
  -h, --help          this text

Exit codes: the script's own; 1 after a Lua error that was not expected; 64 for a bad command line; 124 at the timeout.

The language is plain LuaJIT: of what the game adds to it, `continue`, `!=`, `!`, `&&`, `||` and `//` are not there.
";

/// When a module's library is unloaded at the end of a Lua state. The game's own order differs from host to host.
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
}

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) tick_interval: Duration,
    pub(crate) hibernate: bool,
    pub(crate) module: Option<PathBuf>,
    pub(crate) addons: Vec<PathBuf>,
    pub(crate) server: Kind,
    pub(crate) timeout: Duration,
    pub(crate) unload: Unload,
    pub(crate) script: PathBuf,
    pub(crate) arguments: Vec<OsString>,
}

pub(crate) enum Request {
    Help,
    Run(Options),
}

/// Reads the command line, without the program's name.
///
/// # Errors
///
/// An unknown option, a missing or impossible value, or no script.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Request, lexopt::Error> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let mut tick_interval = Duration::from_secs_f64(DEFAULT_TICK_RATE.recip());
    let mut timeout = DEFAULT_TIMEOUT;
    let mut unload = Unload::Never;
    let mut hibernate = false;
    let mut module = None;
    let mut addons = Vec::new();
    let mut server = Kind::Fake;
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Request::Help),
            Long("tick-rate") => {
                tick_interval =
                    positive(&mut parser, "--tick-rate", |hertz| Duration::try_from_secs_f64(hertz.recip()))?;
            }
            Long("timeout") => timeout = positive(&mut parser, "--timeout", Duration::try_from_secs_f64)?,
            Long("hibernate") => hibernate = true,
            Long("module") => module = Some(PathBuf::from(parser.value()?)),
            Long("addon") => addons.push(PathBuf::from(parser.value()?)),
            Long("server") => {
                server = match parser.value()?.string()?.as_str() {
                    "fake" => Kind::Fake,
                    "real" => Kind::Real,
                    other => return Err(format!("--server takes fake or real, not '{other}'").into()),
                }
            }
            Long("unload") => {
                unload = match parser.value()?.string()?.as_str() {
                    "never" => Unload::Never,
                    "before" => Unload::BeforeLuaClose,
                    "after" => Unload::AfterLuaClose,
                    other => {
                        return Err(format!("--unload takes never, before or after, not '{other}'").into());
                    }
                }
            }
            Value(script) => {
                // What follows the script is the script's, options included.
                let arguments = parser.raw_args()?.collect();
                let script = PathBuf::from(script);
                return Ok(Request::Run(Options {
                    tick_interval,
                    hibernate,
                    module,
                    addons,
                    server,
                    timeout,
                    unload,
                    script,
                    arguments,
                }));
            }
            _ => return Err(argument.unexpected()),
        }
    }
    Err("no script was given".into())
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
