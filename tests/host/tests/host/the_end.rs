//! The realtime module's output when its Lua state ends.

use crate::support::Script;

#[test]
fn errors_that_were_not_reported_are_counted_out_at_the_end() {
    Script::new(
        r#"
        require("realtime")
        host.expect_errors(5)
        local client, calls = realtime.Connect(host.redis_url), 0
        client:Subscribe("chat", function() calls = calls + 1 error("boom") end)
        host.run(function()
            for n = 1, 300 do client:Publish("chat", n) end
            host.wait(function() return calls == 300 end, 10, "the messages")
            host.exit()
        end)
        "#,
    )
    .run()
    .code(0)
    .stderr("[realtime] 295 more errors in callbacks within ")
    .stderr("s: script.lua:5: boom");
}
