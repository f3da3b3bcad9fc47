//! The one error that addons see.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;

use super::Remedy;

/// Separates a message from its remedy.
const REMEDY: &str = "; ";

/// Why a request failed, a link was lost or a subscription refused. Lua sees it as
/// `{ code = "…", message = "…", sent = … }`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Error {
    /// What kind of failure it is.
    pub code: Code,
    /// What is wrong and, if something can be done, what to do, in a sentence. Never contains a secret.
    pub message: Cow<'static, str>,
    /// Whether the command may have reached the server.
    pub sent: bool,
    /// What to type on the server to allow the refused command. The message ends with it.
    pub remedy: Option<Box<Remedy>>,
}

impl Error {
    /// An error about a command that never left this process.
    pub fn unsent(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), sent: false, remedy: None }
    }

    /// An error about a command that may have reached the server.
    pub fn sent(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), sent: true, remedy: None }
    }

    /// The same error with a remedy.
    ///
    /// ```
    /// use realtime::model::{Code, Error, Remedy};
    ///
    /// let remedy = Remedy { beginning: "type: ALLOW bob".into(), words: vec!["chat".into()] };
    /// let error = Error::sent(Code::Server("NOPERM".into()), "no permission.").with_remedy(remedy);
    /// assert_eq!(error.to_string(), "NOPERM: no permission; type: ALLOW bob chat");
    /// assert_eq!(error.reason(), "no permission");
    /// ```
    #[must_use]
    pub fn with_remedy(mut self, remedy: Remedy) -> Self {
        self.message = format!("{}{REMEDY}{remedy}", self.message.trim_end_matches('.')).into();
        self.remedy = Some(Box::new(remedy));
        self
    }

    /// The message without the remedy.
    pub fn reason(&self) -> &str {
        let remedy = self.remedy.as_ref().map(ToString::to_string).unwrap_or_default();
        let reason = self.message.strip_suffix(&*remedy).and_then(|reason| reason.strip_suffix(REMEDY));
        reason.unwrap_or(&self.message)
    }

    /// The answer to a request to a closed client.
    pub fn closed() -> Self {
        Self::unsent(Code::Closed, "the client is closed")
    }

    /// The answer to a request whose session ended without one. It is unknown how far the request got.
    pub fn unanswered() -> Self {
        Self::sent(Code::Closed, "the client ended before the answer came")
    }
}

/// The kind of failure: one of ours, or the code with which the server began its error.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// The connection was lost.
    Disconnected,
    /// No answer within the time given.
    Timeout,
    /// Too many commands, or too many bytes in them, wait for an answer already.
    Overloaded,
    /// The client was closed.
    Closed,
    /// Nothing accepts connections at the address.
    Refused,
    /// The host's name could not be resolved.
    Resolve,
    /// The peer broke the protocol, or does not speak it.
    Protocol,
    /// The connection could not be secured with TLS, or no longer is.
    Tls,
    /// The server refused the user or password, without a code of its own for that.
    Auth,
    /// The answer was larger than `max_message_bytes`.
    TooLarge,
    /// The server, or this build, cannot do it.
    Unsupported,
    /// The server's own code, such as `NOPERM` or `WRONGTYPE`.
    Server(Box<str>),
}

impl Code {
    /// The code as Lua sees it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Disconnected => "DISCONNECTED",
            Self::Timeout => "TIMEOUT",
            Self::Overloaded => "OVERLOADED",
            Self::Closed => "CLOSED",
            Self::Refused => "REFUSED",
            Self::Resolve => "RESOLVE",
            Self::Protocol => "PROTOCOL",
            Self::Tls => "TLS",
            Self::Auth => "AUTH",
            Self::TooLarge => "TOOLARGE",
            Self::Unsupported => "UNSUPPORTED",
            Self::Server(code) => code,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The message of a panic.
pub fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic without a message")
}
