//! The examples for networks stay as short as the pages say.

use std::{fs, path::Path};

use libtest_mimic::Failed;

/// How many lines of code each may have, without comments and empty lines.
const MOST: &[(&str, usize)] = &[
    ("shared_bans", 29),
    ("purchases", 19),
    ("donations", 20),
    ("network_chat", 50),
    ("no_multirun", 50),
    ("wallet", 50),
    ("wallet_donations", 50),
    ("shop", 50),
    ("inventory", 50),
    ("handoff", 50),
    ("hub_queue", 51),
];

pub(crate) fn are_short(root: &Path) -> Result<(), Failed> {
    let mut long = Vec::new();
    for (name, most) in MOST {
        let source = fs::read_to_string(root.join("lua/examples").join(name).with_extension("lua"))?;
        let is_code = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with("--");
        let lines = source.lines().filter(is_code).count();
        if lines > *most {
            long.push(format!("lua/examples/{name}.lua has {lines} lines of code; {most} are promised"));
        }
    }
    if long.is_empty() { Ok(()) } else { Err(long.join("\n").into()) }
}
