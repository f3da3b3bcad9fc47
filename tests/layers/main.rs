//! Checks which modules import which. Reads every path in every file under `src/`. Between rooms, test code included,
//! it fails on any edge that the table does not have; between files, on any cycle.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod cycles;
mod source;

use realtime::backend::OPERATIONS;
use std::fs;

use source::{Named, Token, modules, paths, root, tokens};

/// Each room, and its permitted imports beside itself, the standard library and thiserror.
const ROOMS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("crypto", &[]),
    ("json", &[]),
    ("backend", &["model", "resp", "postgres_protocol", "bytes"]),
    ("queue", &["model", "crossbeam_queue"]),
    ("net", &["backend", "queue", "crypto", "model", "mio", "crossbeam_queue", "rustls", "webpki_roots"]),
    ("dispatch", &["queue", "json", "model"]),
    ("lua", &["dispatch", "queue", "backend", "crypto", "json", "model", "gmod"]),
];

/// The backends, and the crates that each of them alone may import.
const BACKENDS: &[(&str, &[&str])] = &[("redis", &["resp"]), ("postgres", &["postgres_protocol", "bytes"])];

/// Permitted in every room.
const EVERYWHERE: &[&str] = &["thiserror"];

/// The crates that the module itself depends on. Test code may use more, and the compiler keeps that to tests.
fn dependencies() -> Vec<String> {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let section = manifest.split("\n[").find(|section| section.starts_with("dependencies]")).unwrap();
    let names =
        section.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(" = "));
    names.map(|(name, _)| name.replace('-', "_")).collect()
}

fn names_a_room(name: Option<&String>) -> bool {
    name.is_some_and(|name| ROOMS.iter().any(|(room, _)| room == name))
}

/// The forbidden imports in a source of `module` (its path from the crate's root).
fn violations(module: &[&str], source: &str, crates: &[String]) -> Vec<String> {
    let Some(&room) = module.first() else { return Vec::new() };
    let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
        return vec![format!("{room} is no room of the table")];
    };
    let backend = module
        .get(1)
        .filter(|_| room == "backend")
        .and_then(|name| BACKENDS.iter().find(|(it, _)| it == name));
    // The files of the room that put the backends together.
    let may_know_backends = module == ["backend"];
    let mut wrong = Vec::new();
    for Named { path, .. } in paths(&tokens(source, true)) {
        let supers = path.iter().take_while(|name| *name == "super").count();
        let inside = match path[0].as_str() {
            "crate" => &path[1..],
            // In a module inside of a file this reaches less far than it is taken for, and names no room.
            "super" if supers >= module.len() && names_a_room(path.get(supers)) => &path[supers..],
            name if crates.iter().any(|known| known == name) => {
                let is_anothers = BACKENDS
                    .iter()
                    .any(|row| row.1.contains(&name) && backend.is_none_or(|backend| backend.0 != row.0));
                if is_anothers || !allowed.contains(&name) && !EVERYWHERE.contains(&name) {
                    wrong.push(format!("{room} imports the crate {name}"));
                }
                continue;
            }
            _ => continue,
        };
        let Some(other) = inside.first().map(String::as_str) else { continue };
        if other != room && !allowed.contains(&other) {
            wrong.push(format!("{room} imports {}", path.join("::")));
        } else if other == "backend"
            && let Some(known) = inside.get(1).filter(|name| BACKENDS.iter().any(|(it, _)| it == name))
            && !may_know_backends
            && backend.is_none_or(|(ours, _)| ours != known)
        {
            wrong.push(format!("{room} knows a backend: {}", path.join("::")));
        }
    }
    wrong
}

