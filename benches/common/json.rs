//! Texts like those that game servers send, and a way to write them again.

use realtime::json::{Encoder, Refusal};
use serde_json::Value;

/// A line of chat in the addon's envelope: 173 bytes.
pub(crate) const CHAT_LINE: &[u8] = br#"{"from":"ttt-1","state":"3f9a2c7140b1d2e3","data":{"player":"76561198000000001","name":"Alice","text":"has anybody seen the traitor near the bridge?","team":3,"dead":false}}"#;

/// The inventory of a player: some 18 KB.
pub(crate) fn inventory() -> Vec<u8> {
    let items: Vec<String> = (0..160)
        .map(|n| {
            format!(
                r#"{{"id":{},"class":"weapon_ttt_{n}","amount":{},"wear":0.{},"slots":[{n},{},3],"stat_trak":{},"name":"item {n}"}}"#,
                7_000_000 + n,
                n % 7,
                12_345 + n * 77,
                n + 1,
                n % 2 == 0,
            )
        })
        .collect();
    format!(r#"{{"owner":"76561198000000001","items":[{}]}}"#, items.join(",")).into_bytes()
}

/// Writes a value again.
pub(crate) fn encode(encoder: &mut Encoder, value: &Value) -> Result<(), Refusal> {
    match value {
        Value::Null => encoder.null(),
        Value::Bool(value) => encoder.boolean(*value),
        Value::String(value) => encoder.string(value.as_bytes()),
        Value::Number(number) => match number.as_f64() {
            Some(value) if value.abs() <= 9_007_199_254_740_992.0 => encoder.number(value),
            _ => encoder.string(number.to_string().as_bytes()),
        },
        Value::Object(pairs) if !pairs.is_empty() => {
            encoder.begin_object()?;
            for (key, value) in pairs {
                encoder.key(key.as_bytes())?;
                encode(encoder, value)?;
            }
            encoder.end_object()
        }
        Value::Object(_) => {
            encoder.begin_list()?;
            encoder.end_list()
        }
        Value::Array(values) => {
            encoder.begin_list()?;
            values.iter().try_for_each(|value| encode(encoder, value))?;
            encoder.end_list()
        }
    }
}
