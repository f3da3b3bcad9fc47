//! Parses the answers of Sentinels: <https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/>

use crate::backend::Endpoint;
use crate::backend::redis::config::Config;
use crate::backend::redis::texts::{endpoint, server_name};
use crate::model::Value;

/// The channel on which a Sentinel announces a new master.
pub(super) const SWITCH: &[u8] = b"+switch-master";

/// How many names of masters an error quotes at most.
const MAX_QUOTED: usize = 4;

/// The address in an answer to GET-MASTER-ADDR-BY-NAME: host and port, both as texts. `None` if it cannot be one, or
/// holds a password of `configs`.
pub(super) fn address(reply: &Value, configs: [&Config; 2]) -> Option<Endpoint> {
    let Value::Array(items) = reply else { return None };
    let [host, port] = &items[..] else { return None };
    named(host, port, configs)
}

fn named(name: &Value, port: &Value, configs: [&Config; 2]) -> Option<Endpoint> {
    let Value::String(name) = name else { return None };
    let port = match port {
        Value::String(text) => std::str::from_utf8(text).ok()?.parse().ok()?,
        Value::Integer(port) => u16::try_from(*port).ok()?,
        _ => return None,
    };
    endpoint(name, port, configs[0]).and(endpoint(name, port, configs[1]))
}

/// The addresses of the other Sentinels, in an answer to SENTINEL SENTINELS. Entries that cannot be an address are
/// skipped.
pub(super) fn sentinels<'a>(
    reply: &'a Value,
    configs: [&'a Config; 2],
) -> impl Iterator<Item = Endpoint> + use<'a> {
    items(reply).iter().filter_map(move |one| named(field(one, b"ip")?, field(one, b"port")?, configs))
}

/// The names of the masters that a Sentinel watches, in an answer to SENTINEL MASTERS, as an error quotes them.
pub(super) fn masters(reply: &Value, config: &Config) -> Vec<String> {
    let name = |master| match field(master, b"name") {
        Some(Value::String(name)) => Some(server_name(name, config)),
        _ => None,
    };
    let mut names: Vec<_> = items(reply).iter().filter_map(name).map(String::from).collect();
    let more = names.len().saturating_sub(MAX_QUOTED);
    names.truncate(MAX_QUOTED);
    names.extend((more > 0).then(|| format!("{more} more")));
    names
}

/// Whether a message on [`SWITCH`] is about this master. It has the name, then the old address and the new one.
pub(super) fn is_about(message: &[u8], master: &str) -> bool {
    message.split(|&byte| byte == b' ').next() == Some(master.as_bytes())
}

fn items(value: &Value) -> &[Value] {
    if let Value::Array(items) = value { items } else { &[] }
}

/// A field of a map, which RESP2 writes as a list.
fn field<'a>(value: &'a Value, key: &[u8]) -> Option<&'a Value> {
    let is_key = |name: &Value| matches!(name, Value::String(name) if **name == *key);
    match value {
        Value::Map(pairs) => pairs.iter().find(|(name, _)| is_key(name)).map(|(_, value)| value),
        Value::Array(flat) => flat.chunks_exact(2).find(|pair| is_key(&pair[0])).map(|pair| &pair[1]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Options;

    fn config() -> Config {
        let url = Some("redis://:sesame@h".to_owned());
        Config::new(Options { url, ..Options::default() }).unwrap()
    }

    fn text(text: &str) -> Value {
        Value::String(text.as_bytes().into())
    }

    #[test]
    fn an_address_is_a_host_and_a_port_and_nothing_else_passes_for_one() {
        let config = config();
        for (host, port, expected) in [
            ("10.0.0.5", "6379", Some("10.0.0.5:6379")),
            ("::1", "6379", Some("[::1]:6379")),
            ("redis-0.redis.svc", "26379", Some("redis-0.redis.svc:26379")),
            ("", "6379", None),
            ("?", "6379", None),
            ("a b", "6379", None),
            ("a:1", "6379", None),
            ("x-sesame-x", "6379", None),
            ("h", "0", None),
            ("h", "65536", None),
            ("h", "-1", None),
            ("h", "", None),
        ] {
            let reply = Value::Array(vec![text(host), text(port)]);
            let address = address(&reply, [&config, &config]).map(|address| address.to_string());
            assert_eq!(address.as_deref(), expected, "{host} {port}");
        }
        for reply in [
            Value::Null,
            text("10.0.0.5"),
            Value::Array(vec![]),
            Value::Array(vec![text("h")]),
            Value::Array(vec![text("h"), Value::Null]),
            Value::Array(vec![Value::Null, text("1")]),
        ] {
            assert_eq!(address(&reply, [&config, &config]), None, "{reply:?}");
        }
    }

    #[test]
    fn lists_are_read_in_both_protocols_and_what_is_odd_in_them_is_passed_over() {
        let config = config();
        let flat =
            Value::Array(vec![text("name"), text("s2"), text("ip"), text("h2"), text("port"), text("2")]);
        let map = Value::Map(vec![(text("port"), text("3")), (text("ip"), text("h3"))]);
        let odd = Value::Map(vec![(text("ip"), text("h4"))]);
        let reply = Value::Array(vec![flat, Value::Null, odd, map]);
        let found: Vec<_> = sentinels(&reply, [&config, &config]).map(|one| one.to_string()).collect();
        assert_eq!(found, ["h2:2", "h3:3"]);
        let named = |n: usize| Value::Map(vec![(text("name"), text(&format!("m{n}")))]);
        let names = masters(&Value::Array((0..9).map(named).collect()), &config);
        assert_eq!(names, ["m0", "m1", "m2", "m3", "5 more"]);
    }

    #[test]
    fn a_message_is_about_the_name_that_it_begins_with() {
        for (message, is_ours) in [
            ("mymaster 10.0.0.1 6379 10.0.0.2 6379", true),
            ("mymaster2 10.0.0.1 6379 10.0.0.2 6379", false),
            ("other 10.0.0.1 6379 mymaster 6379", false),
            ("", false),
        ] {
            assert_eq!(is_about(message.as_bytes(), "mymaster"), is_ours, "{message}");
        }
    }
}
