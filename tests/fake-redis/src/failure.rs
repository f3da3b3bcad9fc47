//! Error replies, in the words of Redis 7.0.

use std::borrow::Cow;

use crate::request::Request;

/// How much of the client's input an error quotes.
pub(crate) const QUOTED: usize = 128;

/// An error reply without its `-` and line end, such as `ERR syntax error`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure(Cow<'static, [u8]>);

impl Failure {
    pub(crate) const SYNTAX: Failure = Failure::of("ERR syntax error");
    pub(crate) const NOT_AN_INTEGER: Failure = Failure::of("ERR value is not an integer or out of range");
    pub(crate) const NOT_A_FLOAT: Failure = Failure::of("ERR value is not a valid float");
    pub(crate) const NOT_POSITIVE: Failure = Failure::of("ERR value is out of range, must be positive");
    pub(crate) const OVERFLOW: Failure = Failure::of("ERR increment or decrement would overflow");
    pub(crate) const WRONG_TYPE: Failure =
        Failure::of("WRONGTYPE Operation against a key holding the wrong kind of value");
    pub(crate) const WRONG_PASSWORD: Failure =
        Failure::of("WRONGPASS invalid username-password pair or user is disabled.");
    pub(crate) const NOT_AUTHENTICATED: Failure = Failure::of("NOAUTH Authentication required.");
    pub(crate) const CHANNEL_FORBIDDEN: Failure =
        Failure::of("NOPERM this user has no permissions to access one of the channels used as arguments");
    pub(crate) const READ_ONLY: Failure =
        Failure::of("READONLY You can't write against a read only replica.");
    pub(crate) const LOADING: Failure = Failure::of("LOADING Redis is loading the dataset in memory");
    pub(crate) const MASTER_DOWN: Failure =
        Failure::of("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.");
    pub(crate) const EXEC_ABORTED: Failure =
        Failure::of("EXECABORT Transaction discarded because of previous errors.");

    pub(crate) const fn of(text: &'static str) -> Failure {
        Failure(Cow::Borrowed(text.as_bytes()))
    }

    /// Text that may quote the client's input: a line break in it would end the reply early, so each becomes a space,
    /// as in Redis.
    pub(crate) fn quoting(text: impl Into<Vec<u8>>) -> Failure {
        let mut text = text.into();
        for byte in &mut text {
            if matches!(byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
        Failure(Cow::Owned(text))
    }

    pub(crate) fn wrong_number_of_arguments(command: &str) -> Failure {
        Failure::quoting(format!("ERR wrong number of arguments for '{command}' command"))
    }

    pub(crate) fn forbidden(command: &str) -> Failure {
        Failure::quoting(format!("NOPERM this user has no permissions to run the '{command}' command"))
    }

    /// An unknown command.
    pub(crate) fn unknown(request: &Request) -> Failure {
        let mut text = b"ERR unknown command '".to_vec();
        text.extend(request[0].iter().take(QUOTED));
        text.extend_from_slice(b"', with args beginning with: ");
        let start = text.len();
        for argument in &request[1..] {
            let left = QUOTED.saturating_sub(text.len() - start);
            if left == 0 {
                break;
            }
            text.push(b'\'');
            text.extend(argument.iter().take(left));
            text.extend_from_slice(b"' ");
        }
        Failure::quoting(text)
    }

    /// The same for a command that this server lacks, with a text of the server's owner.
    pub(crate) fn missing(request: &Request, about: &str) -> Failure {
        let name = &request[0][..request[0].len().min(QUOTED)];
        Failure::quoting(format!("ERR unknown command '{}': {about}", String::from_utf8_lossy(name)))
    }

    /// The same in the words of Redis 5.
    pub(crate) fn unknown_to_redis_5(request: &Request) -> Failure {
        let mut text = b"ERR unknown command `".to_vec();
        text.extend(request[0].iter().take(QUOTED));
        text.extend_from_slice(b"`, with args beginning with: ");
        for argument in &request[1..] {
            text.push(b'`');
            text.extend(argument.iter().take(QUOTED));
            text.extend_from_slice(b"`, ");
        }
        Failure::quoting(text)
    }

    /// The error of EXEC if it is refused itself.
    pub(crate) fn aborting_exec(&self) -> Failure {
        let reason = self.0.strip_prefix(b"ERR ").unwrap_or(&self.0);
        Failure::quoting([b"EXECABORT Transaction discarded because of: ", reason].concat())
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}
