//! Options on their way from a script to a backend, and what every backend needs to read them.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::model::{Limits, MAX_EXACT, NAME_CHARACTERS, Overflow, printable};

const DEFAULT_QUEUE_EVENTS: usize = 65_536;
const DEFAULT_QUEUE_BYTES: usize = 32 << 20;
const DEFAULT_MAX_PENDING: usize = 10_000;
const DEFAULT_MAX_MESSAGE_BYTES: usize = 4 << 20;
/// Bytes in requests accepted and not yet answered.
const PENDING_BYTES: usize = 64 << 20;

/// URL and options as a script gave them, not parsed yet.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    /// The URL, if one was given. White space and one pair of quotes around it are removed.
    pub url: Option<String>,
    /// Where URL and options came from, for errors about server and login; may be empty. It is not a setting: two
    /// clients that differ only in it have the same settings.
    pub origin: String,
    /// Whether the URL alone may say where the server is.
    pub is_place_fixed: bool,
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
    /// The content of a file that the script named.
    File {
        /// Its name, as the script gave it.
        name: String,
        /// All of it.
        bytes: Vec<u8>,
    },
    /// Anything else: the name of its Lua type.
    Other(&'static str),
}

impl OptionValue {
    /// A script's name for values of this type.
    fn type_name(&self) -> &'static str {
        match self {
            Self::String(_) => "a string",
            Self::Number(_) => "a number",
            Self::Boolean(_) => "a boolean",
            Self::File { .. } => "a file",
            Self::Other(name) => name,
        }
    }
}

/// What is wrong with URL or options. Never contains a secret.
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
        /// What was expected and what was given, as the end of the sentence.
        problem: String,
    },
    /// The option says where the server is, which only the URL may.
    #[error("option \"{key}\" says where the server is")]
    Place {
        /// The key.
        key: String,
    },
    /// The URL cannot be parsed.
    #[error("{0}")]
    Url(String),
}

impl OptionError {
    /// An error about the value of `key`.
    pub(crate) fn invalid(key: &str, problem: impl Into<String>) -> Self {
        Self::Invalid { key: key.to_owned(), problem: problem.into() }
    }
}

/// The shortest time that an option may name, in seconds. Much less would round to zero, and a timer would fire
/// endlessly.
const MIN_SECONDS: f64 = 0.001;

/// The longest time that an option may name, in seconds: a year.
const MAX_SECONDS: f64 = 31_536_000.0;

/// An options table, from which the backend takes each value once. The known keys are those that the backend asks
/// for.
#[derive(Debug, Default)]
pub struct OptionSet {
    pairs: Vec<(String, OptionValue)>,
    /// The keys that were asked for.
    asked: Vec<&'static str>,
}

impl OptionSet {
    /// A table that `read` will read.
    ///
    /// # Errors
    ///
    /// A key that it does not ask for.
    pub fn new<T>(
        pairs: Vec<(String, OptionValue)>,
        read: impl FnOnce(&mut Self) -> Result<T, OptionError>,
    ) -> Result<Self, OptionError> {
        let known = Self::keys(read)?;
        match pairs.iter().find(|(key, _)| !known.contains(&key.as_str())) {
            Some((key, _)) => {
                let key = printable(key.as_bytes(), NAME_CHARACTERS);
                Err(OptionError::Unknown { key, known: known.join(", ") })
            }
            None => Ok(Self { pairs, asked: Vec::new() }),
        }
    }

