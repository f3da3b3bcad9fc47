//! `realtime.Connect`.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use super::args::{Call, Fault};
use super::frame::{Frame, Kind};
use super::module::{DISCONNECT_FLUSH, Handle, Module, label, pack};
use super::output::Output;
use crate::backend::{self, Backend, OptionError, OptionValue, Options, Start};
use crate::dispatch::Client;
use crate::model::{ClientId, Command, Counters, Slot};
use crate::queue::{Consumer, Order, events};

/// Names the server where a script gives no URL.
const URL_VARIABLE: &str = "REALTIME_URL";

/// What a script asked for.
#[derive(Debug, Default)]
struct Wish {
    options: Options,
    id: Option<Vec<u8>>,
    /// Which argument the options were; 0 if there were none.
    position: i32,
}

/// `realtime.Connect([url] [, options])` → client
pub(super) fn connect(module: &mut Module, call: &mut Call<'_>) -> Result<Output, Fault> {
    let wish = wish(call)?;
    let position = wish.position;
    let backend = backend::configure(wish.options).map_err(|error| match (&error, position) {
        (OptionError::Url(_), 0 | 2) => call.inside(1, "url", error.to_string()),
        (_, 0) => Fault::Other(format!("'{}': {error}", call.function)),
        _ => call.inside(position, "options", error.to_string()),
    })?;
    let origin = call.frame.caller().map(|place| (place.source, place.line));
    let Some(id) = wish.id else {
        hint(module, origin.as_ref());
        return create(module, call, backend, None, origin);
    };
    let namesake = module.dispatcher.open().find(|(_, client)| client.data.id.as_deref() == Some(&*id));
    match namesake.map(|(slot, _)| slot) {
        Some(slot) => share(module, call, slot, backend),
        None => create(module, call, backend, Some(id), origin),
    }
}

/// A new client.
fn create(
    module: &mut Module,
    call: &mut Call<'_>,
    backend: Arc<dyn Backend>,
    id: Option<Vec<u8>>,
    origin: Option<(String, i32)>,
) -> Result<Output, Fault> {
    let opened = open(module, call, &*backend)?;
    // The table stands on top, made before the pure part began.
    let top = call.frame.top();
    let pool = Rc::clone(&module.pool);
    let table = pool.keep(call.frame, top);
    let reference = table.index();
    let label = label(id.as_deref(), &*backend);
    let handle =
        Handle { table, id, origin, hinted: false, backend, counters: opened.counters, since: opened.at };
    let slot = module.dispatcher.insert(Client::new(handle, label, opened.session, opened.consumer));
    call.frame.overwrite(top, 1, pack(slot));
    Ok(Output::Kept(reference))
}

/// The open client of that id, reconnected if the settings differ.
fn share(
    module: &mut Module,
    call: &Call<'_>,
    slot: Slot,
    backend: Arc<dyn Backend>,
) -> Result<Output, Fault> {
    let Some(client) = module.dispatcher.get(slot) else { return Ok(Output::Nothing) };
    let reference = client.data.table.index();
    if client.data.backend.same_settings(&*backend) {
        return Ok(Output::Kept(reference));
    }
    let opened = open(module, call, &*backend)?;
    let Some(client) = module.dispatcher.get_mut(slot) else { return Ok(Output::Nothing) };
    let label = label(client.data.id.as_deref(), &*backend);
    (client.data.backend, client.data.counters, client.data.since) = (backend, opened.counters, opened.at);
    let (old, commands) = client.replace(label, opened.session, opened.consumer);
    for command in commands {
        module.send(opened.session, command);
    }
    if let Some(old) = old {
        module.send(old, Command::Disconnect { deadline: opened.at + DISCONNECT_FLUSH });
    }
    Ok(Output::Kept(reference))
}

/// A session that the worker runs.
struct Opened {
    session: ClientId,
    consumer: Consumer,
    counters: Arc<Counters>,
    at: Instant,
}

fn open(module: &mut Module, call: &Call<'_>, backend: &dyn Backend) -> Result<Opened, Fault> {
    let signal = Arc::clone(&module.signal);
    let session = module.session_name();
    let worker = module.worker().map_err(|error| {
        Fault::Other(format!("'{}': the system refused the worker thread: {error}", call.function))
    })?;
    let counters = Arc::new(Counters::default());
    let (producer, consumer) = events(backend.limits(), Arc::clone(&counters), signal, worker.orders.waker());
    let at = Instant::now();
    // The standard library's hash keys are random, which is all that jitter needs.
    let seed = RandomState::new().build_hasher().finish();
    let start = Start { now: at, seed, counters: Arc::clone(&counters) };
    worker.orders.push(Order::Open { client: session, session: backend.session(start), producer });
    Ok(Opened { session, consumer, counters, at })
}

