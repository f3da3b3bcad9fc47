//! Whether a command may run.

use crate::commands::{Command, cluster, pubsub, sentinel};
use crate::failure::Failure;
use crate::faults::{Health, Mode, Role};
use crate::reply::Protocol;
use crate::request::Request;
use crate::state::State;

impl State {
    /// Whether this server has the command: depends on its version, and on whether it is a Sentinel.
    pub(super) fn knows(&self, command: &Command) -> bool {
        if self.settings.mode == Mode::Sentinel {
            if !sentinel::is_known(command.name) {
                return false;
            }
        } else if command.name == "sentinel" {
            return false;
        }
        let since = match command.name {
            "client|setinfo" => (7, 2),
            "ssubscribe" | "sunsubscribe" | "spublish" => (7, 0),
            _ => return true,
        };
        at_least(&self.settings.version, since)
    }
}

fn at_least(version: &str, (major, minor): (u32, u32)) -> bool {
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (major, minor)
}

/// The checks of `processCommand` in Redis 7.0's server.c, in the same order.
pub(super) fn admit(
    state: &mut State,
    id: u64,
    request: &Request,
    command: &'static Command,
) -> Result<&'static Command, Failure> {
    if !command.takes(request.len()) {
        return Err(Failure::wrong_number_of_arguments(command.name));
    }
    let session = &state.connections.current(id).session;
    let authenticated = session.authenticated || !state.users.authentication_required();
    if !authenticated && !command.without_authentication {
        return Err(Failure::NOT_AUTHENTICATED);
    }
    // A connection without a login has the default user, which may run commands that need no authentication.
    if !command.without_authentication {
        let user = state.users.find(&session.user);
        if !user.is_some_and(|user| user.may_run(command)) {
            return Err(Failure::forbidden(command.name));
        }
        if user.is_some_and(|user| !pubsub::channels_allowed(user, command, request)) {
            return Err(Failure::CHANNEL_FORBIDDEN);
        }
    }
    if let Some(failure) = cluster::redirection(state, id, command, request) {
        return Err(failure);
    }
    if state.settings.role == Role::Replica && command.writes() {
        return Err(Failure::READ_ONLY);
    }
    let session = &state.connections.current(id).session;
    if session.protocol == Protocol::Resp2 && session.subscriptions() > 0 && !command.when_subscribed {
        return Err(Failure::quoting(format!(
            "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this \
             context",
            command.name
        )));
    }
    if let Some(failure) = pubsub::refused(state, command, request) {
        return Err(failure);
    }
    match state.settings.health {
        Health::MasterDown if !command.without_data => Err(Failure::MASTER_DOWN),
        Health::Loading if !command.without_data => Err(Failure::LOADING),
        _ => Ok(command),
    }
}
