//! The login: the server's requests and our answers.

use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};

use super::encode::Encoder;
use super::wire::Parts;
use crate::model::{Code, Error};

/// The most SCRAM iterations that a server may ask for. They take a few tenths of a second on the worker, which
/// serves all clients. PostgreSQL's default is 4,096.
const MAX_ITERATIONS: u32 = 100_000;

/// How far a login is.
#[derive(Default)]
pub(super) enum Login {
    /// Before the server's first request. It may also ask for nothing.
    #[default]
    Begun,
    /// The client's first SCRAM message is sent.
    Scram(ScramSha256),
    /// The client has proved that it knows the password; the server has not yet.
    Proved(ScramSha256),
    /// Nothing is left to prove.
    Proven,
}

/// Debug output hides its keys.
impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Begun => "Begun",
            Self::Scram(_) => "Scram",
            Self::Proved(_) => "Proved",
            Self::Proven => "Proven",
        })
    }
}

/// The user who logs in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Identity<'a> {
    pub(super) user: &'a str,
    pub(super) password: Option<&'a [u8]>,
}

impl Login {
    /// Handles an `Authentication` message and writes the answer to `out`. Returns whether the server has let us in.
    pub(super) fn handle(
        &mut self,
        body: &[u8],
        who: Identity<'_>,
        encoder: &mut Encoder,
        out: &mut Vec<u8>,
    ) -> Result<bool, Error> {
        let mut parts = Parts(body);
        let request = parts.i32().ok_or_else(|| protocol("a login without a request"))?;
        let rest = parts.0;
        match (request, std::mem::take(self)) {
            (0, Self::Begun | Self::Proven) => return Ok(true),
            (3, Self::Begun) => {
                *self = Self::Proven;
                encoder.password(out, password(who)?);
            }
            (5, Self::Begun) => {
                let salt = *rest.first_chunk().ok_or_else(|| protocol("MD5 without a salt"))?;
                *self = Self::Proven;
                encoder.password(out, md5_hash(who.user.as_bytes(), password(who)?, salt).as_bytes());
            }
            (10, Self::Begun) => {
                if !rest.split(|&byte| byte == 0).any(|name| name == SCRAM_SHA_256.as_bytes()) {
                    return Err(unsupported());
                }
                let scram = ScramSha256::new(password(who)?, ChannelBinding::unsupported());
                encoder.sasl_begin(out, SCRAM_SHA_256, scram.message());
                *self = Self::Scram(scram);
            }
            (11, Self::Scram(mut scram)) => {
                if iterations(rest).is_none_or(|count| count > MAX_ITERATIONS) {
                    let text = format!(
                        "the server asks for more than {MAX_ITERATIONS} iterations of SCRAM: lower scram_iterations, and set the password anew"
                    );
                    return Err(Error::sent(Code::Protocol, text));
                }
                scram.update(rest).map_err(|_| protocol("SCRAM: a malformed challenge"))?;
                encoder.sasl_answer(out, scram.message());
                *self = Self::Proved(scram);
            }
            (12, Self::Proved(mut scram)) => {
                scram.finish(rest).map_err(|_| {
                    let text = "the server could not prove that it knows the password: this is the wrong server, \
                                or the password was changed meanwhile";
                    Error::sent(Code::Auth, text)
                })?;
                *self = Self::Proven;
            }
            (0, _) => return Err(protocol("the server lets us in without having proved who it is")),
            (2 | 6..=9, _) => return Err(unsupported()),
            _ => return Err(protocol("a login that does not follow the protocol")),
        }
        Ok(false)
    }
}

#[cold]
#[inline(never)]
fn protocol(problem: &str) -> Error {
    Error::sent(Code::Protocol, format!("the server does not keep to PostgreSQL's protocol ({problem})"))
}

fn unsupported() -> Error {
    let text = "the server wants a login other than a password (SCRAM-SHA-256, MD5 or plain): change pg_hba.conf for this user";
    Error::sent(Code::Unsupported, text)
}

fn password(who: Identity<'_>) -> Result<&[u8], Error> {
    who.password.ok_or_else(|| {
        Error::sent(
            Code::Auth,
            "the server asks for a password: write it into the URL, as in postgres://user:password@host",
        )
    })
}

/// SCRAM's number of iterations: the `i=` of `r=…,s=…,i=4096`.
fn iterations(challenge: &[u8]) -> Option<u32> {
    let attribute = challenge.split(|&byte| byte == b',').find_map(|part| part.strip_prefix(b"i="))?;
    std::str::from_utf8(attribute).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handle(login: &mut Login, request: i32, rest: &[u8]) -> Result<bool, Error> {
        let body = [&request.to_be_bytes()[..], rest].concat();
        let who = Identity { user: "bob", password: Some(b"secret") };
        login.handle(&body, who, &mut Encoder::default(), &mut Vec::new())
    }

    #[test]
    fn a_server_that_proves_nothing_is_not_believed() {
        let mut login = Login::default();
        assert_eq!(handle(&mut login, 10, b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"), Ok(false));
        assert_eq!(handle(&mut login, 0, b"").unwrap_err().code, Code::Protocol, "no proof");
        let mut login = Login::default();
        handle(&mut login, 10, b"SCRAM-SHA-256\0\0").unwrap();
        let error = handle(&mut login, 11, b"r=abc,s=QSXCR+Q6sek8bf92,i=2000000000").unwrap_err();
        assert!(error.message.contains("iterations"), "{error}");
    }

    #[test]
    fn logins_that_are_not_spoken_are_named() {
        for (request, rest) in [(7, &b""[..]), (10, b"OAUTHBEARER\0\0")] {
            let error = handle(&mut Login::default(), request, rest).unwrap_err();
            assert_eq!(error.code, Code::Unsupported, "{request}");
        }
        let who = Identity { user: "bob", password: None };
        let mut out = Vec::new();
        let error =
            Login::default().handle(&[0, 0, 0, 3], who, &mut Encoder::default(), &mut out).unwrap_err();
        assert_eq!((error.code, out.len()), (Code::Auth, 0));
    }
}
