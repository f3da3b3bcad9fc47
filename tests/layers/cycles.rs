//! No files import each other in a circle, so that each can be read after those that it uses.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{Module, Named, Token, modules, paths, tokens};

/// The paths that each module names, of those that a build without tests has.
fn named(sources: &BTreeMap<Module, String>) -> BTreeMap<Module, Vec<Named>> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![Module::new()];
    while let Some(module) = waiting.pop() {
        let tokens = tokens(&sources[&module], false);
        for window in tokens.windows(3) {
            if let [Token::Name(word), Token::Name(child), Token::Other(';')] = window
                && word == "mod"
            {
                waiting.push([&module[..], std::slice::from_ref(child)].concat());
            }
        }
        found.insert(module, paths(&tokens));
    }
    found
}

/// A path that `module` names, from the crate's root on, if it leads into the crate.
fn absolute(modules: &BTreeMap<Module, Vec<Named>>, module: &[String], path: &[String]) -> Option<Module> {
    let supers = path.iter().take_while(|name| *name == "super").count();
    match path[0].as_str() {
        "crate" => Some(path[1..].to_vec()),
        "self" => Some([module, &path[1..]].concat()),
        "super" => Some([&module[..module.len().checked_sub(supers)?], &path[supers..]].concat()),
        child => {
            modules.contains_key(&[module, &[child.to_owned()]].concat()).then(|| [module, path].concat())
        }
    }
}

/// The module that declares the target of a path: not one that re-exports it.
fn declares(modules: &BTreeMap<Module, Vec<Named>>, path: &[String]) -> Module {
    let len = (0..=path.len()).rev().find(|&len| modules.contains_key(&path[..len])).unwrap();
    let (module, rest) = path.split_at(len);
    let export = modules[module]
        .iter()
        .find(|named| named.exported_as.is_some() && named.exported_as.as_ref() == rest.first());
    match export.and_then(|named| absolute(modules, module, &named.path)) {
        Some(path) => declares(modules, &path),
        None => module.to_vec(),
    }
}

/// Which module imports from which. To export something is not to import it, and a module may put its children together.
fn imports(sources: &BTreeMap<Module, String>) -> BTreeMap<Module, BTreeSet<Module>> {
    let modules = named(sources);
    let of = |module: &Module, named: &[Named]| {
        let own = named.iter().filter(|named| named.exported_as.is_none());
        let paths = own.filter_map(|named| absolute(&modules, module, &named.path));
        paths.map(|path| declares(&modules, &path)).filter(|other| !other.starts_with(module)).collect()
    };
    modules.iter().map(|(module, named)| (module.clone(), of(module, named))).collect()
}

/// Modules of which each imports the next, and the last the first.
fn cycle(mut imports: BTreeMap<Module, BTreeSet<Module>>) -> Option<Vec<Module>> {
    // Removes modules that import nothing of the rest, until nothing changes.
    loop {
        let left: BTreeSet<Module> = imports.keys().cloned().collect();
        imports.retain(|_, imported| imported.intersection(&left).next().is_some());
        if imports.len() == left.len() {
            break;
        }
    }
    let mut way = vec![imports.keys().next()?.clone()];
    loop {
        let next = imports[way.last()?].iter().find(|module| imports.contains_key(*module))?;
        if let Some(at) = way.iter().position(|module| module == next) {
            return Some(way.split_off(at));
        }
        way.push(next.clone());
    }
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let imports = imports(&modules());
    assert!(imports.values().map(BTreeSet::len).sum::<usize>() > 50, "few imports found: {imports:?}");
    assert_eq!(cycle(imports), None);
}

#[test]
fn every_cycle_is_seen() {
    let check = |files: &[(&str, &str)]| {
        let module = |path: &str| path.split_terminator('/').map(str::to_owned).collect();
        cycle(imports(&files.iter().map(|(path, source)| (module(path), (*source).to_owned())).collect()))
    };
    let root = ("", "mod a; mod b; pub use a::A;");
    let broken: &[&[(&str, &str)]] = &[
        &[root, ("a", "use crate::b::B; pub struct A;"), ("b", "use crate::a::A;")],
        &[root, ("a", "use crate::b;"), ("b", "fn f() { crate::a::f() }")],
        // Through a re-export of the root, under another name, too.
        &[root, ("a", "use super::b::B;"), ("b", "use crate::A;")],
        &[
            ("", "mod a; mod b; pub(crate) use a::{A as C};"),
            ("a", "use super::b::B;"),
            ("b", "use crate::C;"),
        ],
        &[root, ("a", "mod x;"), ("a/x", "use crate::b::B;"), ("b", "use crate::a::x::X;")],
        // A child imports from its parent what the parent imports from another.
        &[root, ("a", "mod x; use crate::b;"), ("a/x", "use super::A;"), ("b", "use crate::a::x::X;")],
    ];
    for files in broken {
        assert!(check(files).is_some(), "{files:?}");
    }
    let fine: &[&[(&str, &str)]] = &[
        &[root, ("a", "use crate::b::B;"), ("b", "use std::a::A; use thiserror::Error;")],
        // A module puts its children together, and they may import what it declares.
        &[root, ("a", "mod x; use x::X; struct A;"), ("a/x", "use super::A; use crate::b::B;"), ("b", "")],
        &[
            root,
            ("a", "use crate::b::B; #[cfg(test)] mod tests;"),
            ("b", "#[cfg(test)] mod tests { use crate::a; }"),
        ],
        &[root, ("a", "use crate::b::B; // crate::a::A"), ("b", "const A: &str = \"crate::a::A\";")],
    ];
    for files in fine {
        assert_eq!(check(files), None, "{files:?}");
    }
}
