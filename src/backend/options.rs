//! Options on their way from a script to a backend.

/// URL and options as a script gave them, not yet understood by anyone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    /// The URL, if one was given.
    pub url: Option<String>,
    /// Keys and values of the options table, without those that belong to the module itself.
    pub pairs: Vec<(String, OptionValue)>,
}

/// A value of an options table.
#[derive(Debug, Clone, PartialEq)]
pub enum OptionValue {
    /// A string, any bytes.
    String(Vec<u8>),
    /// A number.
    Number(f64),
    /// A boolean.
    Boolean(bool),
    /// Anything else: the name of its Lua type.
    Other(&'static str),
}

/// What is wrong with URL or options. Never quotes a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// No backend has such an option.
    #[error("unknown option \"{key}\"; the options are {known}")]
    Unknown {
        /// The key.
        key: String,
        /// The keys that exist.
        known: String,
    },
    /// The value is of another type, or out of range, or contradicts another one.
    #[error("option \"{key}\" {problem}")]
    Invalid {
        /// The key.
        key: String,
        /// What was expected and what came, as the end of the sentence.
        problem: String,
    },
    /// The URL cannot be understood.
    #[error("{0}")]
    Url(String),
}