    /// The keys that `read` asks for if none is given.
    ///
    /// # Errors
    ///
    /// Those of `read`.
    pub fn keys<T>(
        read: impl FnOnce(&mut Self) -> Result<T, OptionError>,
    ) -> Result<Vec<&'static str>, OptionError> {
        let mut none = Self::default();
        read(&mut none)?;
        Ok(none.asked)
    }

    /// Whether `key` was given and has not been taken.
    pub fn has(&mut self, key: &'static str) -> bool {
        self.position(key).is_some()
    }

    /// Refuses `key`, because the URL gives it already.
    ///
    /// # Errors
    ///
    /// The key was given.
    pub fn given_once(&mut self, key: &'static str) -> Result<(), OptionError> {
        if self.has(key) {
            return Err(OptionError::invalid(key, "is given by the URL already; give it once"));
        }
        Ok(())
    }

    /// Takes the value of `key`.
    pub fn take(&mut self, key: &'static str) -> Option<OptionValue> {
        let at = self.position(key)?;
        Some(self.pairs.swap_remove(at).1)
    }

    fn position(&mut self, key: &'static str) -> Option<usize> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        self.pairs.iter().position(|(k, _)| k == key)
    }

    /// Takes a string of any bytes.
    ///
    /// # Errors
    ///
    /// The value has another type.
    pub fn bytes(&mut self, key: &'static str) -> Result<Option<Vec<u8>>, OptionError> {
        match self.take(key) {
            None => Ok(None),
            Some(OptionValue::String(bytes)) => Ok(Some(bytes)),
            Some(other) => {
                Err(OptionError::invalid(key, format!("must be a string, not {}", other.type_name())))
            }
        }
    }

    /// Takes a string that is text.
    ///
    /// # Errors
    ///
    /// The value has another type, or is not UTF-8.
    pub fn text(&mut self, key: &'static str) -> Result<Option<String>, OptionError> {
        match self.bytes(key)?.map(String::from_utf8) {
            None => Ok(None),
            Some(Ok(text)) => Ok(Some(text)),
            Some(Err(_)) => Err(OptionError::invalid(key, "must be UTF-8 text")),
        }
    }

    /// Takes a boolean.
    ///
    /// # Errors
    ///
    /// The value has another type.
    pub fn boolean(&mut self, key: &'static str) -> Result<Option<bool>, OptionError> {
        match self.take(key) {
            None => Ok(None),
            Some(OptionValue::Boolean(boolean)) => Ok(Some(boolean)),
            Some(other) => {
                Err(OptionError::invalid(key, format!("must be true or false, not {}", shown(&other))))
            }
        }
    }

    /// Takes a whole number within `range`.
    ///
    /// # Errors
    ///
    /// The value is not such a number.
    pub fn whole(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u32>,
    ) -> Result<Option<u32>, OptionError> {
        let Some(value) = self.take(key) else { return Ok(None) };
        whole(&value, u64::from(*range.start())..=u64::from(*range.end()))
            .and_then(|n| u32::try_from(n).ok())
            .map(Some)
            .ok_or_else(|| {
                let (low, high) = range.into_inner();
                OptionError::invalid(
                    key,
                    format!("must be a whole number from {low} to {high}, not {}", shown(&value)),
                )
            })
    }

    /// Takes a number of items or bytes, at least 1.
    ///
    /// # Errors
    ///
    /// The value is not such a number.
    pub fn count(&mut self, key: &'static str) -> Result<Option<usize>, OptionError> {
        let Some(value) = self.take(key) else { return Ok(None) };
        let Some(number) = whole(&value, 1..=u64::MAX) else {
            let problem = format!("must be a whole number, at least 1, not {}", shown(&value));
            return Err(OptionError::invalid(key, problem));
        };
        usize::try_from(number).map(Some).map_err(|_| {
            OptionError::invalid(
                key,
                format!("may not exceed {}, which is all that 32 bits can count", usize::MAX),
            )
        })
    }

    /// Takes the bounds of the queues.
    ///
    /// # Errors
    ///
    /// A value is not valid.
    pub fn limits(&mut self) -> Result<Limits, OptionError> {
        Ok(Limits {
            queue_events: self.count("queue_events")?.unwrap_or(DEFAULT_QUEUE_EVENTS),
            queue_bytes: self.count("queue_bytes")?.unwrap_or(DEFAULT_QUEUE_BYTES),
            overflow: self.overflow()?,
            max_pending: self.count("max_pending")?.unwrap_or(DEFAULT_MAX_PENDING),
            pending_bytes: PENDING_BYTES,
        })
    }

    fn overflow(&mut self) -> Result<Overflow, OptionError> {
        match self.bytes("overflow")?.as_deref() {
            None | Some(b"drop_oldest") => Ok(Overflow::DropOldest),
            Some(b"drop_newest") => Ok(Overflow::DropNewest),
            Some(b"pause") => Ok(Overflow::Pause),
            Some(_) => {
                Err(OptionError::invalid("overflow", "must be \"drop_oldest\", \"drop_newest\" or \"pause\""))
            }
        }
    }

    /// Takes the size limit of messages and answers.
    ///
    /// # Errors
    ///
    /// The value is not such a number.
    pub fn max_message_bytes(&mut self) -> Result<usize, OptionError> {
        Ok(self.count("max_message_bytes")?.unwrap_or(DEFAULT_MAX_MESSAGE_BYTES))
    }

    /// Takes a time in seconds, neither too short for a clock nor endless.
    ///
    /// # Errors
    ///
    /// The value is not such a time.
    pub fn seconds(&mut self, key: &'static str) -> Result<Option<Duration>, OptionError> {
        let Some(value) = self.take(key) else { return Ok(None) };
        match value {
            OptionValue::Number(n) if (MIN_SECONDS..=MAX_SECONDS).contains(&n) => {
                Ok(Some(Duration::from_secs_f64(n)))
            }
            other => Err(OptionError::invalid(
                key,
                format!(
                    "must be a number of seconds, at least {MIN_SECONDS} and at most {MAX_SECONDS}, not {}",
                    shown(&other)
                ),
            )),
        }
    }
}

/// `value` as a whole number, if it is one within `range`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked on the line before")]
fn whole(value: &OptionValue, range: RangeInclusive<u64>) -> Option<u64> {
    match *value {
        OptionValue::Number(n) if (0.0..=MAX_EXACT).contains(&n) && n.fract() == 0.0 => {
            Some(n as u64).filter(|n| range.contains(n))
        }
        _ => None,
    }
}

/// A wrong value for people: numbers as they are, otherwise only the type.
pub(super) fn shown(value: &OptionValue) -> String {
    match value {
        OptionValue::Number(n) => n.to_string(),
        other => other.type_name().to_owned(),
    }
}
