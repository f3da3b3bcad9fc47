//! A stand-in for a Garry's Mod server.
//!
//! It loads binary modules into LuaJIT like the game, gives scripts the game's globals, and ticks. Tests run in it,
//! and so can an addon author's script:
//!
//! ```sh
//! cargo run -q -p gmod-host -- my_script.lua
//! ```
//!
//! The script ends the run with `host.exit(code)`. Without a script it is a server's console. See the README beside
//! this crate for a tutorial and the `host` table, and `--help` for the options.
//!
//! # How it is built
//!
//! LuaJIT is built from source as the library that the game calls `lua_shared`. Each run has a folder laid out like
//! the game's; the program enters it, loads `lua_shared` by the path that modules use, and so shares one LuaJIT with
//! them. The parts that the game has in C++ are in `src/`, as few as possible; the globals are Lua files in `glua/`,
//! which reach the program through one table of native functions. All `unsafe` is in `ffi`.
#![deny(unsafe_code)]

mod cli;
mod comments;
mod configured;
mod ffi;
mod folder;
mod http;
mod natives;
mod prelude;
mod printer;
mod process;
mod prompt;
mod publisher;
mod run;
mod screen;
mod server;
mod servers;
mod several;
mod sql;
mod tool;
mod value;
mod watch;
mod watchdog;

use std::{
    env, io,
    path::{self, Path, PathBuf},
    process::ExitCode,
};

use cli::{Options, Request};
use folder::GameFolder;
use run::{EXIT_FAILED, EXIT_USAGE, Run};
use watchdog::Watchdog;

/// Built by build.rs.
const LUA_SHARED: &str = env!("GMOD_HOST_LUA_SHARED");
/// The baseline of benches; built by build.rs, too, on Unix.
const BARE: Option<&str> = option_env!("GMOD_HOST_BARE");

/// The value of `--module` for a server that lacks it.
const NO_MODULE: &str = "none";

/// Why a run did not begin.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("the module {0} does not exist")]
    NoModule(PathBuf),
    #[error("the addon {0} cannot be used: {1}")]
    Addon(PathBuf, io::Error),
    #[error("{0} has no lua/includes/init.lua of the game: {1}")]
    GameLua(PathBuf, io::Error),
    #[error("cannot lay out the game's folder: {0}")]
    Folder(io::Error),
    #[error("cannot enter the game's folder: {0}")]
    Enter(io::Error),
    #[error("cannot load LuaJIT: {0}")]
    LuaShared(#[from] libloading::Error),
    #[error("--id {id}: {file} has {found}; change the file, or leave the option out", file = .file.display())]
    OtherId { file: PathBuf, id: String, found: String },
    #[error("cannot start the watchdog: {0}")]
    Watchdog(io::Error),
    #[error("{0}")]
    Server(String),
    #[error("cannot edit lines on this terminal ({0}); with \"gmod-host | cat\" it takes plain ones")]
    Terminal(#[from] rustyline::error::ReadlineError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

fn main() -> ExitCode {
    ffi::restore_sigpipe();
    let code = match cli::parse(env::args_os().skip(1)) {
        Ok(Request::Help) => {
            print!("{}", cli::USAGE);
            0
        }
        Ok(Request::Run(options)) => {
            let ended = match options.servers {
                Some(count) => several::serve(&options, count),
                None => start(*options),
            };
            ended.unwrap_or_else(|error| {
                eprintln!("gmod-host: {error}");
                EXIT_FAILED
            })
        }
        Err(error) => {
            eprintln!("gmod-host: {error}\n\n{}", cli::USAGE);
            EXIT_USAGE
        }
    };
    // As a shell sees it: the low byte.
    ExitCode::from(code.to_le_bytes()[0])
}

fn start(options: Options) -> Result<i32, StartError> {
    let start_folder = env::current_dir()?;
    let module = module_file(&options)?;
    let mut modules: Vec<_> = BARE.map(|file| ("bare", Path::new(file))).into_iter().collect();
    modules.extend(module.as_deref().map(|file| ("realtime", file)));
    let lua_shared = Path::new(LUA_SHARED);
    let folder = match &options.game {
        Some(server) => GameFolder::around(server, lua_shared, &modules),
        None => GameFolder::create(lua_shared, &modules),
    };
    let mut folder = folder.map_err(StartError::Folder)?;
    if let Some(garrysmod) = &options.game_lua {
        folder.add_game_lua(garrysmod).map_err(|error| StartError::GameLua(garrysmod.clone(), error))?;
    }
    for addon in &options.addons {
        folder.install_addon(addon).map_err(|error| StartError::Addon(addon.clone(), error))?;
    }
    env::set_current_dir(folder.root()).map_err(StartError::Enter)?;
    // The file that modules name by its path from here. With its full path, debuggers find it, too.
    ffi::load_lua_shared(&folder.root().join(folder::LUA_SHARED))?;
    let watchdog = options.timeout.map(|timeout| Watchdog::start(timeout, folder.root().to_path_buf()));
    let watchdog = watchdog.transpose().map_err(StartError::Watchdog)?;
    let run = Run::new(options, folder, start_folder);
    for addon in &run.options.addons {
        if !run.start_folder.join(addon).join("lua").is_dir() {
            run.say(format_args!("the addon {} has no folder lua: no Lua of it runs", addon.display()));
        }
    }
    if let Some(id) = &run.options.id {
        configured::write_id(&run.folder.find(Path::new(configured::FILE)), id)?;
    }
    tool::configure(&run)?;
    let terminal = run.options.is_tool().then(|| tool::start(&run)).transpose()?;
    server::serve(&run);
    // Its lines are shown before the terminal is restored.
    let code = run.verdict();
    drop(terminal);
    drop(run);
    drop(watchdog);
    Ok(code)
}

/// The file behind `require("realtime")`, if there is one.
fn module_file(options: &Options) -> Result<Option<PathBuf>, StartError> {
    match &options.module {
        Some(file) if file == Path::new(NO_MODULE) => Ok(None),
        Some(file) if file.is_file() => Ok(Some(path::absolute(file)?)),
        Some(file) => Err(StartError::NoModule(file.clone())),
        None => Ok(Some(folder::built_module()?).filter(|file| file.is_file())),
    }
}
