//! Commands for cargo, in blocks and in the text: packages, tests, benches, examples and scripts exist under the
//! names on the pages.
#![expect(clippy::expect_used, reason = "a test that cannot set itself up fails")]

use std::{fs, path::Path};

use libtest_mimic::Failed;

use crate::{blocks::is_followed, markdown};

/// Where cargo finds each kind of program.
const KINDS: &[(&str, &str)] = &[("--test", "tests"), ("--bench", "benches"), ("--example", "examples")];

/// Our aliases for cargo in `.cargo/config.toml`.
const ALIASES: &[&str] = &[
    "demo = \"run -q -p gmod-host -- lua/examples/demo.lua\"",
    "dist = \"run -q -p xtask -- dist\"",
    "xtask = \"run -q -p xtask --\"",
];

/// Placeholders.
const PLACEHOLDERS: &[&str] = &["NAME", "TARGET", "my_script.lua", "tests/lua/NAME.lua"];

pub(crate) fn commands_name_what_is_there(root: &Path) -> Result<(), Failed> {
    let packages = packages(root);
    let aliases = fs::read_to_string(root.join(".cargo/config.toml"))?;
    if let Some(missing) = ALIASES.iter().find(|alias| !aliases.contains(&format!("\n{alias}\n"))) {
        return Err(format!("there is no alias {missing}").into());
    }
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (name, text) in markdown::pages(root) {
        let shell = markdown::blocks(&text)
            .into_iter()
            .filter(|block| block.language == "sh" && !is_followed(&name, block));
        let prose = markdown::prose(&text);
        let inline = prose.lines().flat_map(markdown::inline_code).map(str::to_owned);
        let lines = shell.flat_map(|block| block.code.lines().map(str::to_owned).collect::<Vec<_>>());
        for command in lines.chain(inline).filter(|code| code.contains("cargo ")) {
            seen += 1;
            wrong.extend(
                missing(root, &packages, &command).map(|what| format!("{name}: {command}: no {what}")),
            );
        }
    }
    if seen < 40 {
        return Err(format!("only {seen} were found").into());
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

/// The packages of the workspace: names and folders.
fn packages(root: &Path) -> Vec<(String, String)> {
    let manifest =
        |folder: &str| fs::read_to_string(root.join(folder).join("Cargo.toml")).expect("a manifest");
    let workspace = manifest("");
    let members =
        workspace.split("members = [").nth(1).and_then(|rest| rest.split(']').next()).expect("members");
    let folders = members.split('"').skip(1).step_by(2).chain([""]);
    let name = |folder| {
        let text = manifest(folder);
        let name = text.split("[package]\nname = \"").nth(1).and_then(|rest| rest.split('"').next());
        (name.expect("a name").to_owned(), folder.to_owned())
    };
    folders.map(name).collect()
}

/// Names in a command that do not exist.
fn missing(root: &Path, packages: &[(String, String)], command: &str) -> Option<String> {
    let (_, behind) = command.split_once("cargo ")?;
    let words: Vec<&str> = behind.split_whitespace().take_while(|word| !word.starts_with('#')).collect();
    // The gate tests those of other workspaces and toolchains.
    if words.first().is_some_and(|word| word.starts_with('+')) {
        return None;
    }
    let value = |option: &str| -> Vec<&str> {
        words.windows(2).filter(|pair| pair[0] == option).map(|pair| pair[1]).collect()
    };
    let mut folders = Vec::new();
    for package in value("-p") {
        match packages.iter().find(|(name, _)| name == package) {
            Some((_, folder)) => folders.push(folder.clone()),
            None => return Some(format!("package {package}")),
        }
    }
    if folders.is_empty() {
        folders.push(String::new());
    }
    for (option, kind) in KINDS {
        for name in value(option).into_iter().filter(|name| !PLACEHOLDERS.contains(name)) {
            let is_there = |folder: &String| {
                let place = root.join(folder).join(kind);
                place.join(format!("{name}.rs")).exists() || place.join(name).join("main.rs").exists()
            };
            if !folders.iter().any(is_there) {
                return Some(format!("{kind} {name}"));
            }
        }
    }
    let scripts = words.iter().filter(|word| word.ends_with(".lua") && !PLACEHOLDERS.contains(word));
    scripts.copied().find(|script| !root.join(script).exists()).map(str::to_owned)
}

pub(crate) fn wrong_commands_are_found(root: &Path) -> Result<(), Failed> {
    let packages = packages(root);
    let good = "nice cargo test -p gmod-host --test snippets";
    if let Some(what) = missing(root, &packages, good) {
        return Err(format!("{good}: no {what}").into());
    }
    for bad in
        ["cargo test -p none", "cargo test --test none", "cargo run -q -p gmod-host -- tests/lua/none.lua"]
    {
        if missing(root, &packages, bad).is_none() {
            return Err(format!("it passes: {bad}").into());
        }
    }
    Ok(())
}
