//! `realtime.Connect`.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use super::args::{Call, Fault};
use super::fixed::Fixed;
use super::frame::{Frame, Kind};
use super::handle::{Handle, label};
use super::module::{DISCONNECT_FLUSH, Module, pack};
use super::option_file;
use super::output::Output;
use super::raw::Lua;
use crate::backend::{self, Backend, OptionError, OptionValue, Options, Start};
use crate::dispatch::Client;
use crate::model::{ClientSlot, Command, Counters, NAME_CHARACTERS, SessionId, printable};
use crate::queue::{Consumer, Order, events};

/// Names the server if a script gives no URL.
const URL_VARIABLE: &str = "REALTIME_URL";

/// Where settings came from, in errors about server and login.
const FROM_VARIABLE: &str = "URL from the environment variable REALTIME_URL";
const FROM_CALL: &str = "settings given to realtime.Connect";

/// Characters of a script's name on the console.
const SOURCE_CHARACTERS: usize = 256;

/// The settings of a call.
#[derive(Debug)]
struct Settings {
    options: Options,
    id: Option<Vec<u8>>,
    source: Source,
}

/// Where the settings came from.
#[derive(Debug, Clone, Copy)]
enum Source {
    Environment,
    EnvironmentAndOptions,
    Url,
    UrlAndOptions,
    Options,
}

/// The content of a client's table before it has a client: a number that no client has.
const NO_CLIENT: f64 = -1.0;

/// Pushes a client's table, after the arguments. Its one element is there already, so that filling it in cannot fail.
///
/// # Safety
///
/// See [`Lua`].
pub(super) unsafe fn prepare_client(lua: Lua, fixed: Fixed) {
    // SAFETY: the caller upholds the contract; nothing here has to be dropped.
    unsafe {
        lua.create_table(1, 0);
        let table = lua.top();
        lua.push_number(NO_CLIENT);
        lua.set_element(table, 1);
        lua.push_reference(fixed.client_meta);
        lua.set_metatable(table);
    }
}

