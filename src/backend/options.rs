//! Options on their way from a script to a backend, and what every backend needs to read them.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::model::{Limits, MAX_EXACT, NAME_CHARACTERS, Overflow, printable};

/// Options that every backend has, because the queue to the main thread has these bounds.
const COMMON: [&str; 5] = ["queue_events", "queue_bytes", "overflow", "max_pending", "max_message_bytes"];
const DEFAULT_QUEUE_EVENTS: usize = 65_536;
const DEFAULT_QUEUE_BYTES: usize = 32 << 20;
const DEFAULT_MAX_PENDING: usize = 10_000;
const DEFAULT_MAX_MESSAGE_BYTES: usize = 4 << 20;
/// Bytes in requests accepted and not yet answered.
const PENDING_BYTES: usize = 64 << 20;

/// URL and options as a script gave them, not yet understood by anyone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    /// The URL, if one was given. White space around it and one pair of quotes are no part of it.
    pub url: Option<String>,
    /// Where URL and options came from, as errors about server and login say it; may be empty. It is no setting: two
    /// clients that differ in it alone have the same settings.
    pub origin: String,
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
    /// What a file holds that the script named.
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
    /// What a script calls a value of this type.
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

impl OptionError {
    /// An error about the value of `key`.
    pub(crate) fn invalid(key: &str, problem: impl Into<String>) -> Self {
        Self::Invalid { key: key.to_owned(), problem: problem.into() }
    }
}

/// The shortest time that an option may name, in seconds. Much less would be no time at all as the clock counts it, and a
/// timer without end.
const MIN_SECONDS: f64 = 0.001;

/// The longest time that an option may name, in seconds: a year.
const MAX_SECONDS: f64 = 31_536_000.0;

/// An options table whose keys are known, each to be taken out once by the backend that it is for.
pub(super) struct OptionSet {
    pairs: Vec<(String, OptionValue)>,
}

impl OptionSet {
    /// # Errors
    ///
    /// A key that is neither one of the backend's `own` nor one that all backends have.
    pub(super) fn new(pairs: Vec<(String, OptionValue)>, own: &[&str]) -> Result<Self, OptionError> {
        let known = [own, &COMMON].concat();
        match pairs.iter().find(|(key, _)| !known.contains(&key.as_str())) {
            Some((key, _)) => {
                let key = printable(key.as_bytes(), NAME_CHARACTERS);
                Err(OptionError::Unknown { key, known: known.join(", ") })
            }
            None => Ok(Self { pairs }),
        }
    }

    /// Whether `key` was given and has not been taken.
    pub(super) fn has(&self, key: &str) -> bool {
        self.pairs.iter().any(|(k, _)| k == key)
    }

    /// Takes the value of `key`.
    pub(super) fn take(&mut self, key: &str) -> Option<OptionValue> {
        let at = self.pairs.iter().position(|(k, _)| k == key)?;
        Some(self.pairs.swap_remove(at).1)
    }

    /// Takes a string of any bytes.
    pub(super) fn bytes(&mut self, key: &str) -> Result<Option<Vec<u8>>, OptionError> {
        match self.take(key) {
            None => Ok(None),
            Some(OptionValue::String(bytes)) => Ok(Some(bytes)),
            Some(other) => {
                Err(OptionError::invalid(key, format!("must be a string, not {}", other.type_name())))
            }
        }
    }

    /// Takes a string that is text.
    pub(super) fn text(&mut self, key: &str) -> Result<Option<String>, OptionError> {
        match self.bytes(key)?.map(String::from_utf8) {
            None => Ok(None),
            Some(Ok(text)) => Ok(Some(text)),
            Some(Err(_)) => Err(OptionError::invalid(key, "must be UTF-8 text")),
        }
    }

    /// Takes a yes or no.
    pub(super) fn boolean(&mut self, key: &str) -> Result<Option<bool>, OptionError> {
        match self.take(key) {
            None => Ok(None),
            Some(OptionValue::Boolean(boolean)) => Ok(Some(boolean)),
            Some(other) => {
                Err(OptionError::invalid(key, format!("must be true or false, not {}", shown(&other))))
            }
        }
    }

    /// Takes a whole number within `range`.
    pub(super) fn whole(
        &mut self,
        key: &str,
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

    /// Takes a number of things or bytes, at least 1.
    pub(super) fn count(&mut self, key: &str) -> Result<Option<usize>, OptionError> {
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
    pub(super) fn limits(&mut self) -> Result<Limits, OptionError> {
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

    /// Takes the bound of a message and of an answer.
    pub(super) fn max_message_bytes(&mut self) -> Result<usize, OptionError> {
        Ok(self.count("max_message_bytes")?.unwrap_or(DEFAULT_MAX_MESSAGE_BYTES))
    }

    /// Takes a time in seconds, neither too short for a clock nor endless.
    pub(super) fn seconds(&mut self, key: &str) -> Result<Option<Duration>, OptionError> {
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

/// The whole number that `value` is, if it is one within `range`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked on the line before")]
fn whole(value: &OptionValue, range: RangeInclusive<u64>) -> Option<u64> {
    match *value {
        OptionValue::Number(n) if (0.0..=MAX_EXACT).contains(&n) && n.fract() == 0.0 => {
            Some(n as u64).filter(|n| range.contains(n))
        }
        _ => None,
    }
}

/// A wrong value for people: numbers as they are, of others the type alone.
pub(super) fn shown(value: &OptionValue) -> String {
    match value {
        OptionValue::Number(n) => n.to_string(),
        other => other.type_name().to_owned(),
    }
}
