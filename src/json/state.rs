//! Where in the grammar a decoder stands.

use super::error::Expected;

/// What is expected next. Those that take a string come first.
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
    /// More of a value, or of a key, that is a string with escapes.
    StringValue,
    StringKey,
    /// The beginning of the text.
    Start,
    /// Nothing: the text was read.
    Done,
}

impl State {
    /// What the grammar allows, where something else stands.
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
