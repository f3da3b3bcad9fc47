//! Handshake, login, and goodbye.

use crate::acl::DEFAULT_USER;
use crate::commands::client::set_name;
use crate::commands::data::integer;
use crate::commands::{Call, Command, Outcome, pubsub};
use crate::connection::{Ending, ReplyMode};
use crate::failure::Failure;
use crate::faults::{Hello, Mode, Role};
use crate::reply::Protocol;
use crate::state::DATABASES;

pub(super) const COMMANDS: &[Command] = &[
    Command::new("hello", -1, "connection", hello).without_data().without_authentication(),
    Command::new("auth", -2, "connection", auth).without_data().without_authentication(),
    Command::new("ping", -1, "connection", ping).when_subscribed(),
    Command::new("echo", 2, "connection", echo).without_data(),
    Command::new("select", 2, "connection", select).without_data(),
    Command::new("quit", -1, "connection", quit)
        .without_data()
        .without_authentication()
        .when_subscribed()
        .never_queued(),
    Command::new("reset", 1, "connection", reset)
        .without_data()
        .without_authentication()
        .when_subscribed()
        .never_queued(),
];

fn hello(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let kind = call.state.settings.hello;
    if kind == Hello::NoPermission {
        return Err(Failure::of(
            "NOPERM this user has no permissions to run the 'hello' command or its subcommand",
        ));
    }
    let mut protocol = None;
    if let Some(version) = args.get(1) {
        protocol = Some(match integer(version) {
            Ok(2) => Protocol::Resp2,
            Ok(3) if kind != Hello::NoProto => Protocol::Resp3,
            Ok(_) => return Err(Failure::of("NOPROTO unsupported protocol version")),
            Err(_) => return Err(Failure::of("ERR Protocol version is not an integer or out of range")),
        });
    }
    let mut options = args.get(2..).unwrap_or_default();
    let (mut login, mut name) = (None, None);
    while let Some((option, rest)) = options.split_first() {
        options = match (option.to_ascii_lowercase().as_slice(), rest) {
            (b"auth", [user, password, rest @ ..]) => {
                login = Some((user, password));
                rest
            }
            (b"setname", [new, rest @ ..]) => {
                name = Some(new);
                rest
            }
            _ => {
                let mut text = b"ERR Syntax error in HELLO option '".to_vec();
                text.extend_from_slice(option);
                text.push(b'\'');
                return Err(Failure::quoting(text));
            }
        };
    }
    if let Some((user, password)) = login {
        log_in(call, user, password)?;
    }
    if !call.session().authenticated && call.state.users.authentication_required() {
        return Err(Failure::of(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> \
             option can be used to authenticate the client and select the RESP protocol version at the same time",
        ));
    }
    if let Some(name) = name {
        set_name(call, name)?;
    }
    if kind.is_empty_promise() && protocol == Some(Protocol::Resp3) {
        call.session().protocol = if kind == Hello::GrantedAsMap { Protocol::Resp3 } else { Protocol::Resp2 };
        if kind == Hello::GrantedAsOk {
            call.reply().ok();
        } else {
            describe(call, if kind == Hello::GrantedAsMap { Protocol::Resp2 } else { Protocol::Resp3 });
        }
        call.session().protocol = Protocol::Resp2;
        return Ok(());
    }
    if let Some(protocol) = protocol {
        call.session().protocol = protocol;
    }
    let protocol = call.session().protocol;
    describe(call, protocol);
    Ok(())
}

/// The answer to HELLO.
fn describe(call: &mut Call<'_>, protocol: Protocol) {
    let version = call.state.settings.version.clone();
    let id = i64::try_from(call.id).unwrap_or(i64::MAX);
    let role = match call.state.settings.role {
        Role::Master => "master",
        Role::Replica => "replica",
    };
    let mode = call.state.settings.mode;
    let mut reply = call.reply();
    // A Sentinel does not report a role.
    reply.map(if mode == Mode::Sentinel { 6 } else { 7 });
    reply.bulk("server");
    reply.bulk("redis");
    reply.bulk("version");
    reply.bulk(version);
    reply.bulk("proto");
    reply.integer(protocol.number().into());
    reply.bulk("id");
    reply.integer(id);
    reply.bulk("mode");
    reply.bulk(mode.name());
    if mode != Mode::Sentinel {
        reply.bulk("role");
        reply.bulk(role);
    }
    reply.bulk("modules");
    reply.array(0);
}

fn auth(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    match args {
        [_, password] => {
            if call.state.users.default_has_no_password() {
                return Err(Failure::of(
                    "ERR AUTH <password> called without any password configured for the default user. Are you sure \
                     your configuration is correct?",
                ));
            }
            log_in(call, DEFAULT_USER, password)?;
        }
        [_, user, password] => log_in(call, user, password)?,
        _ => return Err(Failure::SYNTAX),
    }
    call.reply().ok();
    Ok(())
}

fn log_in(call: &mut Call<'_>, user: &[u8], password: &[u8]) -> Outcome {
    if !call.state.users.accepts(user, password) {
        return Err(Failure::WRONG_PASSWORD);
    }
    let session = call.session();
    session.user = user.to_vec();
    session.authenticated = true;
    Ok(())
}

fn ping(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    if args.len() > 2 {
        return Err(Failure::wrong_number_of_arguments("ping"));
    }
    let message = args.get(1);
    let session = call.session();
    let subscribed = session.protocol == Protocol::Resp2 && session.subscriptions() > 0;
    let mut reply = call.reply();
    match message {
        _ if subscribed => {
            reply.array(2);
            reply.bulk("pong");
            reply.bulk(message.map_or(b"".as_slice(), Vec::as_slice));
        }
        Some(message) => reply.bulk(message),
        None => reply.simple("PONG"),
    }
    Ok(())
}

fn echo(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    call.reply().bulk(&args[1]);
    Ok(())
}

fn select(call: &mut Call<'_>) -> Outcome {
    let db = usize::try_from(integer(&call.args[1])?).ok().filter(|db| *db < DATABASES);
    call.session().db = db.ok_or(Failure::of("ERR DB index is out of range"))?;
    call.reply().ok();
    Ok(())
}

fn quit(call: &mut Call<'_>) -> Outcome {
    call.reply().ok();
    call.connection().end(Ending::Flushed);
    Ok(())
}

fn reset(call: &mut Call<'_>) -> Outcome {
    pubsub::leave_all(call);
    let authenticated = !call.state.users.authentication_required();
    let session = call.session();
    session.transaction = None;
    session.watched.clear();
    session.protocol = Protocol::Resp2;
    session.user = DEFAULT_USER.to_vec();
    session.authenticated = authenticated;
    session.name.clear();
    session.db = 0;
    session.reply_mode = ReplyMode::On;
    call.reply().simple("RESET");
    Ok(())
}
