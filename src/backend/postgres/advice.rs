//! What an owner can do about a connection that fails.

use std::io::ErrorKind;
use std::time::Duration;

use super::config::Config;
use super::server_error::{Reporter, ServerError};
use crate::backend::LinkError;
use crate::backend::tls_advice::TlsWords;
use crate::model::{Code, Error, NAME_CHARACTERS, printable};

/// Turns a server's error about the connection into words for owners: the advice first, then the server's text
/// without the password.
/// `is_plain`: the connection is one over the network without TLS.
pub(super) fn about_connection(error: ServerError, config: &Config, is_plain: bool) -> Error {
    let user = printable(config.user.as_bytes(), NAME_CHARACTERS);
    let database = printable(config.database.as_bytes(), NAME_CHARACTERS);
    let advice = match (&*error.code, error.reporter) {
        ("28P01", _) => format!("wrong password for the role {user}, or no such role"),
        ("28000", Reporter::RoleCheck) => format!("the role {user} may not log in: ALTER ROLE {user} LOGIN"),
        ("28000", _) if is_plain => format!(
            "the server does not let the role {user} in from here without TLS: see pg_hba.conf, whose hostssl lines need TLS \
             (sslmode), whether the role may LOGIN, and whether the database's name in the URL is right"
        ),
        ("28000", _) => format!(
            "the server does not let the role {user} in from here: see pg_hba.conf, whether the role may LOGIN, and whether the \
             database's name in the URL is right"
        ),
        ("3D000", _) => format!(
            "there is no database {database}: CREATE DATABASE, or name another one at the end of the URL"
        ),
        ("42501", _) => format!("the role {user} may not connect to {database}: GRANT CONNECT ON DATABASE"),
        ("53300", Reporter::RoleCheck) => {
            format!(
                "the role {user} has no connection left: raise its limit with ALTER ROLE {user} CONNECTION LIMIT ({TAKES_TWO})"
            )
        }
        ("53300", Reporter::DatabaseCheck) => format!(
            "the database {database} has no connection left: raise its limit with ALTER DATABASE {database} CONNECTION LIMIT \
             ({TAKES_TWO})"
        ),
        ("53300", _) => {
            format!(
                "the server has no connection left: raise max_connections, or end idle clients ({TAKES_TWO})"
            )
        }
        ("57P03", _) => "the server is starting, stopping, or restoring its data".into(),
        ("57P01" | "57P02", _) => "the server was shut down, or an administrator ended the connection".into(),
        (PROTOCOL_VIOLATION, Reporter::Unnamed) => of_pooler(&error.text, &user, &database),
        _ => String::new(),
    };
    let (code, text) = (error.code, config.without_password(error.text));
    let text = if advice.is_empty() { text } else { format!("{advice}; the server said: {text}") };
    Error::sent(Code::Server(code), text)
}

const TAKES_TWO: &str = "each client of ours takes two";

/// The SQLSTATE of every error that pgbouncer reports, whether the error is its own or the server's.
const PROTOCOL_VIOLATION: &str = "08P01";

/// What to do about an error of pgbouncer. Its texts are always in English, and nothing else tells its errors apart.
fn of_pooler(text: &str, user: &str, database: &str) -> String {
    match text {
        "SASL authentication failed" | "password authentication failed" => format!(
            "the connection pooler in between does not let the role {user} in: wrong password, or the role is not in its auth_file"
        ),
        "query_wait_timeout" | "client_login_timeout (server down)" => {
            format!("the connection pooler in between had no connection to PostgreSQL in time: {NO_ROOM}")
        }
        _ if text.starts_with("no such database") => format!(
            "the connection pooler in between has no database {database}: add it to [databases] in pgbouncer.ini, or name another \
             one at the end of the URL"
        ),
        _ if text.starts_with("server login has been failing") => {
            "the connection pooler in between cannot log in to PostgreSQL: its log says why".into()
        }
        _ if text.starts_with("no more connections allowed") => {
            format!("the connection pooler in between has no connection left: raise max_client_conn ({TAKES_TWO})")
        }
        "SSL required" => "the connection pooler in between wants TLS: take sslmode=disable out of the URL; for an address of \
                           this machine write sslmode=require"
            .into(),
        _ => "a connection pooler in between refused the login, or passes on what PostgreSQL said to it: its log may say more".into(),
    }
}

const NO_ROOM: &str =
    "raise default_pool_size in pgbouncer.ini (each client of ours takes two), or look into its log";

const RIGHT_PORT: &str = "is it the right port? PostgreSQL's is 5432";

/// The login took longer than `timeout`.
pub(super) fn not_let_in(timeout: Duration) -> Error {
    let text = format!(
        "the server did not let us in within {} s: it hangs, or is not PostgreSQL ({RIGHT_PORT}); or a connection pooler in between has \
         no connection to PostgreSQL left: {NO_ROOM}",
        timeout.as_secs_f64()
    );
    Error::sent(Code::Timeout, text)
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
pub(super) fn link(cause: &LinkError, config: &Config, was_up: bool) -> Error {
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
        LinkError::Eof | LinkError::Truncated | LinkError::Io(_) if !was_up => {
            format!("{cause} before it let us in; {RIGHT_PORT}")
        }
        _ => cause.to_string(),
    };
    Error::sent(cause.code(), text)
}

/// The server does not speak TLS.
pub(super) fn no_tls() -> Error {
    let text = "the server does not speak TLS: set ssl = on in postgresql.conf; or, if the network in between is your own, write \
                sslmode=disable, and host in place of hostssl into pg_hba.conf";
    Error::sent(Code::Tls, text)
}

/// The peer is not a PostgreSQL server.
#[cold]
#[inline(never)]
pub(super) fn protocol(problem: &str) -> Error {
    let text =
        format!("the program that answers does not speak PostgreSQL's protocol ({problem}): {RIGHT_PORT}");
    Error::sent(Code::Protocol, text)
}

/// Published messages do not arrive.
pub(super) const DELIVERS_NOTHING: &str = "the server takes messages and delivers none, as a connection pooler in transaction mode does: \
                                           set pool_mode = session for this database in pgbouncer.ini, or connect to PostgreSQL itself";
