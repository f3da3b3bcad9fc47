//! What is wrong with a text.

use std::fmt;

use super::{Limits, MAX_DEPTH, TABLE_ELEMENTS};

/// Why a text was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is longer than allowed.
    #[error("it has {bytes} bytes, and {most} are the most")]
    TooLong {
        /// Its bytes.
        bytes: usize,
        /// How many are allowed.
        most: usize,
    },
    /// It has more elements than allowed, whether it is JSON or not.
    #[error("it has more than {most} elements")]
    TooManyElements {
        /// How many are allowed.
        most: usize,
    },
    /// It is not JSON.
    #[error("line {line}, column {column}: {mistake}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// In bytes, counted from 1.
        column: usize,
        /// What is wrong there.
        mistake: Mistake,
    },
}

/// What is wrong at a place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// Another byte stands there, or none.
    #[error("{0}{1}")]
    Expected(Expected, Hint),
    /// A comment in the manner of JavaScript or Python.
    #[error("JSON has no comments")]
    Comment,
    /// A comma before a closing bracket, which is given.
    #[error("a comma too many: '{0}' follows it")]
    CommaTooMany(char),
    /// A string without its closing quote. The place is where its last piece begins.
    #[error("a string that does not end")]
    OpenString,
    /// A byte below 0x20 in a string, such as a line break.
    #[error(
        "a control character in a string: write it as an escape such as \\n; or a quote is missing before it"
    )]
    ControlCharacter,
    /// A backslash before something else than the escapes of JSON.
    #[error("an escape that there is not")]
    Escape,
    /// A number that no double can hold.
    #[error("a number out of range")]
    OutOfRange,
    /// More than [`MAX_DEPTH`] tables in each other.
    #[error("more than {MAX_DEPTH} levels")]
    TooDeep,
}

/// What the grammar allows at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// A value.
    Value,
    /// A key.
    Key,
    /// A colon after a key.
    Colon,
    /// What comes after an element of a list.
    CommaOrBracket,
    /// What comes after a value of an object.
    CommaOrBrace,
    /// Nothing.
    End,
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Value => "expected a value",
            Self::Key => "expected a key in double quotes",
            Self::Colon => "expected ':'",
            Self::CommaOrBracket => "expected ',' or ']'",
            Self::CommaOrBrace => "expected ',' or '}'",
            Self::End => "expected the end",
        })
    }
}

/// The likely cause, where one can be told from what stands there instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hint {
    /// None.
    None,
    /// The text ends.
    TextEnds,
    /// Single or typographic quotes.
    Quotes,
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "",
            Self::TextEnds => ", but the text ends: a bracket or a quote is missing",
            Self::Quotes => ": texts stand between plain double quotes (\")",
        })
    }
}

impl Mistake {
    /// That something else was expected at a place.
    pub(super) fn expected(expected: Expected, text: &[u8], at: usize) -> Self {
        let hint = match text[at..] {
            // After the end there is nothing to hint at.
            _ if expected == Expected::End => Hint::None,
            [] => Hint::TextEnds,
            [b'/' | b'#', ..] => return Self::Comment,
            // ‘ ’ ‚ ‛ “ ” „ ‟
            [b'\'', ..] | [0xE2, 0x80, 0x98..=0x9F, ..] => Hint::Quotes,
            _ => Hint::None,
        };
        Self::Expected(expected, hint)
    }
}

/// The error for a mistake at a place. A text that has too many elements besides is told as that.
pub(super) fn locate(text: &[u8], start: usize, at: usize, mistake: Mistake, limits: Limits) -> Error {
    if has_more_elements(text, limits.elements) {
        return Error::TooManyElements { most: limits.elements };
    }
    let before = &text[start..at];
    let line_start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
    let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
    Error::Syntax { line, column: before.len() - line_start + 1, mistake }
}

/// Whether a text that is not JSON has more elements than `most`, counted by its commas and brackets.
fn has_more_elements(text: &[u8], most: usize) -> bool {
    // A byte can count for a bracket and for the first element after another one, hence for four.
    if text.len().saturating_mul(TABLE_ELEMENTS) < most {
        return false;
    }
    let (mut count, mut is_in_string, mut is_after_open) = (1, false, false);
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        if is_in_string {
            match byte {
                b'\\' => {
                    bytes.next();
                }
                b'"' => is_in_string = false,
                _ => {}
            }
        } else if byte > b' ' {
            if is_after_open && !matches!(byte, b']' | b'}') {
                count += 1;
            }
            is_after_open = matches!(byte, b'[' | b'{');
            match byte {
                b',' => count += 1,
                b'"' => is_in_string = true,
                b'[' | b'{' => count += TABLE_ELEMENTS - 1,
                _ => {}
            }
            if count > most {
                return true;
            }
        }
    }
    false
}
