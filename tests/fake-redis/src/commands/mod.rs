//! The commands: the rules for each, and the order in which Redis 7.0 checks them.

mod acl;
mod admission;
mod client;
mod cluster;
mod connection;
mod data;
mod debug;
mod hashes;
mod keys;
mod lists;
mod pubsub;
mod sentinel;
mod server;
mod sets;
mod sorted_sets;
mod strings;
mod transactions;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::OnceLock;

use crate::commands::admission::admit;
use crate::connection::{Connection, Ending, ReplyMode, Session};
use crate::failure::{Failure, QUOTED};
use crate::faults::{Hello, Reaction};
use crate::keyspace::Database;
use crate::reply::Reply;
use crate::request::Request;
use crate::state::State;

type Outcome = Result<(), Failure>;

/// A row of the table of commands.
#[derive(Debug)]
pub(crate) struct Command {
    /// In lower case; a subcommand has its command's name before it: `client|id`.
    name: &'static str,
    /// Arguments, the name included; negative: at least as many.
    arity: isize,
    category: &'static str,
    run: fn(&mut Call<'_>) -> Outcome,
    subcommands: &'static [Command],
    /// Runs while the server is loading or has lost its master.
    without_data: bool,
    without_authentication: bool,
    /// Runs in RESP2's subscribed mode.
    when_subscribed: bool,
    /// Runs at once between MULTI and EXEC.
    never_queued: bool,
}

impl Command {
    const fn new(
        name: &'static str,
        arity: isize,
        category: &'static str,
        run: fn(&mut Call<'_>) -> Outcome,
    ) -> Command {
        Command {
            name,
            arity,
            category,
            run,
            subcommands: &[],
            without_data: false,
            without_authentication: false,
            when_subscribed: false,
            never_queued: false,
        }
    }

    /// A command that needs a subcommand.
    const fn container(
        name: &'static str,
        category: &'static str,
        subcommands: &'static [Command],
    ) -> Command {
        let mut command = Command::new(name, -2, category, |_| Ok(()));
        command.subcommands = subcommands;
        command
    }

    const fn without_data(mut self) -> Command {
        self.without_data = true;
        self
    }

    const fn without_authentication(mut self) -> Command {
        self.without_authentication = true;
        self
    }

    const fn when_subscribed(mut self) -> Command {
        self.when_subscribed = true;
        self
    }

    const fn never_queued(mut self) -> Command {
        self.never_queued = true;
        self
    }
}

const TABLES: [&[Command]; 15] = [
    acl::COMMANDS,
    client::COMMANDS,
    cluster::COMMANDS,
    connection::COMMANDS,
    debug::COMMANDS,
    hashes::COMMANDS,
    keys::COMMANDS,
    lists::COMMANDS,
    pubsub::COMMANDS,
    sentinel::COMMANDS,
    server::COMMANDS,
    sets::COMMANDS,
    sorted_sets::COMMANDS,
    strings::COMMANDS,
    transactions::COMMANDS,
];

/// All commands by name, subcommands by theirs.
fn index() -> &'static HashMap<&'static str, &'static Command> {
    static INDEX: OnceLock<HashMap<&'static str, &'static Command>> = OnceLock::new();
    INDEX.get_or_init(|| {
        let commands = TABLES.iter().flat_map(|table| table.iter());
        let all = commands.flat_map(|command| std::iter::once(command).chain(command.subcommands));
        all.map(|command| (command.name, command)).collect()
    })
}

impl Command {
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn find_by_full_name(name: &str) -> Option<&'static Command> {
        index().get(name).copied()
    }

    /// How many commands there are, without subcommands.
    fn count() -> usize {
        TABLES.iter().map(|table| table.len()).sum()
    }

    /// Whether an ACL rule may name this.
    pub(crate) fn rule_names_something(what: &str) -> bool {
        match what.strip_prefix('@') {
            Some(category) => {
                category == "all" || index().values().any(|command| command.category == category)
            }
            None => index().contains_key(what),
        }
    }

    /// Whether an ACL rule names this command.
    pub(crate) fn is_named_by(&self, what: &str) -> bool {
        match what.strip_prefix('@') {
            Some(category) => category == "all" || category == self.category,
            None => {
                self.name == what || self.name.split_once('|').is_some_and(|(container, _)| container == what)
            }
        }
    }

    /// Whether it changes data, which a replica refuses.
    fn writes(&self) -> bool {
        matches!(
            self.name,
            "append"
                | "decr"
                | "decrby"
                | "del"
                | "expire"
                | "flushall"
                | "flushdb"
                | "getdel"
                | "hdel"
                | "hset"
                | "incr"
                | "incrby"
                | "lpop"
                | "lpush"
                | "mset"
                | "persist"
                | "pexpire"
                | "rename"
                | "rpop"
                | "rpush"
                | "sadd"
                | "set"
                | "setnx"
                | "srem"
                | "zadd"
                | "zincrby"
                | "zrem"
        )
    }

    fn takes(&self, arguments: usize) -> bool {
        let arguments = isize::try_from(arguments).unwrap_or(isize::MAX);
        if self.arity < 0 { arguments >= -self.arity } else { arguments == self.arity }
    }
}

