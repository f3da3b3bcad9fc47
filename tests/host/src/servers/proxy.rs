//! `host.proxy`: a proxy in front of a server, driven from Lua.

use std::net::SocketAddr;
use std::time::Duration;

use fault_proxy::{Course, Cut, FaultProxy, Faults};

use super::fake::{count, pairs, word};
use super::text;
use crate::value::Value;

const METHODS: &str = "url, faults, next, edit, cut, refuse, accept, swap, accepted, connections";
const FAULTS: &str = "mute; with prefix up_ or down_: stall, stall_at, piece, split_at, pause, cut_at, cut";

/// A proxy.
#[derive(Debug)]
pub(crate) struct Proxy {
    proxy: FaultProxy,
    /// The part of the server's URL before its address: scheme, user and password.
    before: String,
}

impl Proxy {
    /// Starts a proxy in front of the server with this URL.
    ///
    /// # Errors
    ///
    /// The URL names no address, or the system has no free port.
    pub(crate) fn start(url: &str) -> Result<Self, String> {
        let (before, server) = split(url)?;
        let proxy = FaultProxy::start(server).map_err(|error| format!("the proxy: {error}"))?;
        Ok(Self { proxy, before: before.to_owned() })
    }

    /// `proxy.METHOD(…)`.
    ///
    /// # Errors
    ///
    /// There is no such method, the arguments are wrong, or the proxy can't.
    pub(crate) fn call(&self, method: &str, arguments: &[Value]) -> Result<Value, String> {
        let proxy = &self.proxy;
        match method {
            "url" => return Ok(format!("{}{}", self.before, proxy.address()).into()),
            "faults" => proxy.faults(edited(Faults::default(), arguments)?),
            "next" => proxy.next([edited(Faults::default(), arguments)?]),
            "edit" => {
                // Invalid faults change nothing.
                edited(Faults::default(), arguments)?;
                let change = |faults: &mut Faults| {
                    if let Ok(changed) = edited(faults.clone(), arguments) {
                        *faults = changed;
                    }
                };
                return Ok(proxy.edit(change).into());
            }
            "cut" => return Ok(proxy.cut(cut(arguments.first().unwrap_or(&Value::Nil))?).into()),
            "refuse" => proxy.refuse().map_err(|error| error.to_string())?,
            "accept" => proxy.accept().map_err(|error| error.to_string())?,
            "swap" => proxy.swap(split(text(arguments, 0, method)?)?.1),
            "accepted" => return Ok(exact(proxy.accepted())),
            "connections" => {
                let describe = |one: fault_proxy::Connection| {
                    Value::Map(vec![
                        ("id", exact(one.id)),
                        ("open", one.open.into()),
                        ("cut", one.cut.into()),
                        ("up", exact(one.passed_up)),
                        ("down", exact(one.passed_down)),
                    ])
                };
                return Ok(Value::List(proxy.connections().into_iter().map(describe).collect()));
            }
            _ => return Err(format!("a proxy has {METHODS}, but no '{method}'")),
        }
        Ok(Value::Nil)
    }
}

/// The address in a URL.
///
/// # Errors
///
/// The URL names none.
pub(crate) fn address(url: &str) -> Result<SocketAddr, String> {
    split(url).map(|(_, server)| server)
}

/// The part before the address in a URL, and the address.
fn split(url: &str) -> Result<(&str, SocketAddr), String> {
    let wrong = || format!("a proxy stands before redis://[user:password@]IP:port, not '{url}'");
    let at = url.find("://").map(|at| at + "://".len()).ok_or_else(wrong)?;
    let at = url[at..].rfind('@').map_or(at, |sign| at + sign + 1);
    let (before, address) = url.split_at(at);
    Ok((before, address.trim_end_matches('/').parse().map_err(|_| wrong())?))
}

fn edited(mut faults: Faults, changes: &[Value]) -> Result<Faults, String> {
    for (name, value) in pairs(changes)? {
        let (course, what) = match name.split_once('_') {
            Some(("up", what)) => (&mut faults.up, what),
            Some(("down", what)) => (&mut faults.down, what),
            _ if name == "mute" => {
                faults.mute = matches!(value, Value::Boolean(true));
                continue;
            }
            _ => return Err(format!("faults are {FAULTS}, not '{name}'")),
        };
        edit(course, what, value)?;
    }
    Ok(faults)
}

fn edit(course: &mut Course, what: &str, value: &Value) -> Result<(), String> {
    let at = || count(value, what).map(|at| Some(at as u64));
    match (what, value) {
        ("stall", &Value::Boolean(stall)) => course.stall = stall,
        ("stall_at", _) => course.stall_at = at()?,
        ("piece", _) => course.piece = count(value, what)?,
        ("split_at", _) => course.split_at = at()?,
        ("pause", &Value::Number(seconds)) => {
            course.pause = Duration::try_from_secs_f64(seconds).map_err(|error| format!("pause: {error}"))?;
        }
        ("cut_at", _) => course.cut_at = at()?,
        ("cut", _) => course.cut = cut(value)?,
        _ => return Err(format!("faults are {FAULTS}, not '{what}' of that kind")),
    }
    Ok(())
}

fn cut(value: &Value) -> Result<Cut, String> {
    if matches!(value, Value::Nil) {
        return Ok(Cut::Close);
    }
    match word(value, "cut")? {
        "fin" => Ok(Cut::Close),
        "reset" => Ok(Cut::Reset),
        "half" => Ok(Cut::HalfClose),
        other => Err(format!("a cut is fin, reset or half, not '{other}'")),
    }
}

#[expect(clippy::cast_precision_loss, reason = "no count here reaches 2^53")]
fn exact(number: u64) -> Value {
    Value::Number(number as f64)
}
