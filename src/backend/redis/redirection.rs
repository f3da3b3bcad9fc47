//! How a node of a cluster says that it did not run a command: <https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#redirection-and-resharding>

use super::config::Config;
use super::hash_slot::HashSlot;
use super::protocol::{ASK, CLUSTER_DOWN, MOVED, TRY_AGAIN};
use super::texts::endpoint;
use crate::backend::Endpoint;
use crate::model::Error;

/// Where a command that was not run belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Redirection {
    /// Another node holds the hash slot: `node`, if the answering node knows its address.
    Moved { hash_slot: u16, node: Option<Endpoint> },
    /// The hash slot is moving to this node, and the key has moved already. The next command for the slot is still
    /// sent to the old node.
    Ask { hash_slot: u16, node: Endpoint },
    /// The hash slot is moving, and some of the command's keys have moved already.
    TryAgain,
    /// No node holds the hash slot at present.
    Down,
}

/// Whether an error says that the cluster did not run a command, and that another node may, or the same one later.
pub(super) fn is_redirection(error: &Error) -> bool {
    matches!(error.code.as_str(), MOVED | ASK | TRY_AGAIN | CLUSTER_DOWN)
}

impl Redirection {
    /// Parses an error of the server at `used`; `None` if it is another error, or makes no sense.
    pub(super) fn parse(error: &Error, used: &Endpoint, config: &Config) -> Option<Self> {
        match error.code.as_str() {
            TRY_AGAIN => return Some(Self::TryAgain),
            CLUSTER_DOWN => return Some(Self::Down),
            MOVED | ASK => {}
            _ => return None,
        }
        let mut words = error.message.split(' ');
        let hash_slot = HashSlot::from_number(words.next()?.parse().ok()?)?.number();
        // In an IPv6 address the port comes after the last colon.
        let (name, port) = words.next()?.rsplit_once(':')?;
        let port = port.parse().ok().filter(|&port: &u16| port > 0)?;
        let node = match (name, used) {
            // A byte that must not be shown was replaced by U+FFFD: the name leads nowhere.
            _ if !name.is_ascii() => return None,
            // The answering node does not know the other node's name.
            ("?", _) => None,
            // The other node is at the address that was asked.
            ("", Endpoint::Tcp { host, .. }) => Some(Endpoint::Tcp { host: host.clone(), port }),
            _ => Some(endpoint(name.as_bytes(), port, config)?),
        };
        match (error.code.as_str(), node) {
            (MOVED, node) => Some(Self::Moved { hash_slot, node }),
            (_, node) => Some(Self::Ask { hash_slot, node: node? }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Options;
    use crate::backend::redis::texts::server_error;

    fn endpoint(host: &str, port: u16) -> Endpoint {
        Endpoint::Tcp { host: host.to_owned(), port }
    }

    #[test]
    fn texts_of_nodes_are_understood_and_others_are_none() {
        let url = "redis://:hunter2@asked:7001".to_owned();
        let config = Config::new(Options { url: Some(url), ..Options::default() }).unwrap();
        let moved =
            |host: &str, port| Some(Redirection::Moved { hash_slot: 3999, node: Some(endpoint(host, port)) });
        for (text, redirection) in [
            ("MOVED 3999 127.0.0.1:6381", moved("127.0.0.1", 6381)),
            ("MOVED 3999 node-2.example:6381", moved("node-2.example", 6381)),
            ("MOVED 3999 ::1:6381", moved("::1", 6381)),
            ("MOVED 3999 fd00::5:6381", moved("fd00::5", 6381)),
            ("MOVED 3999 [fd00::5]:6381", moved("fd00::5", 6381)),
            ("MOVED 3999 :6381", moved("asked", 6381)),
            ("MOVED 3999 ?:6381", Some(Redirection::Moved { hash_slot: 3999, node: None })),
            ("ASK 16383 b:1", Some(Redirection::Ask { hash_slot: 16_383, node: endpoint("b", 1) })),
            ("ASK 16383 ?:1", None),
            ("TRYAGAIN Multiple keys request during rehashing of slot", Some(Redirection::TryAgain)),
            ("CLUSTERDOWN Hash slot not served", Some(Redirection::Down)),
            ("MOVED 16384 b:1", None),
            ("MOVED -1 b:1", None),
            ("MOVED 3999", None),
            ("MOVED 3999 b", None),
            ("MOVED 3999 b:0", None),
            ("MOVED 3999 b:65536", None),
            ("MOVED 3999 a b:1", None),
            ("MOVED 3999 u@b:1", None),
            ("MOVED 3999 xhunter2x:1", None),
            ("MOVED", None),
            ("ERR no", None),
        ] {
            let error = server_error(text.as_bytes(), &config);
            assert_eq!(Redirection::parse(&error, &endpoint("asked", 7001), &config), redirection, "{text}");
            let is_one = ["MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN"].contains(&error.code.as_str());
            assert_eq!(is_redirection(&error), is_one);
        }
        for code in ["MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "CROSSSLOT"] {
            let url = Some(format!("redis://:{code}@h"));
            let config = Config::new(Options { url, ..Options::default() }).unwrap();
            let error = server_error(format!("{code} 1 b:1").as_bytes(), &config);
            assert_eq!(error.code.as_str(), code, "a password that is a word of servers");
        }
        let socket = Endpoint::Unix("/run/redis.sock".into());
        let error = server_error(b"MOVED 1 :6381", &config);
        assert_eq!(Redirection::parse(&error, &socket, &config), None);
    }
}