#[test]
fn rooms_import_only_what_the_table_allows() {
    let crates = dependencies();
    assert!(crates.contains(&"mio".into()) && crates.contains(&"crossbeam_queue".into()), "{crates:?}");
    let mut wrong = Vec::new();
    for (module, source) in modules() {
        let path: Vec<&str> = module.iter().map(String::as_str).collect();
        let found = violations(&path, &source, &crates);
        wrong.extend(found.into_iter().map(|what| format!("{}: {what}", path.join("::"))));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_names_the_rooms_there_are() {
    let mut rooms: Vec<_> = fs::read_dir(root().join("src"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    let mut table: Vec<_> = ROOMS.iter().map(|(name, _)| (*name).to_owned()).collect();
    rooms.sort();
    table.sort();
    assert_eq!(rooms, table);
}

/// A folder that is missing here could import what it likes, and every room could import it.
#[test]
fn the_table_names_the_backends_there_are() {
    let mut folders: Vec<_> = fs::read_dir(root().join("src/backend"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir() && !path.ends_with("toolbox"))
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    let mut table: Vec<_> = BACKENDS.iter().map(|(name, _)| (*name).to_owned()).collect();
    folders.sort();
    table.sort();
    assert_eq!(folders, table);
}

#[test]
fn every_way_to_break_a_layer_is_seen() {
    let crates =
        ["mio", "gmod", "resp", "crossbeam_queue", "memchr", "thiserror", "bytes"].map(str::to_owned);
    let broken: &[(&[&str], &str)] = &[
        (&["model"], "use crate::queue::Producer;"),
        (&["model", "id"], "fn f() { crate::net::go(); }"),
        (&["crypto", "random"], "use crate::model::Code;"),
        (&["model", "id"], "use super::super::net::Spawner;"),
        (&["queue", "producer"], "use crate::{model::Event, backend::Session};"),
        (&["queue", "producer"], "use {std::io, mio};"),
        (&["dispatch"], "use crate::backend::Backend;"),
        (&["dispatch"], "#[cfg(test)] mod tests { use crate::net::Spawner; }"),
        (&["net", "link"], "type State = gmod::lua::State;"),
        (&["net", "link"], "use crate::backend::{Session, redis::Config};"),
        (&["lua"], "use crate::net;"),
        (&["lua"], "use crate::backend::redis::Config;"),
        (&["lua"], "let a = 'x'; let b = '\\''; let c: &'a str = r#\"\"#; mio::Poll::new()"),
        (&["backend", "redis", "session"], "use ::mio::Poll;"),
        (&["backend", "toolbox", "liveness"], "use resp::Frame;"),
        (&["backend", "toolbox", "liveness"], "use crate::backend::redis::Config;"),
        (&["backend", "postgres", "session"], "use crate::backend::redis::Config;"),
        (&["backend", "postgres", "session"], "use resp::Frame;"),
        (&["backend", "redis", "session"], "use bytes::BytesMut;"),
        (&["lua"], "use crate::backend::postgres::Config;"),
        (&["attic"], "use std::io;"),
    ];
    for (module, source) in broken {
        assert_eq!(violations(module, source, &crates).len(), 1, "{module:?}: {source}");
    }
    let fine: &[(&[&str], &str)] = &[
        (&["model", "id"], "use super::Error; use thiserror::Error as E; use std::net::IpAddr;"),
        (
            &["queue"],
            "// use crate::net::Spawner;\n/* mio::Poll /* */ gmod::lua */ const A: &str = \"mio::Poll\";",
        ),
        (&["queue"], "const A: &str = r##\"use \"# mio::Poll\"##;"),
        (&["net", "link"], "use crate::{backend::{Session, Start}, queue::*}; use mio::net::TcpStream;"),
        (&["net", "tests"], "mod deaf { use super::*; use super::super::resolve; }"),
        (&["lua"], "use crate::backend::SCHEMES; use crate::dispatch::Dispatcher as D; let resp = 1;"),
        (&["backend", "redis", "config"], "use super::super::OptionError; use crate::backend::redis::X;"),
        (&[], "pub use crate::net::Spawner; use gmod::lua;"),
    ];
    for (module, source) in fine {
        assert_eq!(violations(module, source, &crates), [""; 0], "{module:?}: {source}");
    }
}

/// The functions that scripts call. These words begin no sentence of ours.
fn methods() -> impl Iterator<Item = &'static str> + Clone {
    OPERATIONS.into_iter().chain(["Publish", "SPublish", "CommandSync"])
}

/// The texts of a source that name a Lua method. An operation in braces does not count, and neither does a text that
/// is only the name: the caller has its own words for both.
fn texts_for_lua(source: &str) -> Vec<String> {
    let tokens = tokens(source, false);
    let texts = tokens.iter().enumerate().filter_map(|(i, token)| match token {
        // A comment of the documentation is an attribute.
        Token::Text(_) if tokens[..i].ends_with(&[Token::Name("doc".into()), Token::Other('=')]) => None,
        Token::Text(text) => Some(text.trim_matches('"').to_owned()),
        _ => None,
    });
    let names_one = |text: &String| {
        let in_braces = |text: String, method| text.replace(&format!("{{{method}}}"), "");
        let plain = methods().fold(text.clone(), in_braces);
        let mut words = plain.split(|c: char| !c.is_alphanumeric());
        !methods().any(|method| method == text) && words.any(|word| methods().any(|method| method == word))
    };
    texts.filter(names_one).collect()
}

#[test]
fn backends_name_no_method_of_lua() {
    let seen = r#"/// Publish
        f("use Publish", "{Subscribe} or SPublish()", "use {Connect}", call("Transaction"))"#;
    assert_eq!(texts_for_lua(seen), ["use Publish", "{Subscribe} or SPublish()"]);
    let backends = modules().into_iter().filter(|(module, _)| module.len() > 1 && module[0] == "backend");
    let found = backends.flat_map(|(module, source)| {
        texts_for_lua(&source).into_iter().map(move |text| format!("{}: {text}", module.join("::")))
    });
    assert_eq!(found.collect::<Vec<_>>(), [""; 0]);
}
