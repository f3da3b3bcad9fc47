//! The reference is complete: it has each function, option, figure, event and error code, and no others.
//!
//! The annotations list everything, and a Lua suite compares them with the module (`annotations_once.lua`); the codes
//! are those of `src/model/error.rs`.
#![expect(clippy::expect_used, reason = "a test that cannot set itself up fails")]

use std::{collections::BTreeSet, fs, path::Path};

use libtest_mimic::Failed;

use crate::markdown;

/// The reference of the module.
const API: &[&str] =
    &["docs/api.md", "docs/connecting.md", "docs/messages.md", "docs/commands.md", "docs/events.md"];

/// Where the functions of a class are described.
const PAGES: &[(&str, &str)] = &[
    ("realtime", "docs/api.md"),
    ("RealtimeClient", "docs/api.md"),
    ("RealtimeTables", "docs/addon.md"),
    ("RealtimeRequests", "docs/requests.md"),
    ("RealtimePresence", "docs/presence.md"),
    ("RealtimeShared", "docs/shared.md"),
    ("RealtimeDurable", "docs/durable.md"),
    ("RealtimePlayers", "docs/players.md"),
    ("RealtimeProfiles", "docs/profiles.md"),
];

/// Functions of `realtime` from the addon, by page. The others are the module's.
const ADDON: &[(&str, &[&str])] = &[
    ("docs/addon.md", &["Default", "ServerId", "Encode", "Decode", "Tables"]),
    ("docs/requests.md", &["Requests"]),
    ("docs/presence.md", &["Presence"]),
    ("docs/shared.md", &["Shared"]),
    ("docs/durable.md", &["Durable"]),
    ("docs/players.md", &["Players"]),
    ("docs/profiles.md", &["Profiles"]),
    ("docs/time.md", &["After", "Every", "StopTimer", "Async", "Await", "Sleep", "Time", "Once"]),
    ("docs/check.md", &["Check"]),
];

/// The addon's own codes are on its page.
const NO_CODE: &[&str] = &["WRONGPASS", "NOAUTH", "NOPERM", "CROSSSLOT", "MOVED"];

type Names = BTreeSet<String>;

pub(crate) fn is_whole(root: &Path) -> Result<(), Failed> {
    let read = |file: &str| fs::read_to_string(root.join(file)).expect("a file of the repository");
    let annotations = read("lua/annotations/realtime.lua");
    let api = API.iter().map(|page| read(page)).collect::<Vec<_>>().join("\n");
    let mut wrong = Vec::new();
    for (class, name) in functions(&annotations) {
        let of_the_addon = ADDON.iter().find(|(_, names)| class == "realtime" && names.contains(&&*name));
        let of_its_class = PAGES.iter().find(|(known, _)| *known == class).map(|(_, page)| *page);
        let page = match of_the_addon.map(|(page, _)| *page).or(of_its_class) {
            Some("docs/api.md") => api.clone(),
            Some(page) => read(page),
            None => return Err(format!("no page is named for {class}").into()),
        };
        let call = if class == "realtime" { format!("realtime.{name}(") } else { format!(":{name}(") };
        if !page.contains(&call) {
            wrong.push(format!("{class}: {call}…) is not described"));
        }
    }
    let options: Names = ["host", "port", "path", "username", "password", "db"].map(str::to_owned).into();
    let listed = keys(section(&api, "## Options"));
    compare(
        "options",
        &listed.union(&options).cloned().collect(),
        &fields(&annotations, "RealtimeOptions"),
        &mut wrong,
    );
    compare("figures", &keys(section(&api, "## Stats")), &fields(&annotations, "RealtimeStats"), &mut wrong);
    compare("events", &keys(section(&api, "## Events")), &events(&annotations), &mut wrong);
    let ours: Names = quoted_capitals(&read("src/model/error.rs")).collect();
    let others = NO_CODE.iter().map(|&code| code.to_owned());
    compare(
        "codes",
        &keys(section(&api, "## Errors")),
        &ours.into_iter().chain(others).collect(),
        &mut wrong,
    );
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

fn compare(what: &str, told: &Names, there: &Names, wrong: &mut Vec<String>) {
    let difference = |a: &Names, b: &Names| a.difference(b).cloned().collect::<Vec<_>>().join(", ");
    if told != there || there.is_empty() {
        wrong.push(format!(
            "{what}: missing {:?}, invented {:?}",
            difference(there, told),
            difference(told, there)
        ));
    }
}

fn functions(annotations: &str) -> Vec<(String, String)> {
    let lines = annotations.lines().filter_map(|line| line.strip_prefix("function ")?.split_once('('));
    let names = lines.filter_map(|(name, _)| name.split_once(['.', ':']));
    names.map(|(class, name)| (class.to_owned(), name.to_owned())).collect()
}

fn fields(annotations: &str, class: &str) -> Names {
    let behind = annotations.lines().skip_while(|line| *line != format!("---@class {class}")).skip(1);
    let lines = behind.map_while(|line| line.strip_prefix("---@field "));
    lines.filter_map(|line| line.split([' ', '?']).next()).map(str::to_owned).collect()
}

fn events(annotations: &str) -> Names {
    let line =
        annotations.lines().find(|line| line.starts_with("---@param event \"ready\"")).unwrap_or_default();
    line.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// A page's text below a heading of the second level.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let (_, behind) = page.split_once(&format!("\n{heading}\n")).expect("the heading");
    behind.split("\n## ").next().unwrap_or(behind)
}

/// The code in the first cells of a section's tables.
fn keys(section: &str) -> Names {
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let cells = rows.filter_map(|row| row.split_once(" | ")).map(|(cell, _)| format!("`{cell}"));
    cells
        .flat_map(|cell| markdown::inline_code(&cell).into_iter().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

fn quoted_capitals(source: &str) -> impl Iterator<Item = String> {
    let quoted = source.lines().filter_map(|line| line.trim().strip_suffix("\",")?.split_once("=> \""));
    quoted.map(|(_, code)| code.to_owned()).filter(|code| code.chars().all(|c| c.is_ascii_uppercase()))
}
