//! Users and their rights, in the rule language of `ACL SETUSER`; rules on keys are read and ignored.

use std::collections::{BTreeMap, BTreeSet};

use crate::commands::Command;
use crate::glob;

/// The user of a connection without a login.
pub(crate) const DEFAULT_USER: &[u8] = b"default";

/// A rule that is not supported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the ACL rule `{rule}` is not one that this server knows")]
pub struct AclError {
    rule: String,
}

impl AclError {
    pub(crate) fn rule(&self) -> &str {
        &self.rule
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct CommandRule {
    allow: bool,
    /// `@all`, `@category`, `command` or `command|subcommand`.
    what: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct User {
    enabled: bool,
    any_password: bool,
    passwords: BTreeSet<Vec<u8>>,
    /// In the given order: the last one that matches decides.
    commands: Vec<CommandRule>,
    channels: BTreeSet<Vec<u8>>,
}

impl User {
    fn all_powerful() -> User {
        User {
            enabled: true,
            any_password: true,
            passwords: BTreeSet::new(),
            commands: vec![CommandRule { allow: true, what: "@all".into() }],
            channels: BTreeSet::from([b"*".to_vec()]),
        }
    }

    fn apply(&mut self, rule: &[u8]) -> Result<(), AclError> {
        let unknown = || AclError { rule: String::from_utf8_lossy(rule).into_owned() };
        match rule {
            b"on" => self.enabled = true,
            b"off" => self.enabled = false,
            b"nopass" => {
                self.any_password = true;
                self.passwords.clear();
            }
            b"resetpass" => {
                self.any_password = false;
                self.passwords.clear();
            }
            b"allkeys" | b"resetkeys" => {}
            b"allchannels" => self.channels = BTreeSet::from([b"*".to_vec()]),
            b"resetchannels" => self.channels.clear(),
            b"allcommands" => self.command(true, "@all"),
            b"nocommands" => self.command(false, "@all"),
            b"reset" => *self = User::default(),
            [b'>', password @ ..] => {
                self.any_password = false;
                self.passwords.insert(password.to_vec());
            }
            [b'<', password @ ..] => {
                self.passwords.remove(password);
            }
            [b'~', ..] => {}
            [b'&', pattern @ ..] => {
                self.channels.insert(pattern.to_vec());
            }
            [sign @ (b'+' | b'-'), what @ ..] => {
                let what = str::from_utf8(what).map_err(|_| unknown())?.to_ascii_lowercase();
                if !Command::rule_names_something(&what) {
                    return Err(unknown());
                }
                self.command(*sign == b'+', &what);
            }
            _ => return Err(unknown()),
        }
        Ok(())
    }

    fn command(&mut self, allow: bool, what: &str) {
        if what == "@all" {
            self.commands.clear();
        }
        self.commands.push(CommandRule { allow, what: what.to_owned() });
    }

    pub(crate) fn may_run(&self, command: &Command) -> bool {
        self.commands.iter().rev().find(|rule| command.is_named_by(&rule.what)).is_some_and(|rule| rule.allow)
    }

    /// Whether the user may publish or subscribe to `channel`.
    pub(crate) fn may_use_channel(&self, channel: &[u8]) -> bool {
        self.channels.iter().any(|pattern| glob::matches(pattern, channel))
    }

    /// Whether the user may subscribe to `pattern`: only if a rule has exactly this pattern, or allows all channels.
    pub(crate) fn may_use_pattern(&self, pattern: &[u8]) -> bool {
        self.channels.contains(pattern) || self.channels.contains(b"*".as_slice())
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Users(BTreeMap<Vec<u8>, User>);

impl Default for Users {
    fn default() -> Users {
        Users(BTreeMap::from([(DEFAULT_USER.to_vec(), User::all_powerful())]))
    }
}

impl Users {
    pub(crate) fn find(&self, name: &[u8]) -> Option<&User> {
        self.0.get(name)
    }

    /// Changes a user, or makes one that starts with no rights. All rules are applied, or none.
    pub(crate) fn set<'r>(
        &mut self,
        name: &[u8],
        rules: impl IntoIterator<Item = &'r [u8]>,
    ) -> Result<(), AclError> {
        let mut user = self.0.get(name).cloned().unwrap_or_default();
        rules.into_iter().try_for_each(|rule| user.apply(rule))?;
        self.0.insert(name.to_vec(), user);
        Ok(())
    }

    pub(crate) fn remove(&mut self, name: &[u8]) -> bool {
        name != DEFAULT_USER && self.0.remove(name).is_some()
    }

    /// The password of the default user, as `requirepass` sets it; none: no password is asked for.
    pub(crate) fn require_password(&mut self, password: Option<&[u8]>) {
        let default = self.0.entry(DEFAULT_USER.to_vec()).or_insert_with(User::all_powerful);
        default.any_password = password.is_none();
        default.passwords = password.map(<[u8]>::to_vec).into_iter().collect();
    }

    /// Whether a connection has to say who it is before anything else.
    pub(crate) fn authentication_required(&self) -> bool {
        self.0.get(DEFAULT_USER).is_none_or(|user| !user.enabled || !user.any_password)
    }

    pub(crate) fn default_has_no_password(&self) -> bool {
        self.0.get(DEFAULT_USER).is_some_and(|user| user.any_password)
    }

    pub(crate) fn accepts(&self, name: &[u8], password: &[u8]) -> bool {
        self.0
            .get(name)
            .is_some_and(|user| user.enabled && (user.any_password || user.passwords.contains(password)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(rules: &str) -> User {
        let mut users = Users::default();
        users.set(b"bob", rules.split(' ').map(str::as_bytes)).unwrap();
        users.find(b"bob").unwrap().clone()
    }

    fn may_run(user: &User, name: &str) -> bool {
        user.may_run(Command::find_by_full_name(name).unwrap())
    }

    #[test]
    fn the_last_rule_that_names_a_command_decides() {
        let bob = user("on +@all -client +client|id -@pubsub +publish");
        let allowed = ["get", "client|id", "publish"];
        let refused = ["client|setname", "subscribe"];
        assert!(allowed.iter().all(|name| may_run(&bob, name)));
        assert!(!refused.iter().any(|name| may_run(&bob, name)));
        assert!(!may_run(&user("on"), "ping"), "a new user may nothing");
    }

    #[test]
    fn a_pattern_is_allowed_only_as_it_stands_in_a_rule() {
        let bob = user("&chat.*");
        assert!(bob.may_use_channel(b"chat.a") && !bob.may_use_channel(b"news"));
        assert!(bob.may_use_pattern(b"chat.*") && !bob.may_use_pattern(b"chat.a*"));
        assert!(user("allchannels").may_use_pattern(b"chat.a*"));
    }

    #[test]
    fn an_unknown_rule_changes_nothing() {
        let mut users = Users::default();
        for rule in ["+nosuchcommand", "+@nosuchcategory", "what", ""] {
            let error = users.set(b"bob", [b"on".as_slice(), rule.as_bytes()]).unwrap_err();
            assert_eq!(error.rule(), rule);
            assert!(users.find(b"bob").is_none());
        }
    }

    #[test]
    fn a_password_is_asked_for_until_it_is_taken_away() {
        let mut users = Users::default();
        assert!(!users.authentication_required());
        users.require_password(Some(b"secret"));
        assert!(users.authentication_required());
        assert!(users.accepts(b"default", b"secret") && !users.accepts(b"default", b"other"));
        users.require_password(None);
        assert!(!users.authentication_required());
    }
}