/// `realtime.Connect([url] [, options])`, `realtime.Connect(options)` → client
///
/// The addon passes the name of the file that the URL is from as a third argument.
pub(super) fn connect(module: &mut Module, call: &mut Call<'_>) -> Result<Output, Fault> {
    let Settings { mut options, id, source } = settings(call)?;
    let mut url_options = Vec::new();
    let configured = backend::take_url_options(&mut options).and_then(|taken| {
        url_options = taken;
        option_file::read_all(&mut options.pairs)?;
        let backend = backend::configure(options)?;
        backend.tls().map_or(Ok(()), |tls| module.prepare_tls(tls))?;
        Ok(backend)
    });
    let backend = configured.map_err(in_our_words).map_err(|error| {
        let is_about_url = match &error {
            OptionError::Url(_) => true,
            OptionError::Invalid { key, .. } => url_options.contains(&key.as_str()),
            OptionError::Unknown { .. } | OptionError::Place { .. } => false,
        };
        match source {
            Source::EnvironmentAndOptions if !is_about_url => call.inside(2, "options", error.to_string()),
            Source::Environment | Source::EnvironmentAndOptions => {
                Fault::Other(format!("'{}': environment variable {URL_VARIABLE}: {error}", call.function))
            }
            Source::UrlAndOptions if !is_about_url => call.inside(2, "options", error.to_string()),
            Source::Url | Source::UrlAndOptions => call.inside(1, "url", error.to_string()),
            Source::Options => call.inside(1, "options", error.to_string()),
        }
    })?;
    let origin = call.frame.caller().map(|place| (place.source, place.line));
    let Some(id) = id else {
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
    let opened = open(module, call, &*backend, Vec::new())?;
    // The table is on top, made before the pure part began.
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
    slot: ClientSlot,
    backend: Arc<dyn Backend>,
) -> Result<Output, Fault> {
    let Some(client) = module.dispatcher.get(slot) else { return Ok(Output::Nothing) };
    let reference = client.data.table.index();
    if client.data.backend.same_settings(&*backend) {
        return Ok(Output::Kept(reference));
    }
    let commands = client.wanted();
    // The old session is informed first: everything that it still hands over comes before anything of the new one.
    if let Some(old) = client.session() {
        module.send(old, Command::Disconnect { deadline: Instant::now() + DISCONNECT_FLUSH });
    }
    let opened = open(module, call, &*backend, commands)?;
    let Some(client) = module.dispatcher.get_mut(slot) else { return Ok(Output::Nothing) };
    let label = label(client.data.id.as_deref(), &*backend);
    (client.data.backend, client.data.counters, client.data.since) = (backend, opened.counters, opened.at);
    client.replace(label, opened.session, opened.consumer);
    Ok(Output::Kept(reference))
}

/// A session that the worker runs.
struct NewSession {
    session: SessionId,
    consumer: Consumer,
    counters: Arc<Counters>,
    at: Instant,
}

fn open(
    module: &mut Module,
    call: &Call<'_>,
    backend: &dyn Backend,
    commands: Vec<Command>,
) -> Result<NewSession, Fault> {
    let signal = Arc::clone(&module.signal);
    let session = module.session_id();
    let worker = module.worker().map_err(|error| {
        Fault::Other(format!("'{}': the system refused the worker thread: {error}", call.function))
    })?;
    let counters = Arc::new(Counters::default());
    let (producer, consumer) = events(backend.limits(), Arc::clone(&counters), signal, worker.orders.waker());
    let at = Instant::now();
    // The standard library's hash keys are random, which is enough for jitter.
    let seed = RandomState::new().build_hasher().finish();
    let start = Start { now: at, seed, counters: Arc::clone(&counters) };
    worker.orders.push(Order::Open { id: session, session: backend.session(start), producer, commands });
    Ok(NewSession { session, consumer, counters, at })
}

/// Prints a hint if a place in a script makes one client after the other.
fn hint(module: &mut Module, origin: Option<&(String, i32)>) {
    let Some((source, line)) = origin else { return };
    let twin = module.dispatcher.open().find(|(_, client)| client.data.origin.as_ref() == origin);
    let Some(twin) = twin.map(|(slot, _)| slot).and_then(|slot| module.dispatcher.get_mut(slot)) else {
        return;
    };
    if !std::mem::replace(&mut twin.data.hinted, true) {
        // A chunk loaded from a text has the text as its name.
        let source = printable(source.as_bytes(), SOURCE_CHARACTERS);
        module.line = Some(format!(
            "[realtime] {source}:{line}: another client was made here while the first is open; \
             with an id in its options, Connect returns the first one"
        ));
    }
}

fn settings(call: &mut Call<'_>) -> Result<Settings, Fault> {
    // The new client's table comes after the arguments.
    let count = call.frame.top() - 1;
    let (url, source) = match call.kind(1) {
        _ if count == 0 => (Some(url_of_environment()?), Source::Environment),
        // A nil alone is a URL that is missing by mistake.
        Kind::Nil if count > 1 && call.kind(2) == Kind::Table => {
            (Some(url_of_environment()?), Source::EnvironmentAndOptions)
        }
        Kind::Table => (None, Source::Options),
        Kind::String => {
            let url = utf8(call.string(1, "url")?).map_err(|problem| call.inside(1, "url", problem))?;
            let alone = count == 1 || call.kind(2).is_absent();
            (Some(url), if alone { Source::Url } else { Source::UrlAndOptions })
        }
        _ => return Err(call.expected(1, "url", "string, or a table of options,")),
    };
    let origin = match source {
        Source::Environment | Source::EnvironmentAndOptions => FROM_VARIABLE.to_owned(),
        Source::UrlAndOptions if call.kind(3) == Kind::String => {
            format!("URL from {}", printable(call.string(3, "origin")?, SOURCE_CHARACTERS))
        }
        Source::UrlAndOptions | Source::Url | Source::Options => FROM_CALL.to_owned(),
    };
    // The environment's password is only for the server that the environment names, whichever addon calls.
    let is_place_fixed = matches!(source, Source::Environment | Source::EnvironmentAndOptions);
    let options = Options { url, origin, is_place_fixed, pairs: Vec::new() };
    let mut settings = Settings { options, id: None, source };
    let position = match source {
        Source::Environment | Source::Url => return Ok(settings),
        Source::UrlAndOptions | Source::EnvironmentAndOptions => 2,
        Source::Options => 1,
    };
    if call.kind(position) != Kind::Table {
        return Err(call.expected(position, "options", "table"));
    }
    let problem =
        call.frame.each(position, |frame, key, value| match option(frame, key, value, &mut settings) {
            Ok(()) => ControlFlow::Continue(()),
            Err(problem) => ControlFlow::Break(problem),
        });
    // A table's order is arbitrary; the order of errors about it should not be.
    settings.options.pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
    problem.map_or(Ok(settings), |problem| Err(call.inside(position, "options", problem)))
}

/// A panel sets its variables for every server, even if the owner left the field blank. An empty variable counts as
/// not set.
fn url_of_environment() -> Result<String, Fault> {
    match std::env::var(URL_VARIABLE) {
        Ok(url) if !backend::trim_url(&url).is_empty() => Ok(url),
        Ok(_) | Err(std::env::VarError::NotPresent) => Err(Fault::Other(format!(
            "'Connect' without a URL: give one, or set the environment variable {URL_VARIABLE}; \
             include(\"realtime/load.lua\") instead of require reads garrysmod/data/realtime.json"
        ))),
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(Fault::Other(format!("'Connect': environment variable {URL_VARIABLE}: {NOT_UTF8}")))
        }
    }
}