/// Says on the console that a place in a script makes one client after the other.
fn hint(module: &mut Module, origin: Option<&(String, i32)>) {
    let Some((source, line)) = origin else { return };
    let twin = module.dispatcher.open().find(|(_, client)| client.data.origin.as_ref() == origin);
    let Some(twin) = twin.map(|(slot, _)| slot).and_then(|slot| module.dispatcher.get_mut(slot)) else {
        return;
    };
    if !std::mem::replace(&mut twin.data.hinted, true) {
        module.line = Some(format!(
            "[realtime] {source}:{line}: another client was made here while the first is open; \
             with an id in its options, Connect returns the first one"
        ));
    }
}

fn wish(call: &mut Call<'_>) -> Result<Wish, Fault> {
    // The new client's table stands behind the arguments.
    let count = call.frame.top() - 1;
    let mut wish = Wish::default();
    let options = match call.kind(1) {
        _ if count == 0 => {
            let url = std::env::var(URL_VARIABLE).map_err(|error| {
                Fault::Other(match error {
                    std::env::VarError::NotPresent => format!(
                        "'Connect' without a URL: give one, or set the environment variable {URL_VARIABLE}"
                    ),
                    std::env::VarError::NotUnicode(_) => {
                        format!("the environment variable {URL_VARIABLE} is not UTF-8")
                    }
                })
            })?;
            wish.options.url = Some(url);
            return Ok(wish);
        }
        Kind::Table => 1,
        Kind::String => {
            wish.options.url =
                Some(utf8(call.string(1, "url")?).map_err(|problem| call.inside(1, "url", problem))?);
            2
        }
        _ => return Err(call.expected(1, "url", "string, or a table of options,")),
    };
    if options == 2 && (count == 1 || call.kind(2).is_absent()) {
        return Ok(wish);
    }
    if call.kind(options) != Kind::Table {
        return Err(call.expected(options, "options", "table"));
    }
    wish.position = options;
    let problem = call.frame.each(options, |frame, key, value| match option(frame, key, value, &mut wish) {
        Ok(()) => ControlFlow::Continue(()),
        Err(problem) => ControlFlow::Break(problem),
    });
    // A table's order is arbitrary; what is said about it should not be.
    wish.options.pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
    problem.map_or(Ok(wish), |problem| Err(call.inside(options, "options", problem)))
}

/// Reads one option. The error is a sentence.
fn option(frame: &Frame, key: i32, value: i32, wish: &mut Wish) -> Result<(), String> {
    let Some(name) = frame.bytes(key) else {
        return Err(format!("keys are strings, but one is a {}", frame.kind(key).name()));
    };
    let Ok(name) = std::str::from_utf8(name) else {
        return Err(format!("unknown option \"{}\"", name.escape_ascii()));
    };
    let expected =
        || format!("option \"{name}\" must be a string, not a value of type {}", frame.kind(value).name());
    match name {
        "id" => {
            let id = frame.bytes(value).ok_or_else(expected)?;
            if id.is_empty() {
                return Err("option \"id\" must not be empty".into());
            }
            wish.id = Some(id.to_vec());
        }
        "url" if wish.options.url.is_some() => {
            return Err("option \"url\" is given beside a URL; leave one of them out".into());
        }
        "url" => wish.options.url = Some(utf8(frame.bytes(value).ok_or_else(expected)?)?),
        _ => {
            let value = match frame.kind(value) {
                Kind::String => OptionValue::String(frame.bytes(value).unwrap_or_default().to_vec()),
                Kind::Number => OptionValue::Number(frame.number(value).unwrap_or_default()),
                Kind::Boolean => OptionValue::Boolean(frame.boolean(value).unwrap_or_default()),
                kind => OptionValue::Other(kind.name()),
            };
            wish.options.pairs.push((name.to_owned(), value));
        }
    }
    Ok(())
}

/// The text of a URL. The error does not quote it: it may hold a password.
fn utf8(bytes: &[u8]) -> Result<String, String> {
    std::str::from_utf8(bytes)
        .map(str::to_owned)
        .map_err(|_| "the URL is not UTF-8: percent-encode it".into())
}
