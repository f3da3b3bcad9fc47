//! `host.fake`: the embedded server, driven from Lua.

use std::{io, path::Path, time::Duration};

use fake_redis::{Close, FakeRedis, Faults, Health, Hello, Mode, Protocol, Reaction, Role, State, Target};

use super::{bytes, text};
use crate::value::Value;

const METHODS: &str = "url, socket, port, publish, drop, kick, send, faults, on_next, on_every, forget_reactions, health, hello, \
                       role, max_clients, subscriber_buffer, password, user, log, refuse_topic, move_slot, migrate_slot, import_slot, name_master, other_sentinels, quorum, spublish, connections, accepted, subscribers, \
                       pattern_subscribers, sharded_subscribers, received, commands, stop, start, refuse, pause, resume";

/// For errors of the addon's helpers, which need scripts, and of recipes, which need other commands. The console may cut an error.
const ABOUT_MISSING_COMMANDS: &str =
    "try gmod-host --server real, because the embedded server does not have it";

/// An embedded server.
#[derive(Debug)]
pub(crate) struct Fake {
    server: FakeRedis,
}

impl Fake {
    /// Starts a server. The options are alternating names and values; `folder` is for its Unix socket, if it has one.
    ///
    /// # Errors
    ///
    /// An unknown option, or the server's own.
    #[cfg_attr(not(unix), expect(unused_variables, reason = "there are Unix sockets on Unix alone"))]
    pub(crate) fn start(folder: &Path, options: &[Value]) -> Result<Self, String> {
        let mut builder = FakeRedis::builder().about_missing_commands(ABOUT_MISSING_COMMANDS);
        for (name, value) in pairs(options)? {
            builder = match (name, value) {
                #[cfg(unix)]
                ("socket", Value::Text(_)) => builder.unix(folder.join(word(value, name)?)),
                ("password", _) => builder.password(word(value, name)?),
                ("user", _) => builder.user(word(value, name)?),
                ("version", _) => builder.version(word(value, name)?),
                ("hello", _) => builder.hello(hello(word(value, name)?)?),
                ("health", _) => builder.health(health(word(value, name)?)?),
                ("role", _) => builder.role(role(word(value, name)?)?),
                ("mode", _) => builder.mode(mode(word(value, name)?)?),
                ("max_clients", _) => builder.max_clients(count(value, name)?),
                ("subscriber_buffer", _) => builder.subscriber_buffer(count(value, name)?),
                ("log", Value::Boolean(log)) => builder.log(*log),
                _ => return Err(format!("the embedded server has no option '{name}' of that kind")),
            };
        }
        builder.start().map(|server| Self { server }).map_err(|error| format!("the embedded server: {error}"))
    }

    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    /// `host.fake.METHOD(…)`.
    ///
    /// # Errors
    ///
    /// There is no such method, the arguments are wrong, or the server can't.
    pub(crate) fn call(&self, method: &str, arguments: &[Value]) -> Result<Value, String> {
        if self.change(method, arguments)? {
            return Ok(Value::Nil);
        }
        self.act(method, arguments)?
            .or(self.look(method, arguments)?)
            .ok_or_else(|| format!("host.fake has {METHODS}, but no '{method}'"))
    }

