//! The addon where its suites cannot look: in a process that has never loaded the module.

use std::path::Path;

use crate::support::Script;

#[test]
fn a_module_that_does_not_load_is_told_with_the_games_words() {
    let addon = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lua");
    Script::new(
        r#"
        local function said(text)
            local console = table.concat(host.console(), "\n")
            assert(console:find(text, 1, true), console)
        end
        said("the game cannot load garrysmod/lua/bin/gmsv_realtime_linux64.dll")
        said("Couldn't load module library!")
        said("This server runs on 64-bit Linux. In that folder there is now: gmsv_bare_linux64.dll, ")
        said("Take the file gmsv_realtime_linux64.dll of the release anew")
        local result, message = include("realtime/load.lua")
        assert(result == nil and message:find("Couldn't load module library!", 1, true), message)
        assert(realtime == nil)
        host.exit()
        "#,
    )
    .module(file!())
    .options(&["--addon", &addon.to_string_lossy()])
    .run()
    .code(0);
}
