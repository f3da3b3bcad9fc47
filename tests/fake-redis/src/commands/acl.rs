//! Users at run time.

use crate::commands::{Call, Command, Outcome};
use crate::failure::Failure;

pub(super) const COMMANDS: &[Command] = &[Command::container(
    "acl",
    "admin",
    &[
        Command::new("acl|whoami", 2, "admin", who_am_i).without_data(),
        Command::new("acl|setuser", -3, "admin", set_user).without_data(),
        Command::new("acl|deluser", -3, "admin", remove_users).without_data(),
    ],
)];

fn who_am_i(call: &mut Call<'_>) -> Outcome {
    let user = call.session().user.clone();
    call.reply().bulk(user);
    Ok(())
}

fn set_user(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let rules = args[3..].iter().map(Vec::as_slice);
    call.state.users.set(&args[2], rules).map_err(|error| {
        Failure::quoting(format!("ERR Error in ACL SETUSER modifier '{}': Syntax error", error.rule()))
    })?;
    call.state.drop_revoked();
    call.reply().ok();
    Ok(())
}

fn remove_users(call: &mut Call<'_>) -> Outcome {
    let names = &call.args[2..];
    if names.iter().any(|name| name == crate::acl::DEFAULT_USER) {
        return Err(Failure::of("ERR The 'default' user cannot be removed"));
    }
    let removed = names.iter().filter(|name| call.state.users.remove(name)).count();
    call.state.drop_revoked();
    call.reply().count(removed);
    Ok(())
}