    /// Methods that change how the server behaves; returns whether it is one of these.
    fn change(&self, method: &str, arguments: &[Value]) -> Result<bool, String> {
        let server = &self.server;
        let in_words = |error: io::Error| error.to_string();
        let first = arguments.first().unwrap_or(&Value::Nil);
        match method {
            "pause" => self.pause(true),
            "resume" => self.pause(false),
            "on_next" | "on_every" => self.react(method, arguments)?,
            "forget_reactions" => server.forget_reactions(),
            "health" => server.set_health(health(text(arguments, 0, method)?)?),
            "role" => server.set_role(role(text(arguments, 0, method)?)?),
            "hello" => server.set_hello(hello(text(arguments, 0, method)?)?),
            "max_clients" => server.set_max_clients(count(first, method)?),
            "subscriber_buffer" => server.set_subscriber_buffer(count(first, method)?),
            "password" if matches!(first, Value::Nil) => server.set_password(None),
            "password" => server.set_password(Some(text(arguments, 0, method)?)),
            "user" => server.set_user(text(arguments, 0, method)?).map_err(|error| error.to_string())?,
            "refuse_topic" => {
                let error = arguments.get(1).map(|_| text(arguments, 1, method)).transpose()?;
                server.refuse_topic(bytes(arguments, 0, method)?, error);
            }
            "move_slot" => {
                let node = arguments.get(1).map(|_| text(arguments, 1, method)).transpose()?;
                server.move_slot(bytes(arguments, 0, method)?, node);
            }
            "migrate_slot" => {
                server.migrate_slot(bytes(arguments, 0, method)?, text(arguments, 1, method)?);
            }
            "import_slot" => {
                server.import_slot(bytes(arguments, 0, method)?, text(arguments, 1, method)?);
            }
            "name_master" => {
                let (host, port) = address(text(arguments, 1, method)?)?;
                server.name_master(text(arguments, 0, method)?, host, port);
            }
            "other_sentinels" => {
                let others = (0..arguments.len()).map(|n| address(text(arguments, n, method)?));
                server.set_other_sentinels(&others.collect::<Result<Vec<_>, _>>()?);
            }
            "quorum" => server.set_quorum(matches!(first, Value::Boolean(true))),
            "log" => server.set_log(matches!(first, Value::Boolean(true))),
            "stop" => server.stop().map_err(in_words)?,
            "refuse" => server.refuse().map_err(in_words)?,
            "start" => server.start_again().map_err(in_words)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Methods that act on connections; returns how many were affected, `None` if it is not one of these.
    fn act(&self, method: &str, arguments: &[Value]) -> Result<Option<Value>, String> {
        let server = &self.server;
        let first = arguments.first().unwrap_or(&Value::Nil);
        let count = match method {
            "publish" => server.publish(bytes(arguments, 0, method)?, bytes(arguments, 1, method)?),
            "spublish" => server.spublish(bytes(arguments, 0, method)?, bytes(arguments, 1, method)?),
            "drop" => {
                server.drop_connections(target(first)?, close(arguments.get(1).unwrap_or(&Value::Nil))?)
            }
            "kick" => server.kick(target(first)?, text(arguments, 1, method)?),
            "send" => server.send(target(first)?, bytes(arguments, 1, method)?),
            "faults" => return self.faults(arguments).map(Some),
            _ => return Ok(None),
        };
        Ok(Some(count.into()))
    }

    /// Methods that only query it; `None` if it is not one of these.
    fn look(&self, method: &str, arguments: &[Value]) -> Result<Option<Value>, String> {
        let server = &self.server;
        let result = match method {
            "url" | "socket" => server.url().into(),
            "port" => f64::from(server.port()).into(),
            "connections" => self.connections(),
            "accepted" => exact(server.look(State::accepted)),
            "subscribers" => {
                let channel = bytes(arguments, 0, method)?;
                server.look(|state| state.subscribers(channel)).into()
            }
            "pattern_subscribers" => {
                let pattern = bytes(arguments, 0, method)?;
                server.look(|state| state.pattern_subscribers(pattern)).into()
            }
            "sharded_subscribers" => {
                let channel = bytes(arguments, 0, method)?;
                server.look(|state| state.sharded_subscribers(channel)).into()
            }
            "received" => {
                let command = text(arguments, 0, method)?;
                exact(server.look(|state| state.received(command)))
            }
            "commands" => {
                let id = count(arguments.first().unwrap_or(&Value::Nil), method)? as u64;
                server
                    .look(|state| Value::List(state.commands(id).iter().map(|words| texts(words)).collect()))
            }
            _ => return Ok(None),
        };
        Ok(Some(result))
    }

    /// `faults(target, name, value, …)`: the target "new" means future connections.
    fn faults(&self, arguments: &[Value]) -> Result<Value, String> {
        let edit = edited(arguments.get(1..).unwrap_or_default())?;
        Ok(match arguments.first().unwrap_or(&Value::Nil) {
            Value::Text(text) if text == b"new" => {
                self.server.faults_for_new(|faults| edit(faults));
                Value::Nil
            }
            other => self.server.faults(target(other)?, |faults| edit(faults)).into(),
        })
    }

    /// A server that hangs: connections are accepted, and nothing is sent or read on them.
    fn pause(&self, pause: bool) {
        let edit = |faults: &mut Faults| (faults.read, faults.write) = (!pause, !pause);
        self.server.faults_for_new(edit);
        self.server.faults(Target::All, edit);
    }

    /// `on_next(command, "answer", bytes)`, `on_next(command, "close" | "run_then_close" [, "reset"])`; the same for
    /// `on_every`.
    fn react(&self, method: &str, arguments: &[Value]) -> Result<(), String> {
        let command = text(arguments, 0, method)?;
        let how = || close(arguments.get(2).unwrap_or(&Value::Nil));
        let reaction = match text(arguments, 1, method)? {
            "answer" => Reaction::Answer(bytes(arguments, 2, method)?.to_vec()),
            "close" => Reaction::Close(how()?),
            "run_then_close" => Reaction::RunThenClose(how()?),
            other => return Err(format!("{method} takes answer, close or run_then_close, not '{other}'")),
        };
        match method {
            "on_every" => self.server.on_every(command, reaction),
            _ => self.server.on_next(command, reaction),
        }
        Ok(())
    }

    fn connections(&self) -> Value {
        let connections = self.server.look(State::connections);
        let protocol = |protocol| if protocol == Protocol::Resp3 { 3.0 } else { 2.0 };
        let describe = |connection: fake_redis::ConnectionInfo| {
            Value::Map(vec![
                ("id", exact(connection.id)),
                ("name", connection.name.into()),
                ("user", connection.user.into()),
                ("protocol", Value::Number(protocol(connection.protocol))),
                ("db", connection.db.into()),
                ("channels", texts(&connection.channels)),
                ("patterns", texts(&connection.patterns)),
                ("sharded", texts(&connection.sharded)),
                ("received", exact(connection.received)),
                ("sent", exact(connection.sent)),
                ("unsent", connection.unsent.into()),
                ("commands", exact(connection.commands)),
            ])
        };
        Value::List(connections.into_iter().map(describe).collect())
    }
}

type Edit = Box<dyn Fn(&mut Faults)>;

/// A change of faults from alternating names and values. Nothing is changed if one of them is wrong.
fn edited(changes: &[Value]) -> Result<impl Fn(&mut Faults), String> {
    let mut edits: Vec<Edit> = Vec::new();
    for (name, value) in pairs(changes)? {
        edits.push(match (name, value) {
            ("none", Value::Boolean(true)) => Box::new(|faults| *faults = Faults::default()),
            ("read", &Value::Boolean(read)) => Box::new(move |faults| faults.read = read),
            ("write", &Value::Boolean(write)) => Box::new(move |faults| faults.write = write),
            ("deliver", &Value::Boolean(deliver)) => Box::new(move |faults| faults.deliver = deliver),
            ("pieces", _) => {
                let pieces = vec![count(value, name)?];
                Box::new(move |faults| faults.pieces.clone_from(&pieces))
            }
            ("delay", &Value::Number(seconds)) => {
                let delay =
                    Duration::try_from_secs_f64(seconds).map_err(|error| format!("delay: {error}"))?;
                Box::new(move |faults| faults.delay = delay)
            }
            ("cut_after_received", _) => {
                let bytes = count(value, name)? as u64;
                Box::new(move |faults| faults.cut_after_received = Some(bytes))
            }
            ("cut_after_sent", _) => {
                let bytes = count(value, name)? as u64;
                Box::new(move |faults| faults.cut_after_sent = Some(bytes))
            }
            ("cut_with", _) => {
                let how = close(value)?;
                Box::new(move |faults| faults.cut_with = how)
            }
            ("greeting", Value::Text(bytes)) => {
                let bytes = bytes.clone();
                Box::new(move |faults| faults.greeting.clone_from(&bytes))
            }
            _ => return Err(format!("there is no fault '{name}' of that kind")),
        });
    }
    Ok(move |faults: &mut Faults| edits.iter().for_each(|edit| edit(faults)))
}

/// nil or "all", "subscribers", a connection's id, or its name.
fn target(value: &Value) -> Result<Target, String> {
    Ok(match value {
        Value::Nil => Target::All,
        Value::Text(text) if text == b"all" => Target::All,
        Value::Text(text) if text == b"subscribers" => Target::Subscribers,
        Value::Text(text) => Target::Name(String::from_utf8_lossy(text).into_owned()),
        value => Target::Id(count(value, "target")? as u64),
    })
}

fn close(value: &Value) -> Result<Close, String> {
    if matches!(value, Value::Nil) {
        return Ok(Close::Fin);
    }
    match word(value, "how to close")? {
        "fin" => Ok(Close::Fin),
        "reset" => Ok(Close::Reset),
        other => Err(format!("a connection closes with fin or reset, not '{other}'")),
    }
}

fn health(name: &str) -> Result<Health, String> {
    match name {
        "serving" => Ok(Health::Serving),
        "loading" => Ok(Health::Loading),
        "masterdown" => Ok(Health::MasterDown),
        other => Err(format!("health is serving, loading or masterdown, not '{other}'")),
    }
}

fn role(name: &str) -> Result<Role, String> {
    match name {
        "master" => Ok(Role::Master),
        "replica" => Ok(Role::Replica),
        other => Err(format!("role is master or replica, not '{other}'")),
    }
}

fn mode(name: &str) -> Result<Mode, String> {
    match name {
        "standalone" => Ok(Mode::Standalone),
        "cluster" => Ok(Mode::Cluster),
        "sentinel" => Ok(Mode::Sentinel),
        other => Err(format!("mode is standalone, cluster or sentinel, not '{other}'")),
    }
}

/// The host and the port in `host:port`.
fn address(text: &str) -> Result<(&str, u16), String> {
    let parts = text.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
    parts.ok_or_else(|| format!("an address is host:port, not '{text}'"))
}

fn hello(name: &str) -> Result<Hello, String> {
    match name {
        "full" => Ok(Hello::Full),
        "noproto" => Ok(Hello::NoProto),
        "unknown" => Ok(Hello::Unknown),
        "noperm" => Ok(Hello::NoPermission),
        "list" => Ok(Hello::GrantedAsList),
        "map" => Ok(Hello::GrantedAsMap),
        "ok" => Ok(Hello::GrantedAsOk),
        other => Err(format!("hello is full, noproto, unknown, noperm, list, map or ok, not '{other}'")),
    }
}

pub(super) fn pairs(values: &[Value]) -> Result<Vec<(&str, &Value)>, String> {
    values
        .chunks(2)
        .map(|pair| match pair {
            [name, value] => Ok((word(name, "name")?, value)),
            _ => Err("a name without a value".to_owned()),
        })
        .collect()
}

pub(super) fn word<'a>(value: &'a Value, name: &str) -> Result<&'a str, String> {
    match value {
        Value::Text(text) => std::str::from_utf8(text).map_err(|_| format!("{name}: UTF-8 expected")),
        _ => Err(format!("{name}: string expected")),
    }
}

fn texts(texts: &[Vec<u8>]) -> Value {
    Value::List(texts.iter().cloned().map(Value::from).collect())
}

pub(super) fn count(value: &Value, name: &str) -> Result<usize, String> {
    value.as_count().ok_or_else(|| format!("{name}: a whole number, 0 or more, expected"))
}

#[expect(clippy::cast_precision_loss, reason = "no count here reaches 2^53")]
fn exact(number: u64) -> Value {
    Value::Number(number as f64)
}
