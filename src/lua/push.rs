//! Pushes values, errors and events in the form that Lua gets.
//!
//! Every function here pushes, and so may raise: it upholds the contract of [`Lua`] because all its arguments are
//! borrowed, and nothing that it makes has to be dropped.

use std::ffi::{CStr, c_int};

use super::fixed::Fixed;
use super::number::exact;
use super::raw::Lua;
use crate::model::{Code, Error, Event, Rows, Topic, TopicKind, Value};

/// Pushes an error or nil, and a reply or nil: the arguments of a request's callback. Rows are followed by their
/// result. Returns how many values it pushed.
///
/// # Safety
///
/// See [`Lua`].
pub(super) unsafe fn push_reply(lua: Lua, fixed: Fixed, result: &Result<Value, Error>) -> c_int {
    // SAFETY: see the top of this file.
    unsafe {
        match result {
            Ok(value) if has_odd_key(value) => {
                push_coded(lua, fixed, Code::Unsupported.as_str(), ODD_KEY, true);
                lua.push_nil();
            }
            Ok(Value::Null) => {
                lua.push_nil();
                lua.push_nil();
            }
            Ok(Value::Rows(rows)) => {
                lua.push_nil();
                // The place of the rows.
                lua.push_nil();
                push_result(lua, fixed, rows);
                lua.get_field(-1, c"rows");
                lua.replace(-3);
                return 3;
            }
            Ok(value) => {
                lua.push_nil();
                push_value(lua, fixed, value);
            }
            Err(error) => {
                push_error(lua, fixed, error);
                lua.push_nil();
            }
        }
    }
    2
}

const ODD_KEY: &str =
    "the reply has a map whose key is itself a list, a map or an error: Lua has no such key";

/// Whether a map in the value has a key that would have to be a table. Recurses as deep as the value, which
/// the decoder bounds.
fn has_odd_key(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(has_odd_key),
        Value::Map(pairs) => pairs.iter().any(|(key, value)| {
            matches!(key, Value::Array(_) | Value::Map(_) | Value::Error(_) | Value::Rows(_))
                || has_odd_key(value)
        }),
        _ => false,
    }
}

/// Pushes a value inside of a reply. Recurses as deep as the value, which the decoder bounds; LuaJIT's stack grows
/// with it.
///
/// # Safety
///
/// See [`Lua`].
unsafe fn push_value(lua: Lua, fixed: Fixed, value: &Value) {
    // SAFETY: see the top of this file.
    unsafe {
        match value {
            Value::Null => lua.push_reference(fixed.null),
            Value::Boolean(value) => lua.push_boolean(*value),
            Value::Integer(value) => push_integer(lua, *value),
            Value::Double(value) => lua.push_number(*value),
            Value::String(bytes) => lua.push_bytes(bytes),
            Value::Error(error) => push_error(lua, fixed, error),
            Value::Array(items) => {
                lua.create_table(i32::try_from(items.len()).unwrap_or(0), 0);
                let table = lua.top();
                for (item, n) in items.iter().zip(1..) {
                    push_value(lua, fixed, item);
                    lua.set_element(table, n);
                }
            }
            Value::Map(pairs) => {
                lua.create_table(0, i32::try_from(pairs.len()).unwrap_or(0));
                let table = lua.top();
                for (key, value) in pairs {
                    match key {
                        // Lua allows every key except nil and NaN. A null is not nil here, but
                        // `realtime.NULL`.
                        Value::Double(number) if number.is_nan() => lua.push_bytes(b"nan"),
                        key => push_value(lua, fixed, key),
                    }
                    push_value(lua, fixed, value);
                    lua.set_table(table);
                }
            }
            Value::Rows(rows) => push_result(lua, fixed, rows),
        }
    }
}