/// A command while it runs.
pub(crate) struct Call<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) id: u64,
    pub(crate) args: &'a [Vec<u8>],
    pub(crate) command: &'static Command,
}

impl Call<'_> {
    fn connection(&mut self) -> &mut Connection {
        self.state.connections.current(self.id)
    }

    fn session(&mut self) -> &mut Session {
        &mut self.connection().session
    }

    /// The answer, which is discarded if the client has asked for no answers.
    fn reply(&mut self) -> Reply<'_> {
        let connection = self.connection();
        let protocol = connection.session.protocol;
        match connection.session.reply_mode {
            ReplyMode::On | ReplyMode::SkipNext => Reply::new(&mut connection.fresh, protocol),
            ReplyMode::Off | ReplyMode::Skip => Reply::new(&mut connection.unwanted, protocol),
        }
    }

    /// Output that does not depend on whether the client wants answers.
    fn push(&mut self) -> Reply<'_> {
        let connection = self.connection();
        Reply::new(&mut connection.fresh, connection.session.protocol)
    }

    fn database(&mut self) -> &mut Database {
        let db = self.session().db;
        &mut self.state.databases[db]
    }
}

/// Processes a request like a server: answers it, refuses it, or queues it.
pub(crate) fn process(state: &mut State, id: u64, request: Request) {
    let found = lookup(&request, state);
    let known_as = found.as_ref().map_or_else(|_| lower(&request[0]), |command| command.name.to_owned());
    state.note(id, Command::find_by_full_name(&known_as), &request);
    state.connections.current(id).commands += 1;

    let reaction = state.take_reaction(&known_as);
    match &reaction {
        Some(Reaction::Answer(bytes)) => {
            let connection = state.connections.current(id);
            connection.fresh.extend_from_slice(bytes);
            connection.session.command_done(&known_as);
            return;
        }
        Some(Reaction::Close(how)) => {
            state.connections.current(id).end(Ending::Now(*how));
            return;
        }
        Some(Reaction::RunThenClose(_)) | None => {}
    }

    match found.and_then(|command| admit(state, id, &request, command)) {
        Ok(command) => {
            let session = &mut state.connections.current(id).session;
            session.last_command = command.name;
            match &mut session.transaction {
                Some(transaction) if !command.never_queued => {
                    transaction.queue.push(request);
                    Call { state: &mut *state, id, args: &[], command }.reply().simple("QUEUED");
                }
                _ => run(state, id, &request, command),
            }
        }
        Err(failure) => refuse(state, id, &request, &failure),
    }

    let connection = state.connections.current(id);
    connection.session.command_done(&known_as);
    connection.command_done();
    if let Some(Reaction::RunThenClose(how)) = reaction {
        connection.end(Ending::Now(how));
    }
}

fn run(state: &mut State, id: u64, args: &[Vec<u8>], command: &'static Command) {
    let mut call = Call { state, id, args, command };
    if let Err(failure) = (command.run)(&mut call) {
        call.reply().error(&failure);
    }
}

/// The error of a command that is not run. Between MULTI and EXEC it spoils the transaction.
fn refuse(state: &mut State, id: u64, request: &Request, failure: &Failure) {
    let session = &mut state.connections.current(id).session;
    if let Some(transaction) = &mut session.transaction {
        transaction.spoiled = true;
    }
    let mut failure = Cow::Borrowed(failure);
    if request[0].eq_ignore_ascii_case(b"exec") {
        session.transaction = None;
        session.watched.clear();
        failure = Cow::Owned(failure.aborting_exec());
    }
    // A refused request may have no command; any one will do to find the reply.
    let mut call = Call { state, id, args: request, command: &transactions::COMMANDS[0] };
    call.reply().error(&failure);
}

fn lower(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes.to_ascii_lowercase()).into_owned()
}

/// Finds the command, and the subcommand if it has some.
fn lookup(request: &Request, state: &State) -> Result<&'static Command, Failure> {
    let name = lower(&request[0]);
    if state.settings.hello == Hello::Unknown && name == "hello" {
        return Err(Failure::unknown_to_redis_5(request));
    }
    let existing = Command::find_by_full_name(&name).filter(|_| !name.contains('|'));
    let Some(command) = existing.filter(|found| state.knows(found)) else {
        return Err(match &state.settings.about_missing_commands {
            Some(about) if existing.is_none() => Failure::missing(request, about),
            _ => Failure::unknown(request),
        });
    };
    if command.subcommands.is_empty() {
        return Ok(command);
    }
    let Some(subcommand) = request.get(1) else { return Ok(command) };
    let full_name = format!("{name}|{}", lower(subcommand));
    Command::find_by_full_name(&full_name).filter(|found| state.knows(found)).ok_or_else(|| {
        let mut text = b"ERR unknown subcommand '".to_vec();
        text.extend(subcommand.iter().take(QUOTED));
        text.extend(format!("'. Try {} HELP.", name.to_ascii_uppercase()).into_bytes());
        Failure::quoting(text)
    })
}