/// Adds the module's own option to the list of the backend's options, and says why an option may not name the server.
fn in_our_words(error: OptionError) -> OptionError {
    match error {
        OptionError::Unknown { key, known } => OptionError::Unknown { key, known: format!("id, {known}") },
        OptionError::Place { key } => OptionError::Invalid {
            key,
            problem: format!(
                "is refused beside {URL_VARIABLE}, which says where the server is: its password is for that server alone"
            ),
        },
        other => other,
    }
}

/// Reads one option. The error is a sentence.
fn option(frame: &Frame, key: i32, value: i32, settings: &mut Settings) -> Result<(), String> {
    let Some(name) = frame.bytes(key) else {
        return Err(format!("keys are strings, but one is a {}", frame.kind(key).name()));
    };
    let Ok(name) = std::str::from_utf8(name) else {
        return Err(format!("unknown option \"{}\"", printable(name, NAME_CHARACTERS)));
    };
    let expected =
        || format!("option \"{name}\" must be a string, not a value of type {}", frame.kind(value).name());
    match name {
        // The first argument is the module itself.
        "Connect" if frame.kind(value) == Kind::Function => {
            return Err("Connect is called with a dot: realtime.Connect(…)".into());
        }
        "id" => {
            let id = frame.bytes(value).ok_or_else(expected)?;
            if id.is_empty() {
                return Err("option \"id\" must not be empty".into());
            }
            settings.id = Some(id.to_vec());
        }
        "url" => return Err("a URL is the first argument of Connect, not an option".into()),
        _ => {
            let value = match frame.kind(value) {
                Kind::String => OptionValue::String(frame.bytes(value).unwrap_or_default().to_vec()),
                Kind::Number => OptionValue::Number(frame.number(value).unwrap_or_default()),
                Kind::Boolean => OptionValue::Boolean(frame.boolean(value).unwrap_or_default()),
                kind => OptionValue::Other(kind.name()),
            };
            settings.options.pairs.push((name.to_owned(), value));
        }
    }
    Ok(())
}

/// The text of a URL. The error does not quote it: it may hold a password.
fn utf8(bytes: &[u8]) -> Result<String, String> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| NOT_UTF8.into())
}

const NOT_UTF8: &str = "the URL is not UTF-8: percent-encode it";
