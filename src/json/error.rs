//! The mistakes in a text.

use std::fmt;

use super::{Limits, MAX_DEPTH, TABLE_ELEMENTS};

/// Why a text was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text is longer than allowed.
    #[error("it has {bytes} bytes, more than the {most} allowed")]
    TooLong {
        /// The text's length in bytes.
        bytes: usize,
        /// The most bytes allowed.
        most: usize,
    },
    /// The text has more elements than allowed, whether it is JSON or not.
    #[error("it has more than {most} elements")]
    TooManyElements {
        /// The most elements allowed.
        most: usize,
    },
    /// The text is not JSON.
    #[error("line {line}, column {column}: {mistake}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// In bytes, counted from 1.
        column: usize,
        /// The mistake at that place.
        mistake: Mistake,
    },
}

/// A mistake at a place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// Another byte than expected, or the end of the text.
    #[error("{0}{1}")]
    Expected(Expected, Hint),
    /// A comment as in JavaScript or Python.
    #[error("JSON has no comments")]
    Comment,
    /// A comma before a closing bracket, which is given here.
    #[error("a comma too many: '{0}' follows it")]
    CommaTooMany(char),
    /// A string without its closing quote. The place is where its last piece begins.
    #[error("a string that does not end")]
    OpenString,
    /// An unescaped byte below 0x20 in a string, such as a line break.
    #[error(
        "a control character in a string: write it as an escape such as \\n; or a quote is missing before it"
    )]
    ControlCharacter,
    /// A backslash that begins none of JSON's escapes.
    #[error("an invalid escape")]
    Escape,
    /// A number that no double can hold.
    #[error("a number out of range")]
    OutOfRange,
    /// More than [`MAX_DEPTH`] nested tables.
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
    /// A comma, or the bracket that ends the list.
    CommaOrBracket,
    /// A comma, or the brace that ends the object.
    CommaOrBrace,
    /// The end of the text.
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

/// The likely cause, if the text shows one.
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
            Self::Quotes => ": strings need plain double quotes (\")",
        })
    }
}

impl Mistake {
    /// The mistake if something other than `expected` is at a place.
    pub(super) fn expected(expected: Expected, text: &[u8], at: usize) -> Self {
        let hint = match text[at..] {
            // After the end no cause is likely.
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

/// A text with a mistake. The elements are counted first, because too many of them are reported instead of the
/// mistake.
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

    /// Looks at the next `bytes` bytes. Returns the error once all are seen or too many elements are found. The text
    /// begins at `start`.
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

    /// Whether the text has more elements than `most` up to a position, counted by commas and brackets.
    fn has_more_elements(&mut self, text: &[u8], until: usize, most: usize) -> bool {
        // A byte counts for at most four: a bracket that is also the first element of another table.
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
