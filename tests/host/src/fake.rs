//! `host.fake`: the embedded server, driven from Lua.

use crate::value::Value;

/// The embedded server.
#[derive(Debug)]
pub(crate) struct Fake {}

impl Fake {
    pub(crate) fn start() -> Result<Self, String> {
        Err("there is none yet".to_owned())
    }

    pub(crate) fn url(&self) -> String {
        String::new()
    }

    /// `host.fake.METHOD(…)`.
    pub(crate) fn call(&self, method: &str, _arguments: &[Value]) -> Result<Value, String> {
        Err(format!("host.fake has no function '{method}'"))
    }
}
