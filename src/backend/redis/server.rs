//! The server's description of itself: in the answers to HELLO, INFO and ROLE.

use super::config::Config;
use super::failure::Failure;
use super::protocol::info_field;
use super::texts::server_name;
use crate::model::{Ready, Role, Value};

/// The mode of a cluster's nodes.
const CLUSTER: &str = "cluster";

/// The server's description of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) name: Option<Box<str>>,
    pub(super) version: Option<Box<str>>,
    pub(super) role: Option<Role>,
    pub(super) mode: Option<Box<str>>,
}

impl Server {
    /// # Errors
    ///
    /// It is a Sentinel, which does not deliver the messages of other clients, or no node of a cluster although one
    /// is demanded.
    pub(super) fn expect_redis(&self, is_node_demanded: bool) -> Result<(), Failure> {
        match self.mode.as_deref() {
            Some("sentinel") => Err(Failure::Sentinel),
            Some(mode) if mode != CLUSTER && is_node_demanded => Err(Failure::NotCluster),
            _ => Ok(()),
        }
    }

    /// The server did not say how it is deployed, and the owner says that it is a node of a cluster.
    pub(super) fn believe_cluster(&mut self) {
        self.mode.get_or_insert_with(|| CLUSTER.into());
    }

    /// Whether it is a node of a cluster, whose nodes forward published messages to each other.
    pub(super) fn is_cluster(&self) -> bool {
        self.mode.as_deref() == Some(CLUSTER)
    }

    pub(super) fn set_role(&mut self, role: Option<Role>) {
        self.role = role;
    }

    /// The part that the main thread is told.
    pub(super) fn ready(&self) -> Ready {
        let Self { name, version, role, mode, .. } = self.clone();
        Ready { server: name, version, role, mode, ..Ready::default() }
    }
}

/// The server's description in HELLO's map, or in a list in its place; `None` if it is neither.
pub(super) fn from_hello(reply: &Value, config: &Config) -> Option<Server> {
    let mut server = Server::default();
    let mut note = |key: &Value, value: &Value| {
        if let (Value::String(key), Value::String(value)) = (key, value) {
            match &**key {
                b"server" => server.name = Some(server_name(value, config)),
                b"version" => server.version = Some(server_name(value, config)),
                b"mode" => server.mode = Some(server_name(value, config)),
                b"role" => server.role = role_from_word(value),
                _ => {}
            }
        }
    };
    match reply {
        Value::Map(pairs) => pairs.iter().for_each(|(key, value)| note(key, value)),
        // Servers and proxies that grant RESP3 but answer with a list. Their first confirmation of a subscription
        // shows which protocol they speak.
        Value::Array(flat) => flat.chunks_exact(2).for_each(|pair| note(&pair[0], &pair[1])),
        Value::String(ok) if **ok == *b"OK" => {}
        _ => return None,
    }
    Some(server)
}

/// Takes server, version and mode out of INFO's lines: <https://redis.io/docs/latest/commands/info/>
///
/// Valkey has a `valkey_version` besides the compatible version of Redis, and `server_mode` instead of `redis_mode`.
pub(super) fn from_info(info: &[u8], config: &Config) -> Server {
    let field = |name: &[u8]| info_field(info, name);
    let redis = field(b"redis_version");
    let name = field(b"server_name").or_else(|| redis.map(|_| &b"redis"[..]));
    let version = name.and_then(|name| field(&[name, b"_version"].concat())).or(redis);
    let mode = field(b"redis_mode").or_else(|| field(b"server_mode"));
    let shown = |text| server_name(text, config);
    Server { name: name.map(shown), version: version.map(shown), mode: mode.map(shown), role: None }
}

/// The role in an answer to ROLE: <https://redis.io/docs/latest/commands/role/>
pub(super) fn role_from_role(reply: &Value) -> Option<Role> {
    let Value::Array(items) = reply else { return None };
    let Some(Value::String(role)) = items.first() else { return None };
    role_from_word(role)
}

/// The role in INFO's lines.
pub(super) fn role_from_info(reply: &Value) -> Option<Role> {
    let Value::String(text) = reply else { return None };
    role_from_word(info_field(text, b"role")?)
}

/// The role for the word in HELLO, ROLE or INFO.
pub(super) fn role_from_word(word: &[u8]) -> Option<Role> {
    match word {
        b"master" => Some(Role::Master),
        b"replica" | b"slave" => Some(Role::Replica),
        _ => None,
    }
}
