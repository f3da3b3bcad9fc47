//! What the game adds to Lua, in the words that LuaJIT knows: `!=`, `!`, `&&`, `||`, `//`, `/* */` and `continue`. Lines stay where
//! they are.
//!
//! Source: <https://wiki.facepunch.com/gmod/Specific_Operators>.

#[cfg(test)]
mod tests;
mod tokens;

use std::{borrow::Cow, ops::Range};

use tokens::{Kind, Tokens};

/// The source in plain Lua: as it is if it has nothing of the dialect, or is bytecode.
pub(crate) fn plain(source: &[u8]) -> Cow<'_, [u8]> {
    const BYTECODE: u8 = 0x1b;
    if source.first() == Some(&BYTECODE) {
        return source.into();
    }
    let mut edits = edits(source);
    if edits.is_empty() {
        return source.into();
    }
    // That a loop's beginning needs one is only known at its end.
    edits.sort_by_key(|edit| (edit.at.start, edit.at.end));
    let mut plain = Vec::with_capacity(source.len());
    let mut at = 0;
    for edit in edits {
        plain.extend_from_slice(&source[at..edit.at.start]);
        plain.extend_from_slice(edit.text.as_bytes());
        at = edit.at.end;
    }
    plain.extend_from_slice(&source[at..]);
    plain.into()
}

/// Text in place of some of the source.
#[derive(Debug)]
struct Edit {
    at: Range<usize>,
    text: String,
}

fn edits(source: &[u8]) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut blocks = Blocks::default();
    let mut before: &[u8] = b"";
    for token in Tokens::new(source) {
        let text = &source[token.at.clone()];
        match token.kind {
            // With a space: `//[[` begins no long comment.
            Kind::LineComment => edits.push(Edit { at: token.at, text: "-- ".to_owned() }),
            Kind::BlockComment => {
                let lines = text.iter().filter(|&&byte| byte == b'\n').count();
                edits.push(Edit { at: token.at, text: format!(" {}", "\n".repeat(lines)) });
            }
            Kind::Operator => {
                let plain = match text {
                    b"!=" => "~=",
                    b"&&" => " and ",
                    b"||" => " or ",
                    _ => " not ",
                };
                edits.push(Edit { at: token.at, text: plain.to_owned() });
                before = text;
            }
            Kind::Word | Kind::Other => {
                // What plain Lua takes for a field, a label or what goes to one.
                let is_name = matches!(before, b"." | b":" | b"::" | b"goto");
                if token.kind == Kind::Word && !is_name {
                    blocks.word(text, token.at, &mut edits);
                }
                before = text;
            }
        }
    }
    edits
}

/// A block that is open.
#[derive(Debug)]
enum Block {
    /// `for` or `while`, before its `do`.
    LoopHead,
    Loop(Body),
    Repeat(Body),
    Function,
    /// `if` or `do`.
    Plain,
}

/// What a loop repeats.
#[derive(Debug)]
struct Body {
    start: usize,
    label: String,
    continues: bool,
}

#[derive(Debug, Default)]
struct Blocks {
    open: Vec<Block>,
    loops: usize,
}

impl Blocks {
    fn word(&mut self, word: &[u8], at: Range<usize>, edits: &mut Vec<Edit>) {
        match word {
            b"for" | b"while" => self.open.push(Block::LoopHead),
            b"function" => self.open.push(Block::Function),
            b"if" => self.open.push(Block::Plain),
            b"do" => match self.open.last_mut() {
                Some(head @ Block::LoopHead) => {
                    self.loops += 1;
                    *head = Block::Loop(Body::new(at.end, self.loops));
                }
                _ => self.open.push(Block::Plain),
            },
            b"repeat" => {
                self.loops += 1;
                self.open.push(Block::Repeat(Body::new(at.end, self.loops)));
            }
            b"continue" => {
                let inner = self.open.iter_mut().rev().find(|block| !matches!(block, Block::Plain));
                // Outside of a loop it is left to Lua, which tells of it.
                if let Some(Block::Loop(body) | Block::Repeat(body)) = inner {
                    body.continues = true;
                    edits.push(Edit { at, text: format!("goto {}", body.label) });
                }
            }
            b"end" | b"until" => match self.open.pop() {
                // In a block of its own: no local of the body reaches to the label, and a return may be its last word.
                Some(Block::Loop(body)) if body.continues => {
                    edits.push(Edit { at: body.start..body.start, text: " do".to_owned() });
                    edits.push(Edit { at: at.start..at.start, text: format!("end ::{}:: ", body.label) });
                }
                // Not here, where the condition sees the body's locals. One that begins behind the `continue` is refused by
                // LuaJIT, in words that name it.
                Some(Block::Repeat(body)) if body.continues => {
                    edits.push(Edit { at: at.start..at.start, text: format!("::{}:: ", body.label) });
                }
                _ => {}
            },
            _ => {}
        }
    }
}

impl Body {
    fn new(start: usize, number: usize) -> Self {
        Self { start, label: format!("continue_{number}"), continues: false }
    }
}
