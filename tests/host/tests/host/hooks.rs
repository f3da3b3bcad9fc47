//! Hooks, as in the game.

use std::collections::HashSet;

use crate::support::Script;

#[test]
fn the_first_answer_or_error_ends_a_round() {
    Script::new(
        r#"
        local ran = 0
        for i = 1, 20 do hook.Add("Ask", "hook " .. i, function(x) ran = ran + 1 return x, i end) end
        local x, which = hook.Run("Ask", 7)
        assert(x == 7 and ran == 1)
        assert(hook.Run("Ask") == nil and ran == 21, "nil is no answer")
        hook.Remove("Ask", "hook " .. which)
        local _, other = hook.Run("Ask", 7)
        assert(other ~= which and hook.Run("Nobody") == nil)

        local removed = 0
        for i = 1, 20 do hook.Add("Cut", "hook " .. i, function()
            removed = removed + 1
            for j = 1, 20 do if i ~= j then hook.Remove("Cut", "hook " .. j) end end
        end) end
        hook.Run("Cut")
        assert(removed == 1, "one that is removed in the round does not run in it")

        local named = { IsValid = function(self) return self.valid end, valid = true }
        local got = {}
        hook.Add("Object", named, function(...) got = { ... } end)
        hook.Run("Object", 5)
        assert(got[1] == named and got[2] == 5)
        named.valid = false
        hook.Run("Object", 6)
        assert(got[2] == 5 and hook.GetTable().Object[named] == nil)

        -- An error goes to who runs the hooks: for the engine's own, to the console, and the round is over.
        host.expect_errors(2)
        hook.Add("Raise", "a", function() error("raised") end)
        assert(not pcall(hook.Run, "Raise"))
        local thinks = 0
        hook.Add("Think", "a", function() thinks = thinks + 1 if thinks <= 2 then error("in think") end end)
        host.run(function()
            host.pass(4)
            assert(thinks == 5)
            host.exit()
        end)
        "#,
    )
    .run()
    .code(0);
}

const PRINTS_ITS_ORDER: &str = r#"
    local order = {}
    for i = 1, 8 do hook.Add("Order", "hook " .. i, function() order[#order + 1] = i end) end
    hook.Run("Order")
    local first = table.concat(order, " ")
    order = {}
    hook.Run("Order")
    assert(table.concat(order, " ") == first)
    print("seed " .. host.seed .. " order " .. first)
    host.exit()
"#;

/// An addon must not rely on whether a module came first or last, because that differs between servers.
#[test]
fn their_order_is_arbitrary_and_can_be_repeated() {
    let order = |seed: u32| {
        let outcome = Script::new(PRINTS_ITS_ORDER).options(&["--seed", &seed.to_string()]).run();
        let printed = outcome.code(0).stdout_text().trim().to_owned();
        let (_, order) = printed.split_once(" order ").expect("what the script prints");
        order.to_owned()
    };
    let orders: HashSet<String> = (0..8).map(order).collect();
    assert!(orders.len() >= 7, "{orders:?}");
    assert!(!orders.contains("1 2 3 4 5 6 7 8"), "{orders:?}");
    assert_eq!(order(5), order(5));
}

#[test]
fn the_seed_comes_from_the_environment_or_is_told_when_a_run_fails() {
    let failing =
        Script::new("assert(host.seed == 77) error('on purpose')").env("GMOD_HOST_SEED", "77").run();
    failing.code(1).stderr("hooks ran in the order of seed 77; --seed 77 repeats it");
    let wins = Script::new("assert(host.seed == 5) host.exit()").env("GMOD_HOST_SEED", "77");
    wins.options(&["--seed", "5"]).run().code(0).no_stderr("seed");
    for wrong in ["", "x", "-1", "4294967296"] {
        let outcome = Script::new("host.exit()").env("GMOD_HOST_SEED", wrong).run();
        outcome.code(64).stderr("GMOD_HOST_SEED takes a whole number from 0 to 4294967295");
    }
}

#[test]
fn wrong_names_are_reported_and_not_added() {
    Script::new(
        r#"
        local function nothing() end
        local function count()
            local hooks = 0
            for _, list in pairs(hook.GetTable()) do hooks = hooks + table.Count(list) end
            return hooks
        end
        local before = count()
        host.expect_errors(10)
        hook.Add("Wrong", nil, nothing)
        hook.Add("Wrong", 5, nothing)
        hook.Add("Wrong", true, nothing)
        hook.Add("Wrong", nothing, nothing)
        hook.Add("Wrong", {}, nothing)
        hook.Add("Wrong", "name", "no function")
        hook.Add(nil, "name", nothing)
        hook.Add(5, "name", nothing)
        hook.Remove(nil, "name")
        hook.Remove("Wrong", 5)
        assert(count() == before, "something was added")
        local said = host.errors()
        assert(#said == 10)
        assert(said[1] == "bad argument #2 to 'Add' (string expected, got nil)", said[1])
        assert(said[4] == "bad argument #2 to 'Add' (string expected, got function)", said[4])
        assert(said[6] == "bad argument #3 to 'Add' (function expected, got string)", said[6])
        assert(said[8] == "bad argument #1 to 'Add' (string expected, got number)", said[8])
        assert(said[10] == "bad argument #2 to 'Remove' (string expected, got number)", said[10])
        assert(not pcall(hook.Remove, "Wrong", nil))
        host.exit()
        "#,
    )
    .run()
    .code(0);
}

#[test]
fn the_table_is_the_very_one() {
    Script::new(
        r#"
        local ran = {}
        hook.Add("Live", "a", function() ran.a = true end)
        local live = hook.GetTable()
        assert(live == hook.GetTable())
        live.Live.b = function() ran.b = true end
        live.Made = { c = function() return "made" end }
        hook.Run("Live")
        assert(ran.a and ran.b and hook.Run("Made") == "made")
        ran = {}
        live.Live.a = nil
        hook.Run("Live")
        assert(ran.b and not ran.a)
        host.exit()
        "#,
    )
    .run()
    .code(0);
}

#[test]
fn run_remembers_the_gamemode_that_it_found() {
    Script::new(
        r#"
        assert(hook.Run("Ask") == nil)
        GAMEMODE = { Ask = function(self, x) return self.name .. (x or "") end, name = "first" }
        assert(hook.Run("Ask", 1) == "first1")
        GAMEMODE = { Ask = function(self) return self.name end, name = "second" }
        assert(hook.Run("Ask") == "first" and hook.Call("Ask", GAMEMODE) == "second")
        hook.Add("Ask", "a", function() return "hook" end)
        assert(hook.Run("Ask") == "hook")
        host.exit()
        "#,
    )
    .run()
    .code(0);
}
