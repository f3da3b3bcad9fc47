//! On Windows the host cannot start a PostgreSQL.

use crate::value::Value;

/// Cannot be constructed.
#[derive(Debug)]
pub(crate) enum Postgres {}

impl Postgres {
    /// # Errors
    ///
    /// Always.
    pub(crate) fn start() -> Result<Self, String> {
        Err("the host starts a PostgreSQL on Unix alone".to_owned())
    }

    pub(crate) fn url(&self) -> String {
        match *self {}
    }

    pub(crate) fn call(&self, _: &str, _: &[Value]) -> Result<Value, String> {
        match *self {}
    }
}
