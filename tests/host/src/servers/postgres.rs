//! A PostgreSQL of this run's own.

use std::cell::RefCell;

use real_postgres::RealPostgres;

use super::text;
use crate::value::Value;

/// A PostgreSQL on a free port of 127.0.0.1, and on a Unix socket.
#[derive(Debug)]
pub(crate) struct Postgres(RefCell<RealPostgres>);

impl Postgres {
    /// Starts a server in a folder of its own.
    ///
    /// # Errors
    ///
    /// There is none, or it does not start.
    pub(crate) fn start() -> Result<Self, String> {
        let server = RealPostgres::builder().start().map_err(|error| error.to_string())?;
        Ok(Self(RefCell::new(server)))
    }

    pub(crate) fn url(&self) -> String {
        self.0.borrow().url()
    }

    fn sql(&self, sql: &str) -> Result<String, String> {
        self.0.borrow().psql(sql).map_err(|error| error.to_string())
    }

    fn signal(&self, name: &str) -> Result<(), String> {
        self.0.borrow().signal(name).map_err(|error| error.to_string())
    }

    /// `host.server.METHOD(…)`, and `sql(statement)`.
    ///
    /// # Errors
    ///
    /// There is no such method, the arguments are wrong, or the server can't.
    pub(crate) fn call(&self, method: &str, arguments: &[Value]) -> Result<Value, String> {
        match method {
            "url" => return Ok(self.url().into()),
            "socket" => {
                let server = self.0.borrow();
                let folder = server.folder().display().to_string();
                return Ok(format!(
                    "postgres://postgres:@/postgres?host={folder}/.s.PGSQL.{}",
                    server.port()
                )
                .into());
            }
            "sql" => return Ok(self.sql(text(arguments, 0, method)?)?.into()),
            "publish" => {
                let [channel, message] = [text(arguments, 0, method)?, text(arguments, 1, method)?];
                let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
                self.sql(&format!("SELECT pg_notify({}, {})", quoted(channel), quoted(message)))?;
            }
            "drop" => {
                let others = "backend_type = 'client backend' AND pid <> pg_backend_pid()";
                self.sql(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))?;
            }
            "stop" => self.0.borrow_mut().stop(),
            "start" => self.0.borrow_mut().start().map_err(|error| error.to_string())?,
            "pause" => self.signal("STOP")?,
            "resume" => self.signal("CONT")?,
            _ => return Err(format!("host.server of PostgreSQL has no '{method}'")),
        }
        Ok(Value::Nil)
    }
}
