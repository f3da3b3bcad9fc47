//! From a new connection to one that is ready for commands: TLS, login, and the server's role.

use std::sync::Arc;
use std::time::Instant;

use super::advice;
use super::connection::{CANCEL, COMMANDS, Connection, Greeting, Key, Stage};
use super::login::Identity;
use super::server_error::ServerError;
use super::session::PostgresSession;
use super::wire::{Message, Parts};
use crate::backend::Action;
use crate::model::{Code, Error, LinkId, NAME_CHARACTERS, Rows, Sink, Value, printable};

/// Asks for a server's role. It works in every version and through poolers.
const ROLE: &str = "SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('transaction_read_only'), \
                    pg_catalog.pg_backend_pid()";

/// The SQLSTATE for a client that pg_hba.conf refuses.
const NOT_LET_IN: &str = "28000";

impl PostgresSession {
    /// The link is connected: asks for TLS, or logs in at once.
    pub(super) fn begin(&mut self, link: LinkId) {
        if self.config.security.is_none() || self.is_plain {
            return self.start_up(link);
        }
        let mut out = Vec::new();
        self.encoder.ssl_request(&mut out);
        if let Some(connection) = self.link_mut(link).connection_mut() {
            connection.stage = Stage::AskedForTls;
            connection.pipeline.tell(&out);
        }
    }

    /// The first message to a server.
    pub(super) fn start_up(&mut self, link: LinkId) {
        if link == CANCEL {
            return self.request_cancel();
        }
        let Self { encoder, config, .. } = self;
        let mut out = Vec::new();
        encoder.startup(
            &mut out,
            &[
                ("user", &config.user),
                ("database", &config.database),
                ("application_name", &config.name),
                ("client_encoding", "UTF8"),
                ("DateStyle", "ISO"),
            ],
        );
        if let Some(Connection { pipeline, .. }) = self.link_mut(link).connection_mut() {
            pipeline.tell(&out);
        }
    }

    /// The server's answer to the request for TLS: one byte.
    pub(super) fn handle_tls_answer(&mut self, link: LinkId, bytes: &[u8]) -> Result<(), Error> {
        let Some(security) = &self.config.security else { return Ok(()) };
        match bytes {
            b"S" => {
                let name = security.name(&self.config.hosts[self.host]);
                self.actions.push_back(Action::Secure { link, tls: Arc::clone(&security.tls), name });
                if let Some(connection) = self.link_mut(link).connection_mut() {
                    connection.stage = Stage::Securing;
                }
            }
            b"N" if security.is_optional => {
                if let Some(connection) = self.link_mut(link).connection_mut() {
                    connection.stage = Stage::Login(super::login::Login::default());
                }
                self.start_up(link);
            }
            b"N" => return Err(advice::no_tls()),
            // Bytes after it in the same read are not encrypted, and must not be taken for encrypted ones.
            [b'S', ..] => {
                return Err(advice::protocol(
                    "bytes came with the answer about TLS, as an attacker would send them",
                ));
            }
            // The server is too old, or out of service. Its text is not shown, because it came without TLS.
            [b'E', ..] => return Err(advice::no_tls()),
            _ => return Err(advice::protocol("an unknown answer about TLS")),
        }
        Ok(())
    }

    /// With `sslmode=prefer`, tries a server once more without TLS on a new connection, as libpq does, if it answers
    /// the request for TLS with an error, its handshake fails, or its pg_hba.conf refuses clients with TLS.
    /// `is_gone`: the connection is closed already. Returns whether it tries again.
    pub(super) fn retry_without_tls(
        &mut self,
        link: LinkId,
        error: &Error,
        is_gone: bool,
        now: Instant,
    ) -> bool {
        let is_optional = self.config.security.as_ref().is_some_and(|security| security.is_optional);
        let Some(connection) = self.link(link).connection().filter(|_| is_optional && !self.is_plain) else {
            return false;
        };
        let is_refused = match connection.stage {
            Stage::AskedForTls => !is_gone && error.code == Code::Tls,
            Stage::Securing => is_gone,
            Stage::Login(_) => connection.secured.is_some() && error.code == Code::Server(NOT_LET_IN.into()),
            Stage::Admitted | Stage::Role | Stage::Up => false,
        };
        if !is_refused {
            return false;
        }
        if !is_gone {
            self.actions.push_back(Action::Close(link));
        }
        self.is_plain = true;
        let endpoint = self.endpoint_of(link);
        self.make(link, endpoint, now);
        true
    }

    /// Handles a message of the handshake.
    pub(super) fn greeting(
        &mut self,
        link: LinkId,
        message: Message<'_>,
        now: Instant,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        let max = self.config.max_message_bytes;
        let Message::Whole(tag, body) = message else {
            return Err(advice::protocol("a message is too long for a login"));
        };
        let Self { config, encoder, commands, subscriptions, .. } = self;
        let connection = match link {
            COMMANDS => commands,
            // This link has no login, and the server sends nothing.
            CANCEL => return Ok(()),
            _ => subscriptions,
        };
        let Some(connection) = connection.connection_mut() else { return Ok(()) };
        match (tag, &mut connection.stage) {
            (b'E', _) => {
                let error = ServerError::read(body);
                return Err(advice::about_connection(error, config, connection.is_plain()));
            }
            (b'K', _) => {
                let mut parts = Parts(body);
                let (process, secret) = (parts.i32(), parts.i32());
                connection.key = process.zip(secret).map(|(process, secret)| Key { process, secret });
            }
            (b'N' | b'A' | b'v', _) => {}
            (b'S', _) => {
                let mut parts = Parts(body);
                if let (Some(b"server_version"), Some(version)) = (parts.text(), parts.text()) {
                    connection.version = Some(printable(version, NAME_CHARACTERS).into());
                }
            }
            (b'R', Stage::Login(login)) => {
                let who =
                    Identity { user: &config.user, password: config.password.as_ref().map(|it| &*it.0) };
                let mut out = Vec::new();
                if login.handle(body, who, encoder, &mut out)? {
                    connection.stage = Stage::Admitted;
                }
                connection.pipeline.tell(&out);
            }
            (b'Z', Stage::Admitted) if link != COMMANDS => self.up(link, now, sink),
            (b'Z', Stage::Admitted) => {
                connection.stage = Stage::Role;
                let mut out = Vec::new();
                encoder.query(&mut out, ROLE);
                connection.pipeline.tell(&out);
            }
            (b'T', Stage::Role) => {
                connection.reply.describe(body, max).ok_or_else(|| advice::protocol("malformed columns"))?;
            }
            (b'D', Stage::Role) => {
                connection.reply.row(body, max).ok_or_else(|| advice::protocol("a malformed row"))?;
            }
            (b'C', Stage::Role) => connection.reply.complete(body, max),
            (b'Z', Stage::Role) => {
                let reply = std::mem::take(&mut connection.reply);
                let Value::Rows(rows) = reply.into_one() else { return Ok(()) };
                let Rows { values, .. } = *rows;
                let [Value::Boolean(is_standby), Value::String(read_only), Value::Integer(process)] =
                    &values[..]
                else {
                    return Err(advice::protocol("no answer to the question for its role"));
                };
                let is_pooled = connection.key.map(|key| i64::from(key.process)) != Some(*process);
                let greeting =
                    Greeting { is_standby: *is_standby, is_read_only: **read_only == *b"on", is_pooled };
                return self.greeted(&greeting, now, sink);
            }
            _ => return Err(advice::protocol("a message that does not belong in a login")),
        }
        Ok(())
    }
}
