//! The decoder's position in the grammar.

use super::error::Expected;

/// What may come next. The states in which a string may come are first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub(super) enum State {
    /// A value.
    Value,
    /// A list's first value, or its end.
    FirstValue,
    /// A key.
    Key,
    /// An object's first key, or its end.
    FirstKey,
    /// The colon after a key.
    Colon,
    /// A comma, a closing bracket, or the end of the text.
    AfterValue,
    /// The rest of a value that is a string with escapes, or of such a key.
    StringValue,
    StringKey,
    /// The beginning of the text.
    Start,
    /// Nothing: the text is complete.
    Done,
}

impl State {
    /// What the grammar allows in this state.
    pub(super) fn expected(self, in_table: bool, is_list: bool) -> Expected {
        match self {
            Self::Key | Self::FirstKey => Expected::Key,
            Self::Colon => Expected::Colon,
            Self::AfterValue if !in_table => Expected::End,
            Self::AfterValue if is_list => Expected::CommaOrBracket,
            Self::AfterValue => Expected::CommaOrBrace,
            _ => Expected::Value,
        }
    }
}
