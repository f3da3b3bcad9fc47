//! Errors that the server reports.

use super::wire::Parts;
use crate::model::{Code, Error, printable};

/// The most characters of a message, a detail or a hint to show.
const TEXT_CHARACTERS: usize = 512;
/// The length of a SQLSTATE.
const CODE_CHARACTERS: usize = 5;

/// The code for an error without one.
const INTERNAL: &str = "XX000";
/// No prepared statement has this name: somebody deallocated it.
const NO_STATEMENT: &str = "26000";
/// Used for many unsupported features, and for a prepared statement whose result has changed, as after an ALTER
/// TABLE.
const NOT_SUPPORTED: &str = "0A000";

/// The part of the server that reports an error. It tells errors of one SQLSTATE apart, because the text is in the
/// server's language. PostgreSQL 10 and newer have these names for their routines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reporter {
    /// The check whether a prepared statement is outdated.
    PlanCheck,
    /// The check of the role at the login.
    RoleCheck,
    /// The check of the database at the login.
    DatabaseCheck,
    /// Another part.
    Other,
    /// No part is named, as in errors of pgbouncer. PostgreSQL always names it.
    Unnamed,
}

impl Reporter {
    /// The part that has this routine.
    fn of(routine: Option<&[u8]>) -> Self {
        match routine {
            Some(b"RevalidateCachedQuery") => Self::PlanCheck,
            Some(b"InitializeSessionUserId") => Self::RoleCheck,
            Some(b"CheckMyDatabase") => Self::DatabaseCheck,
            Some(_) => Self::Other,
            None => Self::Unnamed,
        }
    }
}

/// An error from the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ServerError {
    /// The SQLSTATE, such as `23505`.
    pub(super) code: Box<str>,
    /// Message, detail and hint. The context, which may hold parameters, is left out.
    pub(super) text: String,
    pub(super) reporter: Reporter,
    /// The server ends the connection with it.
    pub(super) is_fatal: bool,
    /// A prepared statement is missing or outdated. So it was not run, and can be prepared again.
    pub(super) is_stale: bool,
}

impl ServerError {
    /// Reads the fields of an `ErrorResponse`.
    pub(super) fn read(body: &[u8]) -> Self {
        let mut parts = Parts(body);
        let (mut code, mut severity, mut routine) = (None, None, None);
        let [mut message, mut detail, mut hint] = [const { None }; 3];
        while let (Some(field @ 1..), Some(text)) = (parts.u8(), parts.text()) {
            match field {
                b'C' => code = Some(printable(text, CODE_CHARACTERS)),
                // The severity in English. Before PostgreSQL 9.6 there is only the one in the server's language.
                b'V' => severity = Some(text),
                b'S' => severity = severity.or(Some(text)),
                b'M' => message = Some(printable(text, TEXT_CHARACTERS)),
                b'D' => detail = Some(printable(text, TEXT_CHARACTERS)),
                b'H' => hint = Some(printable(text, TEXT_CHARACTERS)),
                b'R' => routine = Some(text),
                _ => {}
            }
        }
        let mut text = message.unwrap_or_else(|| "an error without a message".into());
        for (label, more) in [("detail", detail), ("hint", hint)] {
            if let Some(more) = more {
                text = format!("{}; {label}: {more}", text.trim_end_matches('.'));
            }
        }
        let is_fatal = severity.is_some_and(|text| text == b"FATAL" || text == b"PANIC");
        let code: Box<str> = code.unwrap_or_else(|| INTERNAL.into()).into();
        let reporter = Reporter::of(routine);
        let is_stale = &*code == NO_STATEMENT || &*code == NOT_SUPPORTED && reporter == Reporter::PlanCheck;
        Self { code, text, reporter, is_fatal, is_stale }
    }

    /// The error for a statement that began a transaction and got past the call's check, and for all that ran in it.
    pub(super) fn of_open_transaction() -> Self {
        let text = "a statement had begun a transaction, and this statement was rolled back with it; send a transaction as a whole";
        Self {
            code: "25001".into(),
            text: text.into(),
            reporter: Reporter::Other,
            is_fatal: false,
            is_stale: false,
        }
    }

    /// The error for a server's error message that was too long to read.
    pub(super) fn too_large(bytes: usize) -> Self {
        let text = format!("the server's error was too large, {bytes} bytes");
        Self { code: INTERNAL.into(), text, reporter: Reporter::Other, is_fatal: false, is_stale: false }
    }

    /// The error as addons see it, for a request that reached the server.
    pub(super) fn into_error(self) -> Error {
        Error::sent(Code::Server(self.code), self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_detail_and_hint_are_told_and_the_context_is_not() {
        let body = b"SFEHLER\0VERROR\0C23505\0Mduplicate key.\0DKey (id)=(7) exists\0Hdo not\0Wparameters: secret\0\0";
        let error = ServerError::read(body);
        assert_eq!(error.text, "duplicate key; detail: Key (id)=(7) exists; hint: do not");
        assert!(!error.is_fatal);
        let error = error.into_error();
        assert_eq!((error.code.as_str(), error.sent), ("23505", true));
        assert!(ServerError::read(b"SFATAL\0M\x1b[2J\0").is_fatal);
        assert_eq!(ServerError::read(b"SFATAL\0M\x1b[2J\0").text, r"\x1b[2J");
        for broken in [&b""[..], b"\0", b"M", b"Mabc", b"C\0"] {
            assert!(!ServerError::read(broken).text.is_empty());
        }
    }
}
