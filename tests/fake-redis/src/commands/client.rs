//! Information about clients, and changes of their settings.

use crate::commands::data::integer;
use crate::commands::{Call, Command, Outcome};
use crate::connection::{Connection, Ending, ReplyMode};
use crate::failure::Failure;
use crate::faults::Close;

pub(super) const COMMANDS: &[Command] = &[Command::container(
    "client",
    "connection",
    &[
        Command::new("client|id", 2, "connection", id).without_data(),
        Command::new("client|getname", 2, "connection", name).without_data(),
        Command::new("client|setname", 3, "connection", change_name).without_data(),
        Command::new("client|setinfo", 4, "connection", change_info).without_data(),
        Command::new("client|reply", 3, "connection", reply_mode).without_data(),
        Command::new("client|info", 2, "connection", info).without_data(),
        Command::new("client|list", -2, "connection", list).without_data(),
        Command::new("client|kill", -3, "connection", kill).without_data(),
    ],
)];

fn id(call: &mut Call<'_>) -> Outcome {
    let id = i64::try_from(call.id).unwrap_or(i64::MAX);
    call.reply().integer(id);
    Ok(())
}

fn name(call: &mut Call<'_>) -> Outcome {
    let name = Some(call.session().name.clone()).filter(|name| !name.is_empty());
    call.reply().bulk_or_null(name);
    Ok(())
}

fn change_name(call: &mut Call<'_>) -> Outcome {
    set_name(call, &call.args[2])?;
    call.reply().ok();
    Ok(())
}

pub(super) fn set_name(call: &mut Call<'_>, name: &[u8]) -> Outcome {
    if !name.iter().all(u8::is_ascii_graphic) {
        return Err(Failure::of("ERR Client names cannot contain spaces, newlines or special characters."));
    }
    call.session().name = name.to_vec();
    Ok(())
}

/// Since 7.2: takes a library's name and version.
fn change_info(call: &mut Call<'_>) -> Outcome {
    let (option, value) = (&call.args[2], &call.args[3]);
    if !option.eq_ignore_ascii_case(b"lib-name") && !option.eq_ignore_ascii_case(b"lib-ver") {
        let mut text = b"ERR Unrecognized option '".to_vec();
        text.extend_from_slice(option);
        text.push(b'\'');
        return Err(Failure::quoting(text));
    }
    if !value.iter().all(u8::is_ascii_graphic) {
        let option = String::from_utf8_lossy(option).to_ascii_lowercase();
        let text = format!("ERR {option} cannot contain spaces, newlines or special characters.");
        return Err(Failure::quoting(text));
    }
    call.reply().ok();
    Ok(())
}

fn reply_mode(call: &mut Call<'_>) -> Outcome {
    match call.args[2].to_ascii_lowercase().as_slice() {
        b"on" => {
            call.session().reply_mode = ReplyMode::On;
            call.reply().ok();
        }
        b"off" => call.session().reply_mode = ReplyMode::Off,
        b"skip" => {
            let mode = &mut call.session().reply_mode;
            if *mode != ReplyMode::Off {
                *mode = ReplyMode::SkipNext;
            }
        }
        _ => return Err(Failure::SYNTAX),
    }
    Ok(())
}

fn info(call: &mut Call<'_>) -> Outcome {
    let line = describe(call.connection());
    call.reply().verbatim(line);
    Ok(())
}

fn list(call: &mut Call<'_>) -> Outcome {
    let filter = match &call.args[2..] {
        [] => Filter::default(),
        [option, kind] if option.eq_ignore_ascii_case(b"type") => {
            Filter { kind: Some(ClientType::parse(kind)?), ..Filter::default() }
        }
        [option, ids @ ..] if option.eq_ignore_ascii_case(b"id") && !ids.is_empty() => {
            let ids: Result<Vec<u64>, Failure> =
                ids.iter().map(|id| client_id(id, "ERR Invalid client ID")).collect();
            Filter { ids: Some(ids?), ..Filter::default() }
        }
        _ => return Err(Failure::SYNTAX),
    };
    let lines: String =
        call.state.connections.iter().filter(|connection| filter.fits(connection)).map(describe).collect();
    call.reply().verbatim(lines);
    Ok(())
}

