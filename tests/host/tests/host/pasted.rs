//! Recipes of the cookbook and examples run unchanged: pasted into a file of `lua/autorun`, on a server where players
//! join, speak, play and leave. Any unexpected error ends the run with 1.
#![expect(clippy::expect_used, reason = "a test that cannot set itself up fails")]

use std::{fs, path::Path};

use crate::support::{Outcome, Script};

/// The first has the common start of every recipe.
const COOKBOOK: [&str; 5] = [
    include_str!("../../../../docs/cookbook.md"),
    include_str!("../../../../docs/cookbook-players.md"),
    include_str!("../../../../docs/cookbook-servers.md"),
    include_str!("../../../../docs/cookbook-redis.md"),
    include_str!("../../../../docs/cookbook-faults.md"),
];
/// The functions that the cookbook leaves to the reader.
const YOURS: &str = "
    BanDatabase = {
        ReadAll = function(fn) fn({}) end, Read = function(_, fn) fn() end, Write = function(_, _, fn) fn() end,
    }
    function AskSteam(fn) fn({ name = 'Alice' }) end ";
/// Appended to each of them.
const TO_ITS_END: &str = "\nprint('it ran to its end')\n";

const PLAY: &str = r#"
    -- A server of a network has an id, which the addon reads when a map begins: the file is for the second one.
    if host.map_number == 1 then
        host.put("data/realtime.json", '{ "id": "ttt-1" }')
        host.next_map()
        return
    end
    host.run(function()
        local client = realtime.Default()
        host.wait(function() return client:IsConnected() end, 10, "the connection")
        local alice, bob = host.players.add({ name = "Alice" }), host.players.add({ name = "Bob", validated = false })
        host.players.validate(bob)
        for _, line in ipairs({ "hello", "!servers", "!report Bob", "" }) do host.players.say(alice, line) end
        host.players.say(alice, "for my team", true)
        local gun, jeep = alice:Give("weapon_357"), ents.Create("prop_vehicle_jeep")
        hook.Run("PlayerSpawnedVehicle", alice, jeep)
        alice:EnterVehicle(jeep)
        alice:ExitVehicle()
        jeep:Remove()
        hook.Run("PlayerDeath", bob, gun, alice)
        bob:Kill()
        bob:Spawn()
        host.wait(function() return client:Stats().pending == 0 end, 10, "the answers")
        host.players.leave(bob)
        host.pass(10)
        host.wait(function() return client:Stats().pending == 0 end, 10, "the answers")
        host.exit()
    end)"#;

fn run(place: &str, lua: &str) -> Outcome {
    let addon = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lua");
    let file = format!("if host.map_number == 1 then return end {lua}");
    Script::new(PLAY)
        .addon_file(&format!("lua/autorun/{place}.lua"), &file)
        .options(&["--configured", "--addon", addon.to_str().expect("UTF-8")])
        .run()
}

#[test]
fn each_recipe_runs_as_it_stands() {
    let blocks = COOKBOOK.into_iter().flat_map(|page| page.split("\n```lua\n").skip(1));
    let recipes: Vec<&str> = blocks.map(|rest| rest.split("\n```").next().expect("a block")).collect();
    let (beginning, recipes) = recipes.split_first().expect("the beginning of every recipe");
    assert!(beginning.contains("realtime.Default()") && recipes.len() > 15, "{}", recipes.len());
    for recipe in recipes {
        let outcome = run("server/recipe", &format!("{YOURS}{beginning}\n{recipe}{TO_ITS_END}"));
        outcome.code(0).stdout("it ran to its end");
    }
}

#[test]
fn each_example_runs_as_it_stands() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lua/examples");
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("a folder") {
        let file = entry.expect("an entry").path();
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        // The demo is a script of the host itself: `cargo demo`.
        if file.extension().is_none_or(|extension| extension != "lua") || name == "demo" {
            continue;
        }
        let example = fs::read_to_string(&file).expect("an example");
        let outcome = run(&name, &(example + TO_ITS_END));
        // Its MySQL is another module.
        let said = if name == "database_bans" { "mysqloo is not installed" } else { "it ran to its end" };
        outcome.code(0).stdout(said);
        count += 1;
    }
    assert!(count > 8, "{count}");
}
