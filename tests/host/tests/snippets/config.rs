//! Blocks of `json`: the addon accepts the configuration, an editor's settings name existing files.

use std::path::Path;

use libtest_mimic::Failed;

use crate::{fresh_folder, host, markdown::Block, servers::exists};

/// The configuration is written as an owner would, with the test's server in place of the address.
const LOADS: &str = r#"
local CONFIG = [==[{config}]==]
if host.map_number == 1 then
	host.put("data/realtime.json", (CONFIG:gsub("10%.0%.0%.5:6379", (host.redis_url:match("[%d.]+:%d+")))))
	return host.next_map()
end
local realtime = include("realtime/load.lua")
local id, named = realtime.ServerId()
assert(id == "ttt-1" and named, id)
local client = realtime.Default()
if CONFIG:find("rediss://", 1, true) and not realtime.FEATURES.tls then
	assert(not client and table.concat(host.console(), "\n"):find("-full.zip", 1, true))
else
	assert(client)
end
host.run(function() host.exit(0) end)
"#;

pub(crate) fn is_taken(root: &Path, name: &str, block: &Block) -> Result<(), Failed> {
    if block.code.contains("\"workspace.library\"") {
        // As installed: garrysmod/addons/realtime is the folder lua/.
        let folder = block.code.split('"').nth(3).unwrap_or_default();
        let inside = folder.strip_prefix("addons/realtime/").ok_or("another addon's folder")?;
        return exists(root, &format!("lua/{inside}"));
    }
    if !block.code.contains("\"url\"") {
        return Err("what is this for?".into());
    }
    let folder = fresh_folder(&format!("{name}-{}", block.line))?;
    host(root, &folder, "config.lua", &LOADS.replace("{config}", &block.code), true, &[], &[])
}
