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

/// A text with a mistake. If it has too many elements besides, it is told as that, so they are counted first.
#[derive(Debug, Clone, Copy)]
pub(super) struct RefusedText {
    at: usize,
    mistake: Mistake,
    /// The next byte to look at.
    next: usize,
    count: usize,
    is_in_string: bool,
    is_after_open: bool,
}

impl RefusedText {
    pub(super) fn new(at: usize, mistake: Mistake) -> Self {
        Self { at, mistake, next: 0, count: 1, is_in_string: false, is_after_open: false }
    }

    /// Looks at the next `bytes` bytes. Returns the error once it is known. `start` is where the text begins.
    pub(super) fn look(&mut self, text: &[u8], start: usize, limits: Limits, bytes: usize) -> Option<Error> {
        let until = self.next.saturating_add(bytes).min(text.len());
        if self.has_more_elements(text, until, limits.elements) {
            return Some(Error::TooManyElements { most: limits.elements });
        }
        (self.next >= text.len()).then(|| {
            let before = &text[start..self.at];
            let line_start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
            let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
            Error::Syntax { line, column: before.len() - line_start + 1, mistake: self.mistake }
        })
    }

    /// Whether the text has more elements than `most`, counted by its commas and brackets up to a place.
    fn has_more_elements(&mut self, text: &[u8], until: usize, most: usize) -> bool {
        // A byte can count for a bracket and for the first element after another one, hence for four.
        if text.len().saturating_mul(TABLE_ELEMENTS) < most {
            self.next = text.len();
        }
        let Self { mut next, mut count, mut is_in_string, mut is_after_open, .. } = *self;
        while next < until {
            let byte = text[next];
            next += 1;
            if is_in_string {
                match byte {
                    b'\\' => next += 1,
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
        (self.next, self.count) = (next, count);
        (self.is_in_string, self.is_after_open) = (is_in_string, is_after_open);
        false
    }
}