/// Pushes a statement's answer: `rows`, each a table by the names of the columns, `columns`, and `affected`.
///
/// # Safety
///
/// See [`Lua`].
unsafe fn push_result(lua: Lua, fixed: Fixed, result: &Rows) {
    let size = |len: usize| c_int::try_from(len).unwrap_or(0);
    // SAFETY: see the top of this file.
    unsafe {
        lua.create_table(0, 3);
        let table = lua.top();
        if let Some(affected) = result.affected {
            push_integer(lua, i64::try_from(affected).unwrap_or(i64::MAX));
            lua.set_field(table, c"affected");
        }
        lua.create_table(size(result.columns.len()), 0);
        let columns = lua.top();
        for (name, n) in result.columns.iter().zip(1..) {
            lua.push_bytes(name);
            lua.set_element(columns, n);
        }
        lua.create_table(size(result.rows().len()), 0);
        let rows = lua.top();
        for (values, n) in result.rows().zip(1..) {
            lua.create_table(0, size(values.len()));
            let row = lua.top();
            for (value, column) in values.iter().zip(1..) {
                // The name is there already as a Lua string.
                lua.push_element(columns, column);
                push_value(lua, fixed, value);
                lua.set_table(row);
            }
            lua.set_element(rows, n);
        }
        lua.set_field(table, c"rows");
        lua.set_field(table, c"columns");
    }
}

/// Pushes a whole number, or its digits if a double can't hold it exactly.
///
/// # Safety
///
/// See [`Lua`].
unsafe fn push_integer(lua: Lua, value: i64) {
    // SAFETY: see the top of this file.
    unsafe {
        if let Some(number) = exact(value) {
            lua.push_number(number);
        } else {
            let mut digits = Digits::default();
            lua.push_bytes(digits.write(value));
        }
    }
}

/// Room for the digits of any `i64`.
#[derive(Default)]
struct Digits([u8; 20]);

