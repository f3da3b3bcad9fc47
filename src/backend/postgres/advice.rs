//! What an owner can do about a connection that fails.

use std::io::ErrorKind;

use super::config::Config;
use super::server_error::ServerError;
use crate::backend::LinkError;
use crate::backend::tls_advice::TlsWords;
use crate::model::{Code, Error, NAME_CHARACTERS, printable};

/// Turns a server's error about the connection into words for owners: the advice first, then the server's text.
pub(super) fn about_connection(error: ServerError, user: &str, database: &str) -> Error {
    let user = printable(user.as_bytes(), NAME_CHARACTERS);
    let database = printable(database.as_bytes(), NAME_CHARACTERS);
    let advice = match &*error.code {
        "28P01" => format!("wrong password for the role {user}, or no such role"),
        "28000" => format!("the server does not let the role {user} in from here: see pg_hba.conf, and whether the role may LOGIN"),
        "3D000" => format!("there is no database {database}: CREATE DATABASE, or name another one at the end of the URL"),
        "42501" => format!("the role {user} may not connect to {database}: GRANT CONNECT ON DATABASE"),
        "53300" => "the server has no connection left: raise max_connections, or end idle clients (each client of ours takes two)"
            .into(),
        "57P03" => "the server is starting, stopping, or restoring its data".into(),
        "57P01" | "57P02" => "the server was shut down, or an administrator ended the connection".into(),
        _ => String::new(),
    };
    let (code, text) = (error.code, error.text);
    let text = if advice.is_empty() { text } else { format!("{advice}; the server said: {text}") };
    Error::sent(Code::Server(code), text)
}

/// The server is not of the kind that `target_session_attrs` asks for.
pub(super) fn not_wanted(is_standby: bool, wanted: &str) -> Error {
    let text = if is_standby {
        format!(
            "the server is a hot standby, which supports neither LISTEN nor NOTIFY, and target_session_attrs wants {wanted}: \
             name the primary, or all servers with commas between them"
        )
    } else {
        format!("the server is not what target_session_attrs wants: {wanted}")
    };
    Error::sent(Code::Unsupported, text)
}

/// PostgreSQL's words for the options of TLS.
const TLS_WORDS: TlsWords = TlsWords {
    not_tls: "is it a PostgreSQL?",
    authorities: "ssl_ca_file in postgresql.conf",
    unchecked: ", or sslmode=require, which encrypts and checks no certificate",
};

/// Why a link was lost or could not be opened.
pub(super) fn link(cause: &LinkError, config: &Config) -> Error {
    let text = match cause {
        LinkError::Tls(error) => {
            TLS_WORDS.advice(error, config.security.as_ref().map(|security| &*security.tls))
        }
        LinkError::Connect { source, .. } if source.kind() == ErrorKind::ConnectionRefused => {
            format!(
                "{cause}; nobody listens there: does PostgreSQL run, with this port, and does listen_addresses in postgresql.conf \
                 name this address?"
            )
        }
        _ => cause.to_string(),
    };
    Error::sent(cause.code(), text)
}

/// The server does not speak TLS.
pub(super) fn no_tls() -> Error {
    let text = "the server does not speak TLS: switch ssl on in postgresql.conf, or write sslmode=disable if the network between is \
                your own";
    Error::sent(Code::Tls, text)
}

/// The peer is not a PostgreSQL server.
#[cold]
#[inline(never)]
pub(super) fn protocol(problem: &str) -> Error {
    let text = format!(
        "the program that answers does not speak PostgreSQL's protocol ({problem}): is it the right port? PostgreSQL's is 5432"
    );
    Error::sent(Code::Protocol, text)
}

/// Published messages do not arrive.
pub(super) const DELIVERS_NOTHING: &str = "the server takes messages and delivers none, as through a connection pooler in transaction mode: \
                                           set pool_mode = session for this database in pgbouncer.ini, or connect to PostgreSQL itself";
