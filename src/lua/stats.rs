//! A client's figures.

use std::ffi::CStr;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::handle::Handle;
use super::raw::Lua;
use super::refs::Ref;
use crate::dispatch::Client;
use crate::model::{Event, Figure, Node, Role, State};

/// A client's figures at one moment.
#[derive(Debug)]
pub(super) struct Stats {
    state: State,
    address: String,
    numbers: Vec<(&'static CStr, f64)>,
    server: Option<Box<str>>,
    version: Option<Box<str>>,
    role: Option<Role>,
    mode: Option<Box<str>>,
    tls: Option<&'static str>,
    error: Option<String>,
    refused: Option<Box<str>>,
    /// Which Sentinel watches, and why its master is not confirmed.
    sentinel: [Option<Box<str>>; 2],
    nodes: Box<[Node]>,
}

impl Stats {
    /// The figures of a client.
    #[expect(clippy::cast_precision_loss, reason = "counts stay below 2^53")]
    pub(super) fn of(client: &Client<Ref, Handle>, state: State, now: Instant) -> Self {
        let handle = &client.data;
        let (counters, traffic) = (&handle.counters, client.traffic());
        let read = |figure: &Figure| figure.load(Ordering::Relaxed);
        let (overflow, too_large) = (read(&counters.dropped_overflow), read(&counters.dropped_too_large));
        let mut numbers = vec![
            (c"received", read(&counters.received) as f64),
            (c"delivered", traffic.delivered as f64),
            (c"dropped", (overflow + too_large) as f64),
            (c"dropped_overflow", overflow as f64),
            (c"dropped_too_large", too_large as f64),
            (c"bytes_in", read(&counters.bytes_in) as f64),
            (c"bytes_out", read(&counters.bytes_out) as f64),
            (c"published", read(&counters.published) as f64),
            (c"pending", traffic.pending as f64),
            (c"queued_events", traffic.queued_events as f64),
            (c"queued_bytes", traffic.queued_bytes as f64),
            (c"subscriptions", traffic.subscriptions as f64),
            (c"confirmed", read(&counters.confirmed) as f64),
            (c"refused", read(&counters.refused) as f64),
            (c"reconnects", read(&counters.reconnects) as f64),
            (c"uptime", now.saturating_duration_since(handle.since).as_secs_f64()),
        ];
        let round_trip = read(&counters.round_trip);
        if round_trip != 0 {
            numbers.push((c"round_trip", std::time::Duration::from_nanos(round_trip).as_secs_f64()));
        }
        let mut server = handle.backend.server().map(Box::from);
        let (mut version, mut role, mut mode, mut tls) = (None, None, None, None);
        if let Some(Event::Ready(ready)) = client.ready() {
            numbers.extend(ready.protocol.map(|protocol| (c"protocol", f64::from(protocol))));
            numbers.extend(ready.tls_expires.map(|expires| (c"tls_expires", expires as f64)));
            let times = ready.times;
            let times = [
                (c"lookup_time", times.lookup),
                (c"connect_time", times.connect),
                (c"tls_time", times.tls),
                (c"login_time", times.login),
            ];
            numbers.extend(times.into_iter().filter_map(|(name, time)| Some((name, time?.as_secs_f64()))));
            tls = ready.tls;
            (server, version) = (ready.server.clone(), ready.version.clone());
            // The role may have changed since the `ready`.
            (role, mode) = (counters.role(), ready.mode.clone());
        }
        let error = client.down().map(ToString::to_string);
        let address = counters.address().map_or_else(|| handle.backend.address(), String::from);
        let refused = counters.one_refused();
        let sentinel = counters.sentinel();
        let nodes = counters.nodes();
        Self { state, address, numbers, server, version, role, mode, tls, error, refused, nodes, sentinel }
    }

    /// Pushes them as a table.
    ///
    /// # Safety
    ///
    /// See [`Lua`].
    pub(super) unsafe fn push(&self, lua: Lua) {
        let texts = [
            (c"state", Some(self.state.as_str())),
            (c"address", Some(&*self.address)),
            (c"server", self.server.as_deref()),
            (c"version", self.version.as_deref()),
            (c"role", self.role.map(Role::as_str)),
            (c"mode", self.mode.as_deref()),
            (c"tls", self.tls),
            (c"error", self.error.as_deref()),
            (c"refused_reason", self.refused.as_deref()),
            (c"sentinel", self.sentinel[0].as_deref()),
            (c"sentinel_error", self.sentinel[1].as_deref()),
        ];
        // SAFETY: the caller upholds the contract; nothing here has to be dropped.
        unsafe {
            lua.create_table(0, i32::try_from(self.numbers.len() + texts.len()).unwrap_or(0));
            let table = lua.top();
            for &(name, number) in &self.numbers {
                lua.push_number(number);
                lua.set_field(table, name);
            }
            for (name, text) in texts {
                let Some(text) = text else { continue };
                lua.push_bytes(text.as_bytes());
                lua.set_field(table, name);
            }
            if !self.nodes.is_empty() {
                push_nodes(lua, &self.nodes);
                lua.set_field(table, c"nodes");
            }
        }
    }
}

/// Pushes a list of nodes, each a table.
///
/// # Safety
///
/// See [`Lua`].
unsafe fn push_nodes(lua: Lua, nodes: &[Node]) {
    // SAFETY: the caller upholds the contract; nothing here has to be dropped.
    unsafe {
        lua.create_table(i32::try_from(nodes.len()).unwrap_or(0), 0);
        let list = lua.top();
        for (n, node) in (1..).zip(nodes) {
            lua.create_table(0, 4);
            let table = lua.top();
            lua.push_bytes(node.address.as_bytes());
            lua.set_field(table, c"address");
            lua.push_bytes(node.role.as_str().as_bytes());
            lua.set_field(table, c"role");
            lua.push_number(f64::from(node.slots));
            lua.set_field(table, c"slots");
            lua.push_boolean(node.is_connected);
            lua.set_field(table, c"connected");
            lua.set_element(list, n);
        }
    }
}

/// Pushes the figures of a client that is gone: only its state.
///
/// # Safety
///
/// See [`Lua`].
pub(super) unsafe fn push_closed(lua: Lua) {
    // SAFETY: the caller upholds the contract; nothing here has to be dropped.
    unsafe {
        lua.create_table(0, 1);
        lua.push_bytes(State::Closed.as_str().as_bytes());
        lua.set_field(lua.top() - 1, c"state");
    }
}