fn kill(call: &mut Call<'_>) -> Outcome {
    let options = &call.args[2..];
    // The old form names an address and answers OK.
    if let [address] = options {
        let filter = Filter { address: Some(address.clone()), ..Filter::default() };
        if end_all(call, &filter) == 0 {
            return Err(Failure::of("ERR No such client"));
        }
        call.reply().ok();
        return Ok(());
    }
    let mut filter = Filter { spared: Some(call.id), ..Filter::default() };
    for option in options.chunks(2) {
        let [option, value] = option else { return Err(Failure::SYNTAX) };
        match option.to_ascii_lowercase().as_slice() {
            b"id" => filter.ids = Some(vec![client_id(value, "ERR client-id should be greater than 0")?]),
            b"type" => filter.kind = Some(ClientType::parse(value)?),
            b"addr" => filter.address = Some(value.clone()),
            b"user" => {
                if call.state.users.find(value).is_none() {
                    let mut text = b"ERR No such user '".to_vec();
                    text.extend_from_slice(value);
                    text.push(b'\'');
                    return Err(Failure::quoting(text));
                }
                filter.user = Some(value.clone());
            }
            b"skipme" => {
                filter.spared = match value.to_ascii_lowercase().as_slice() {
                    b"yes" => Some(call.id),
                    b"no" => None,
                    _ => return Err(Failure::SYNTAX),
                }
            }
            _ => return Err(Failure::SYNTAX),
        }
    }
    let killed = end_all(call, &filter);
    call.reply().count(killed);
    Ok(())
}

fn end_all(call: &mut Call<'_>, filter: &Filter) -> usize {
    let own = call.id;
    let fitting = call.state.connections.0.values_mut().filter(|connection| filter.fits(connection));
    // A client that kills itself gets the answer first.
    fitting
        .map(|connection| {
            connection.end(if connection.id == own { Ending::Flushed } else { Ending::Now(Close::Fin) });
        })
        .count()
}

fn client_id(bytes: &[u8], error: &'static str) -> Result<u64, Failure> {
    let id = integer(bytes).ok().and_then(|id| u64::try_from(id).ok()).filter(|id| *id > 0);
    id.ok_or(Failure::of(error))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ClientType {
    Normal,
    PubSub,
    /// A kind of client that this server never has.
    Other,
}

impl ClientType {
    fn parse(bytes: &[u8]) -> Result<ClientType, Failure> {
        match bytes.to_ascii_lowercase().as_slice() {
            b"normal" => Ok(ClientType::Normal),
            b"pubsub" => Ok(ClientType::PubSub),
            b"master" | b"replica" | b"slave" => Ok(ClientType::Other),
            _ => {
                let mut text = b"ERR Unknown client type '".to_vec();
                text.extend_from_slice(bytes);
                text.push(b'\'');
                Err(Failure::quoting(text))
            }
        }
    }

    fn of(connection: &Connection) -> ClientType {
        if connection.session.subscriptions() > 0 { ClientType::PubSub } else { ClientType::Normal }
    }
}

/// The clients that a command is about; a field that is not set matches all.
#[derive(Default)]
struct Filter {
    ids: Option<Vec<u64>>,
    kind: Option<ClientType>,
    address: Option<Vec<u8>>,
    user: Option<Vec<u8>>,
    spared: Option<u64>,
}

impl Filter {
    fn fits(&self, connection: &Connection) -> bool {
        self.ids.as_ref().is_none_or(|ids| ids.contains(&connection.id))
            && self.kind.is_none_or(|kind| kind == ClientType::of(connection))
            && self.address.as_ref().is_none_or(|address| address == connection.peer.as_bytes())
            && self.user.as_ref().is_none_or(|user| *user == connection.session.user)
            && self.spared != Some(connection.id)
    }
}

/// A client's line, with the fields of Redis that have a meaning here.
fn describe(connection: &Connection) -> String {
    let session = &connection.session;
    let text = String::from_utf8_lossy;
    let mut flags = String::new();
    flags.extend((ClientType::of(connection) == ClientType::PubSub).then_some('P'));
    flags.extend(session.transaction.is_some().then_some('x'));
    flags.extend(connection.stream.is_unix().then_some('U'));
    if flags.is_empty() {
        flags.push('N');
    }
    let queued =
        session.transaction.as_ref().map_or("-1".to_owned(), |queued| queued.queue.len().to_string());
    format!(
        "id={} addr={} name={} age={} flags={flags} db={} sub={} psub={} multi={queued} omem={} cmd={} user={} resp={}\n",
        connection.id,
        connection.peer,
        text(&session.name),
        connection.since.elapsed().as_secs(),
        session.db,
        session.channels.len(),
        session.patterns.len(),
        connection.unsent(),
        session.last_command,
        text(&session.user),
        session.protocol.number(),
    )
}
