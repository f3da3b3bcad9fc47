//! Reads sources: which modules there are, and which paths each names.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A module's path from the crate's root.
pub(crate) type Module = Vec<String>;

/// The source of each module.
pub(crate) fn modules() -> BTreeMap<Module, String> {
    let src = root().join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    assert!(files.len() > 20, "only {} files found", files.len());
    let module = |file: &Path| {
        let inside = file.strip_prefix(&src).unwrap().with_extension("");
        let mut names: Module = inside.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
        names.pop_if(|name| matches!(name.as_str(), "mod" | "lib"));
        names
    };
    files.iter().map(|file| (module(file), fs::read_to_string(file).unwrap())).collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token {
    Name(String),
    /// `::`
    Colons,
    Other(char),
    /// A literal as it is written.
    Text(String),
}

/// The tokens of a source, without comments. Without `tests`, code that is compiled only for tests is left out.
pub(crate) fn tokens(source: &str, tests: bool) -> Vec<Token> {
    let mut found = Vec::new();
    flatten(source.parse().unwrap(), tests, &mut found);
    found
}

fn flatten(stream: TokenStream, tests: bool, found: &mut Vec<Token>) {
    let mut trees = stream.into_iter().peekable();
    while let Some(tree) = trees.next() {
        match tree {
            TokenTree::Ident(name) => found.push(Token::Name(name.to_string())),
            TokenTree::Punct(punct) if punct.as_char() == ':' && punct.spacing() == Spacing::Joint => {
                found.push(Token::Colons);
                trees.next();
            }
            TokenTree::Punct(punct) => {
                found.push(Token::Other(punct.as_char()));
                let is_test = |next: &TokenTree| next.to_string().replace(' ', "") == "[cfg(test)]";
                if !tests && punct.as_char() == '#' && trees.next_if(is_test).is_some() {
                    // Up to the end of the item: its braces, or a semicolon.
                    trees.find(|tree| match tree {
                        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
                        TokenTree::Punct(punct) => punct.as_char() == ';',
                        _ => false,
                    });
                }
            }
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Brace => ('{', '}'),
                    Delimiter::Bracket => ('[', ']'),
                    Delimiter::Parenthesis | Delimiter::None => ('(', ')'),
                };
                found.push(Token::Other(open));
                flatten(group.stream(), tests, found);
                found.push(Token::Other(close));
            }
            TokenTree::Literal(text) => found.push(Token::Text(text.to_string())),
        }
    }
}

/// A path that a source names.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) path: Vec<String>,
    /// By which name others may import it from here: `pub use`.
    pub(crate) exported_as: Option<String>,
}

/// Every path of a source, groups spread out: `a::{b, c::d}` is `a::b` and `a::c::d`.
pub(crate) fn paths(tokens: &[Token]) -> Vec<Named> {
    let mut found = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        if tokens[i] == name("use") {
            // `pub use`, `pub(super) use`
            let is_public = i > 0 && (tokens[i - 1] == name("pub") || tokens[i - 1] == Token::Other(')'));
            i = tree(tokens, i + 1, &[], is_public, &mut found);
        } else if matches!(tokens[i], Token::Name(_)) && tokens.get(i + 1) == Some(&Token::Colons) {
            i = tree(tokens, i, &[], false, &mut found);
        } else {
            i += 1;
        }
    }
    found
}

fn name(text: &str) -> Token {
    Token::Name(text.to_owned())
}

/// One path, or a group of them, after `prefix`; returns where it ends.
fn tree(tokens: &[Token], mut i: usize, prefix: &[String], is_public: bool, found: &mut Vec<Named>) -> usize {
    let mut path = prefix.to_vec();
    loop {
        match tokens.get(i) {
            Some(Token::Colons) => i += 1,
            Some(Token::Name(name)) => {
                path.push(name.clone());
                i += 1;
                if tokens.get(i) != Some(&Token::Colons) {
                    break;
                }
            }
            Some(Token::Other('{')) => {
                i += 1;
                while !matches!(tokens.get(i), None | Some(Token::Other('}'))) {
                    i = tree(tokens, i, &path, is_public, found);
                    // On to the next of the group, past an alias.
                    while !matches!(tokens.get(i), None | Some(Token::Other(',' | '}'))) {
                        i += 1;
                    }
                    i += usize::from(tokens.get(i) == Some(&Token::Other(',')));
                }
                return i + 1;
            }
            _ => break,
        }
    }
    if path.len() > prefix.len() {
        let alias = match tokens.get(i..i + 2) {
            Some([Token::Name(word), Token::Name(alias)]) if word == "as" => Some(alias),
            _ => path.last(),
        };
        found.push(Named { exported_as: alias.filter(|_| is_public).cloned(), path });
    }
    i
}
