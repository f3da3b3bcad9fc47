//! Remedies for a refusal by the server's ACL: the words of `ACL SETUSER` for the user that logs in here.
//!
//! The server says which kind of right is missing, and usually for which command. The channels and keys that need the
//! right are known from the refused request. See
//! <https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/>.

use super::acl_rule::{NAME_BYTES, Rule, exact_rule, pattern_rule, quoted};
use super::config::Config;
use super::keys::keys_of;
use super::login::Credentials;
use super::protocol::{DEFAULT_USER, NO_PERMISSION, PROBE_PREFIX, command_of};
use super::sharded_error;
use crate::backend::toolbox::Operation::{Subscribe, Unsubscribe};
use crate::backend::toolbox::{RefusalKind, RefusedTopic, RefusedTopics};
use crate::model::{Args, Error, Event, Remedy, RequestKind, Topic, TopicKind};

/// The command that the server refused.
#[derive(Debug, Clone, Copy)]
pub(super) enum RefusedCommand<'a> {
    Subscribe(TopicKind, &'a [u8]),
    Unsubscribe(TopicKind),
    Publish(&'a [u8]),
    SPublish(&'a [u8]),
    Command(&'a Args),
    /// SUBSCRIBE or PUBLISH, for `verify_delivery`.
    Probe(&'static str),
    /// A command without a channel and without a key.
    Plain(&'static str),
}

impl<'a> RefusedCommand<'a> {
    /// The part of a request that an answer belongs to, if `left` more answers follow it.
    pub(super) fn part(kind: &'a RequestKind, left: usize) -> Self {
        match kind {
            RequestKind::Publish(args) => Self::Publish(args.get(0).unwrap_or_default()),
            RequestKind::SPublish(args) => Self::SPublish(args.get(0).unwrap_or_default()),
            RequestKind::Command(args) => Self::Command(args),
            RequestKind::Ping => Self::Plain("ping"),
            // MULTI, the commands, EXEC.
            RequestKind::Transaction(_) if left == 0 => Self::Plain("exec"),
            RequestKind::Transaction(commands) => {
                let command = commands.len().checked_sub(left).and_then(|at| commands.get(at));
                command.map_or(Self::Plain("multi"), Self::Command)
            }
        }
    }

    /// The command's name, in lower case and with its subcommand.
    fn command(&self) -> Option<String> {
        let name = match self {
            Self::Subscribe(kind, _) => return Some(command_of(Subscribe, *kind).to_ascii_lowercase()),
            Self::Unsubscribe(kind) => return Some(command_of(Unsubscribe, *kind).to_ascii_lowercase()),
            Self::Publish(_) => "publish",
            Self::SPublish(_) => "spublish",
            Self::Probe(name) | Self::Plain(name) => name,
            Self::Command(args) => {
                let name = command_name(args.get(0)?)?;
                let sub = args.get(1).and_then(command_name).filter(|_| CONTAINERS.contains(&&*name));
                return Some(sub.map_or_else(|| name.clone(), |sub| format!("{name}|{sub}")));
            }
        };
        Some(name.to_owned())
    }

    fn is_sharded(&self) -> bool {
        use TopicKind::ShardedChannel;
        matches!(
            self,
            Self::SPublish(_) | Self::Subscribe(ShardedChannel, _) | Self::Unsubscribe(ShardedChannel)
        )
    }

    /// The rules for its channels.
    fn channels(&self) -> Vec<Rule> {
        let rule = match *self {
            Self::Subscribe(TopicKind::Pattern, pattern) => pattern_rule(pattern),
            Self::Subscribe(_, name) | Self::Publish(name) | Self::SPublish(name) => exact_rule(b'&', name),
            // A script's channel is unknown: the first argument of EVAL is the script.
            Self::Command(args) => args
                .get(0)
                .filter(|name| {
                    [&b"publish"[..], b"spublish"].iter().any(|own| name.eq_ignore_ascii_case(own))
                })
                .and_then(|_| exact_rule(b'&', args.get(1)?)),
            // Each client has a channel of its own.
            Self::Probe(_) => pattern_rule(&[PROBE_PREFIX, b"*"].concat()),
            Self::Unsubscribe(_) | Self::Plain(_) => None,
        };
        rule.into_iter().collect()
    }

    /// The rules for its keys.
    fn keys(&self) -> Vec<Rule> {
        let Self::Command(args) = self else { return Vec::new() };
        keys_of(args).into_iter().filter_map(|key| exact_rule(b'~', key)).collect()
    }
}

/// Commands whose first argument is a part of their name.
const CONTAINERS: [&str; 15] = [
    "acl", "client", "cluster", "command", "config", "function", "latency", "memory", "module", "object",
    "pubsub", "script", "slowlog", "xgroup", "xinfo",
];

/// How long an error of the server is expected to last.
pub(super) fn refusal_kind(error: &Error) -> RefusalKind {
    if error.code.as_str() == NO_PERMISSION { RefusalKind::Forbidden } else { RefusalKind::Passing }
}

/// An error of the server, in words for owners.
fn in_words(error: Error, refused: RefusedCommand<'_>) -> Error {
    if refused.is_sharded() { sharded_error::in_words(error) } else { error }
}

/// Adds the rules that allow the command to a server error, if the ACL is the reason.
pub(super) fn explained(error: Error, refused: RefusedCommand<'_>, config: &Config) -> Error {
    let error = in_words(error, refused);
    if error.code.as_str() != NO_PERMISSION {
        return error;
    }
    let rules = missing(&error.message, refused);
    if rules.is_empty() {
        return error;
    }
    error.with_remedy(Remedy {
        beginning: format!("to allow it, type into redis-cli: ACL SETUSER {}", user(config)).into(),
        words: rules.iter().map(|rule| quoted(rule).into()).collect(),
    })
}

/// The console line if a cluster's node may not be asked for the other nodes.
pub(super) fn nodes_forbidden(config: &Config) -> String {
    format!(
        "the ACL forbids to ask for the nodes of the cluster, so the client knows only the addresses in its settings; to allow \
         it, type into redis-cli on each node: ACL SETUSER {} '+cluster|slots' '+cluster|info'",
        user(config)
    )
}

/// The user who logs in, as it is typed.
pub(super) fn user(config: &Config) -> String {
    let login = config.credentials.as_ref();
    login.map_or(Some(DEFAULT_USER), Credentials::user_to_show).map_or_else(|| "USER".to_owned(), quoted)
}

/// The same for the event of a refused subscription.
pub(super) fn explained_event(event: Event, config: &Config) -> Event {
    match event {
        Event::SubscribeFailed { topic, error } => {
            let error = explained(error, RefusedCommand::Subscribe(topic.kind, &topic.name), config);
            Event::SubscribeFailed { topic, error }
        }
        other => other,
    }
}

/// Refused topics, as Stats show them; `None` if there are none.
pub(super) fn listed(topics: &RefusedTopics<'_>, config: &Config) -> Option<String> {
    let error = topics.some.first().map(|first| in_words(first.error.clone(), refused_command(*first)))?;
    let (mut names, mut remedy) = (Vec::new(), None::<Box<Remedy>>);
    for &topic in &topics.some {
        let RefusedTopic { kind, name, is_wanted, error } = topic;
        match (&mut remedy, explained(error.clone(), refused_command(topic), config).remedy) {
            (Some(remedy), Some(other)) => drop(remedy.merge(&other)),
            (remedy, other) => *remedy = remedy.take().or(other),
        }
        let topic = Topic { kind, name: name.into() };
        names.push(if is_wanted { topic.to_string() } else { format!("the end of {topic}") });
    }
    let more = topics.count.saturating_sub(names.len());
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let error = if let Some(remedy) = remedy { error.with_remedy(*remedy) } else { error };
    Some(format!("{}{more}: {error}", names.join(", ")))
}

/// The command that was refused for a topic.
fn refused_command(topic: RefusedTopic<'_>) -> RefusedCommand<'_> {
    let RefusedTopic { kind, name, is_wanted, .. } = topic;
    if is_wanted { RefusedCommand::Subscribe(kind, name) } else { RefusedCommand::Unsubscribe(kind) }
}

/// The rules that are missing. Redis 6 says `this user has no permissions to run the 'get' command or its
/// subcommand`, `… to access one of the keys used as arguments`, `… one of the channels used as arguments`; Redis 7.2
/// and Valkey `User bob has no permissions to run the 'get' command`, `No permissions to access a key`, `… a
/// channel`.
fn missing(text: &str, refused: RefusedCommand<'_>) -> Vec<Rule> {
    let command = |name: String| format!("+{name}").into_bytes();
    let text = text.to_ascii_lowercase();
    if let Some((_, rest)) = text.split_once("to run the '") {
        // The named command may differ from the one that was sent: a script runs other commands.
        let told = rest.split_once('\'').and_then(|(name, _)| command_name(name.as_bytes()));
        let own = refused.command();
        // Redis 6 does not name the subcommand.
        let is_narrower = own
            .as_deref()
            .zip(told.as_deref())
            .is_some_and(|(own, told)| own.strip_prefix(told).is_some_and(|sub| sub.starts_with('|')));
        let name = if is_narrower { own } else { told.or(own) };
        return name.into_iter().map(command).collect();
    }
    // Leaves out names: the user's, which comes before, and the channel's or key's in quotes.
    let words = text.rsplit_once("permissions").map_or(&*text, |(_, words)| words);
    let (words, last) =
        (words.split('\'').next().unwrap_or_default(), words.rsplit('\'').next().unwrap_or_default());
    let says = |word| words.contains(word) || last.contains(word);
    if says("channel") {
        return refused.channels();
    }
    if says("key") {
        return refused.keys();
    }
    // The words of another server.
    refused.command().map(command).into_iter().chain(refused.channels()).collect()
}

/// A command's name, if it may occur in a rule.
fn command_name(name: &[u8]) -> Option<String> {
    let is_name = (1..=NAME_BYTES).contains(&name.len())
        && name.iter().all(|b| b.is_ascii_alphanumeric() || b"_-.|".contains(b));
    is_name.then(|| String::from_utf8_lossy(name).to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Options;
    use crate::model::Code;

    fn config(url: &str) -> Config {
        Config::new(Options { url: Some(url.to_owned()), ..Options::default() }).unwrap()
    }

    /// The words to type, without the prefix that is always the same.
    fn words(text: &'static str, refused: RefusedCommand<'_>) -> String {
        let error = Error::sent(Code::Server(NO_PERMISSION.into()), text);
        let error = explained(error, refused, &config("redis://gmod:secret@host"));
        let typed = error.remedy.map_or_else(String::new, |remedy| remedy.to_string());
        typed.replace("to allow it, type into redis-cli: ACL SETUSER gmod ", "")
    }

    const CHANNEL: [&str; 2] = [
        "this user has no permissions to access one of the channels used as arguments",
        "No permissions to access a channel",
    ];
    const KEY: [&str; 2] = [
        "this user has no permissions to access one of the keys used as arguments",
        "No permissions to access a key",
    ];

    fn args(words: &[&str]) -> Args {
        words.iter().collect()
    }

    #[test]
    fn each_servers_words_are_understood() {
        let (channel, pattern) = (
            RefusedCommand::Subscribe(TopicKind::Channel, b"chat"),
            RefusedCommand::Subscribe(TopicKind::Pattern, b"c[a]*"),
        );
        for text in CHANNEL {
            assert_eq!(words(text, channel), "'&chat'");
            assert_eq!(words(text, pattern), "'&c[a]*'", "it must stand in a rule as it is");
            assert_eq!(words(text, RefusedCommand::Publish(b"chat")), "'&chat'");
        }
        let in_script = "ACL failure in script: No permissions to access a channel";
        let (script, publish) = (args(&["EVAL", "a text", "0"]), args(&["SPUBLISH", "chat", "hi"]));
        assert_eq!(words(in_script, RefusedCommand::Command(&script)), "", "a script's text is no channel");
        assert_eq!(words(CHANNEL[1], RefusedCommand::Command(&publish)), "'&chat'");
        let set = args(&["SET", "players:1", "secret"]);
        for text in KEY {
            assert_eq!(words(text, RefusedCommand::Command(&set)), "'~players:1'");
        }
        for (text, refused, rule) in [
            (
                "this user has no permissions to run the 'subscribe' command or its subcommand",
                channel,
                "+subscribe",
            ),
            ("User gmod has no permissions to run the 'psubscribe' command", pattern, "+psubscribe"),
            (
                "this user has no permissions to run the 'publish' command",
                RefusedCommand::Publish(b"chat"),
                "+publish",
            ),
            ("User gmod has no permissions to run the 'set' command", RefusedCommand::Command(&set), "+set"),
            (
                "User key has no permissions to run the 'unsubscribe' command",
                RefusedCommand::Unsubscribe(TopicKind::Channel),
                "+unsubscribe",
            ),
            // A server with other words: everything that may be missing.
            ("you may not", channel, "+subscribe '&chat'"),
            ("you may not", RefusedCommand::Plain("ping"), "+ping"),
        ] {
            assert_eq!(words(text, refused), rule, "{text}");
        }
        let named = args(&["GET", "channels"]);
        for text in [
            "User channel has no permissions to access the 'channels' key",
            "User gmod has no permissions to access the 'channels' key",
            "no permissions to access the 'it's a channel' key",
        ] {
            assert_eq!(words(text, RefusedCommand::Command(&named)), "'~channels'", "{text}");
        }
        let get = args(&["CONFIG", "GET", "save"]);
        for (text, rule) in [
            ("this user has no permissions to run the 'config' command or its subcommand", "'+config|get'"),
            ("User gmod has no permissions to run the 'config|get' command", "'+config|get'"),
            // A command that a script ran.
            ("User gmod has no permissions to run the 'hset' command", "+hset"),
            ("User gmod has no permissions to run the 'a b\x1b' command", "'+config|get'"),
        ] {
            assert_eq!(words(text, RefusedCommand::Command(&get)), rule, "{text}");
        }
    }

    #[test]
    fn only_the_acl_has_a_remedy() {
        let error = Error::sent(Code::Server("BUSY".into()), "channel");
        let refused = RefusedCommand::Subscribe(TopicKind::Channel, b"chat");
        assert_eq!(explained(error.clone(), refused, &config("redis://host")), error);
        assert_eq!(words(KEY[0], refused), "", "it has no keys");
        assert_eq!(
            words(CHANNEL[0], RefusedCommand::Publish(&[b'x'; NAME_BYTES + 1])),
            "",
            "nobody types that"
        );
    }

    #[test]
    fn the_user_is_the_one_that_logs_in() {
        for (url, user) in [
            ("redis://host", "default"),
            ("redis://:secret@host", "default"),
            ("redis://bob:secret@host", "bob"),
            ("redis://b%20b:secret@host", "'b b'"),
            ("redis://secretbob:secret@host", "USER"),
        ] {
            let error = Error::sent(Code::Server(NO_PERMISSION.into()), CHANNEL[0]);
            let error = explained(error, RefusedCommand::Publish(b"a"), &config(url)).to_string();
            assert!(
                error.ends_with(&format!("; to allow it, type into redis-cli: ACL SETUSER {user} '&a'")),
                "{error}"
            );
        }
    }

    #[test]
    fn a_part_of_a_transaction_is_found_by_how_many_answers_follow() {
        let kind = RequestKind::Transaction(vec![args(&["GET", "a"]), args(&["SET", "b", "1"])]);
        let at = |left| words(KEY[0], RefusedCommand::part(&kind, left));
        assert_eq!((&*at(2), &*at(1)), ("'~a'", "'~b'"));
        let run = |left| words("no permissions to run the '' command", RefusedCommand::part(&kind, left));
        assert_eq!((&*run(3), &*run(2), &*run(1), &*run(0)), ("+multi", "+get", "+set", "+exec"));
    }

    #[test]
    fn odd_names_are_rules_for_just_these_names() {
        for (name, typed) in [
            (&b"chat"[..], "'&chat'"),
            (b"realtime:ttt-1:in", "'&realtime:ttt-1:in'"),
            (b"a b\tc\0", "'&a?b?c?'"),
            (b"a*b?c[d]", r"'&a\*b\?c\[d]'"),
            (b"it's", r#""&it\x27s""#),
            (b"back\\", r#""&back\x5c\x5c""#),
            (b"$(reboot)`x`!\"", r#"'&$(reboot)`x`!"'"#),
            (b"'$(reboot)`x`!\"", r#""&\x27\x24\x28reboot\x29\x60x\x60\x21\x22""#),
            (b"\x1b[2J", r#""&\x1b\x5c[2J""#),
            (b"\xff", r#""&\xff""#),
            ("kůň".as_bytes(), "'&kůň'"),
            ("\u{202e}x".as_bytes(), r#""&\xe2\x80\xaex""#),
        ] {
            assert_eq!(words(CHANNEL[0], RefusedCommand::Publish(name)), typed, "{}", name.escape_ascii());
        }
        let pattern = |name| words(CHANNEL[0], RefusedCommand::Subscribe(TopicKind::Pattern, name));
        assert_eq!(pattern(b"a *"), "", "no rule can have it");
        assert_eq!(pattern(b"a*\\"), r#""&a*\x5c""#);
    }
}
