//! The addon in a process that has never loaded the module, which its suites cannot test.

use std::path::Path;

use crate::{
    session::Folder,
    support::{Script, write},
};

#[test]
fn a_module_that_does_not_load_is_told_with_the_games_words() {
    // Only the header of a library.
    let header = "\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0\x01\0\0\0";
    let tables = format!("{}\x40{}\x40\0\x38\0\x01\0{}", "\0".repeat(8), "\0".repeat(19), "\0".repeat(6));
    let segment = "\0".repeat(56);
    let folder = Folder::new();
    write(&folder.join("module"), &format!("{header}{tables}{segment}"));
    let addon = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lua");
    Script::new(
        r#"
        local function said(text)
            local console = table.concat(host.console(), "\n")
            assert(console:find(text, 1, true), console)
        end
        said("the game cannot load garrysmod/lua/bin/gmsv_realtime_linux64.dll")
        said("Couldn't load module library!")
        said("The file is for 64-bit Linux; this server runs on 64-bit Linux.")
        said("Take gmsv_realtime_linux64.dll out of the release's zip again")
        local result, message = include("realtime/load.lua")
        assert(result == nil and message:find("Couldn't load module library!", 1, true), message)
        assert(realtime == nil)
        host.exit()
        "#,
    )
    .module(&folder.join("module").to_string_lossy())
    .options(&["--addon", &addon.to_string_lossy()])
    .run()
    .code(0);
}