impl Digits {
    fn write(&mut self, value: i64) -> &[u8] {
        let mut rest = value.unsigned_abs();
        let mut at = self.0.len();
        loop {
            at -= 1;
            self.0[at] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if value < 0 {
            at -= 1;
            self.0[at] = b'-';
        }
        &self.0[at..]
    }
}

/// Pushes an error's table.
///
/// # Safety
///
/// See [`Lua`].
pub(super) unsafe fn push_error(lua: Lua, fixed: Fixed, error: &Error) {
    // SAFETY: see the top of this file.
    unsafe { push_coded(lua, fixed, error.code.as_str(), &error.message, error.sent) }
}

unsafe fn push_coded(lua: Lua, fixed: Fixed, code: &str, message: &str, sent: bool) {
    // SAFETY: see the top of this file.
    unsafe {
        lua.create_table(0, 3);
        let table = lua.top();
        push_field(lua, table, c"code", code.as_bytes());
        push_field(lua, table, c"message", message.as_bytes());
        lua.push_boolean(sent);
        lua.set_field(table, c"sent");
        lua.push_reference(fixed.error_meta);
        lua.set_metatable(table);
    }
}

unsafe fn push_field(lua: Lua, table: i32, name: &CStr, value: &[u8]) {
    // SAFETY: see the top of this file.
    unsafe {
        lua.push_bytes(value);
        lua.set_field(table, name);
    }
}

unsafe fn push_number_field(lua: Lua, table: i32, name: &CStr, value: f64) {
    // SAFETY: see the top of this file.
    unsafe {
        lua.push_number(value);
        lua.set_field(table, name);
    }
}

unsafe fn push_error_field(lua: Lua, fixed: Fixed, table: i32, error: &Error) {
    // SAFETY: see the top of this file.
    unsafe {
        push_error(lua, fixed, error);
        lua.set_field(table, c"err");
    }
}

/// Pushes the table that listeners of an event get.
///
/// # Safety
///
/// See [`Lua`].
pub(super) unsafe fn push_info(lua: Lua, fixed: Fixed, event: &Event) {
    // SAFETY: see the top of this file.
    unsafe {
        lua.create_table(0, 4);
        let table = lua.top();
        match event {
            Event::Ready(ready) => {
                lua.push_boolean(ready.first);
                lua.set_field(table, c"first");
                if let Some(address) = &ready.address {
                    push_field(lua, table, c"address", address.as_bytes());
                }
                if let Some(tls) = ready.tls {
                    push_field(lua, table, c"tls", tls.as_bytes());
                }
                if let Some(expires) = ready.tls_expires {
                    push_number_field(lua, table, c"tls_expires", expires as f64);
                }
                if let Some(protocol) = ready.protocol {
                    push_number_field(lua, table, c"protocol", f64::from(protocol));
                }
                if let Some(server) = &ready.server {
                    push_field(lua, table, c"server", server.as_bytes());
                }
                if let Some(version) = &ready.version {
                    push_field(lua, table, c"version", version.as_bytes());
                }
                if let Some(role) = ready.role {
                    push_field(lua, table, c"role", role.as_str().as_bytes());
                }
                if let Some(mode) = &ready.mode {
                    push_field(lua, table, c"mode", mode.as_bytes());
                }
            }
            Event::Down { error, retry_in } => {
                push_error_field(lua, fixed, table, error);
                // Absent if there will be no other attempt.
                if let Some(retry_in) = retry_in {
                    push_number_field(lua, table, c"retry_in", retry_in.as_secs_f64());
                }
            }
            Event::Gap { lasted, error, topics } => {
                push_number_field(lua, table, c"seconds", lasted.as_secs_f64());
                push_error_field(lua, fixed, table, error);
                // Absent: all topics.
                if let Some(topics) = topics {
                    push_names(lua, table, c"channels", topics, TopicKind::Channel);
                    push_names(lua, table, c"patterns", topics, TopicKind::Pattern);
                    push_names(lua, table, c"sharded_channels", topics, TopicKind::ShardedChannel);
                }
            }
            #[expect(clippy::cast_precision_loss, reason = "counts stay below 2^53")]
            Event::Dropped { count, bytes, reason } => {
                push_number_field(lua, table, c"count", *count as f64);
                push_number_field(lua, table, c"bytes", *bytes as f64);
                push_field(lua, table, c"reason", reason.as_str().as_bytes());
            }
            Event::Subscribed(topic) => push_field(lua, table, topic_key(topic.kind), &topic.name),
            Event::SubscribeFailed { topic, error } => {
                push_error_field(lua, fixed, table, error);
                push_field(lua, table, topic_key(topic.kind), &topic.name);
            }
            Event::RequestFailed { command, channel, error } => {
                push_error_field(lua, fixed, table, error);
                push_field(lua, table, c"command", command);
                if let Some(channel) = channel {
                    push_field(lua, table, c"channel", channel);
                }
            }
            Event::Notice(_) | Event::Closed => {}
        }
    }
}

/// Sets a field to the list of the names of one kind.
unsafe fn push_names(lua: Lua, table: i32, name: &CStr, topics: &[Topic], kind: TopicKind) {
    // SAFETY: see the top of this file.
    unsafe {
        lua.create_table(0, 0);
        let list = lua.top();
        for (topic, n) in topics.iter().filter(|topic| topic.kind == kind).zip(1..) {
            lua.push_bytes(&topic.name);
            lua.set_element(list, n);
        }
        lua.set_field(table, name);
    }
}

/// The field that has the name of a topic of this kind.
pub(super) fn topic_key(kind: TopicKind) -> &'static CStr {
    match kind {
        TopicKind::Channel => c"channel",
        TopicKind::Pattern => c"pattern",
        TopicKind::ShardedChannel => c"sharded_channel",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_the_largest_numbers() {
        for value in [i64::MIN, i64::MAX, 9_007_199_254_740_993, -9_007_199_254_740_993, 0, -1, 10] {
            assert_eq!(Digits::default().write(value), value.to_string().as_bytes());
        }
    }

    #[test]
    fn keys_that_would_be_tables_are_found_at_any_depth() {
        let text = || Value::String(b"x"[..].into());
        assert!(!has_odd_key(&Value::Map(vec![(Value::Null, text()), (Value::Double(f64::NAN), text())])));
        assert!(has_odd_key(&Value::Map(vec![(Value::Array(vec![]), text())])));
        let inner = Value::Map(vec![(Value::Map(vec![]), text())]);
        assert!(has_odd_key(&Value::Array(vec![text(), Value::Map(vec![(text(), inner)])])));
    }
}
