//! The game's globals, in Lua.

use std::ffi::CStr;

/// The prefix of the prelude's chunk names, as a traceback shows them.
pub(crate) const PREFIX: &str = "host/";
/// The function of the prelude through which the engine calls an addon's functions.
pub(crate) const PROTECTED: &str = "protected";

macro_rules! prelude {
    ($($name:literal),* $(,)?) => {
        /// The chunks in the order in which they run, each with the table of natives as its argument.
        pub(crate) const PRELUDE: &[(&CStr, &str)] = &[$((
            match CStr::from_bytes_with_nul(concat!("=host/", $name, "\0").as_bytes()) {
                Ok(name) => name,
                Err(_) => panic!("a file name has no NUL byte"),
            },
            include_str!(concat!("../glua/", $name)),
        )),*];
    };
}

prelude!(
    "console.lua",
    "types.lua",
    "entity.lua",
    "string.lua",
    "table.lua",
    "math.lua",
    "json.lua",
    "hook.lua",
    "timer.lua",
    "files.lua",
    "file_handle.lua",
    "console_commands.lua",
    "prompt.lua",
    "engine.lua",
    "http.lua",
    "sql.lua",
    "host.lua",
    "servers.lua",
    "tests.lua",
    "world/steam.lua",
    "world/later.lua",
    "world/network_vars.lua",
    "world/ents.lua",
    "world/player.lua",
    "world/team.lua",
    "world/join.lua",
    "world/net.lua",
    "world/client.lua",
    "world/commands.lua",
    "game_lua.lua",
    "names/functions.lua",
    "names/methods.lua",
    "names/constants.lua",
    "lacking.lua",
);
