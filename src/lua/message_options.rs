//! A script's options for the messages of a subscription.

use std::ops::ControlFlow;

use super::args::{Call, Fault};
use super::frame::{Frame, Kind};
use crate::dispatch::{JsonOptions, MessageOptions};
use crate::json::Limits;
use crate::model::{NAME_CHARACTERS, printable};

/// Every option, as messages name them.
const OPTIONS: &str = "format, max_bytes, max_elements, skip_prefix, text_of, unreadable";

/// The options read so far. A table gives them in any order.
#[derive(Default)]
struct Given {
    max_bytes: Option<usize>,
    skip_prefix: Option<Box<[u8]>>,
    is_json: bool,
    max_elements: Option<usize>,
    text_of: Option<Box<[u8]>>,
    unreadable: Option<bool>,
}

/// Argument `n`: a table of options, a number that is `max_bytes`, or nothing.
pub(super) fn message_options(call: &mut Call<'_>, n: i32) -> Result<MessageOptions, Fault> {
    let mut given = Given::default();
    if call.kind(n) == Kind::Table {
        let index = n + call.before;
        let mut problem =
            call.frame.each(index, |frame, key, value| match option(frame, key, value, &mut given) {
                Ok(()) => ControlFlow::Continue(()),
                Err(problem) => ControlFlow::Break(problem),
            });
        if problem.is_none() && !given.is_json {
            let needs = [
                (given.max_elements.is_some(), "max_elements"),
                (given.text_of.is_some(), "text_of"),
                (given.unreadable.is_some(), "unreadable"),
            ];
            let needs = needs.into_iter().find(|(is_given, _)| *is_given);
            problem = needs.map(|(_, name)| format!("option \"{name}\" is for format = \"json\""));
        }
        if let Some(problem) = problem {
            return Err(call.inside(n, "options", problem));
        }
    } else {
        given.max_bytes = call.optional_size(n, "max_bytes")?;
    }
    let mut options = MessageOptions { skip_prefix: given.skip_prefix, ..MessageOptions::default() };
    options.max_bytes = given.max_bytes.unwrap_or(options.max_bytes);
    options.json = given.is_json.then(|| JsonOptions {
        max_elements: given.max_elements.unwrap_or(Limits::default().elements),
        text_of: given.text_of,
        unreadable: given.unreadable == Some(true),
    });
    Ok(options)
}

/// Reads one option. The error is a sentence.
fn option(frame: &Frame, key: i32, value: i32, given: &mut Given) -> Result<(), String> {
    let Some(name) = frame.bytes(key) else {
        return Err(format!("keys are strings, but one is a {}", frame.kind(key).name()));
    };
    let must = |name: &str, what: &str| {
        let got = match frame.number(value) {
            Some(number) => number.to_string(),
            None => format!("a value of type {}", frame.kind(value).name()),
        };
        format!("option \"{name}\" must be {what}, not {got}")
    };
    let count = |name| {
        let number = frame.number(value).filter(|number| *number >= 0.0 && number.fract() == 0.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole and positive; a number too large for a size becomes the largest size"
        )]
        number.map(|number| Some(number as usize)).ok_or_else(|| must(name, "a whole number from 0 up"))
    };
    let text = |name| frame.bytes(value).map(|text| Some(text.into())).ok_or_else(|| must(name, "a string"));
    match name {
        b"format" => match frame.bytes(value) {
            Some(b"json") => given.is_json = true,
            Some(other) => {
                let other = printable(other, NAME_CHARACTERS);
                return Err(format!("option \"format\" must be \"json\", not \"{other}\""));
            }
            None => return Err(must("format", "\"json\"")),
        },
        b"max_bytes" => given.max_bytes = count("max_bytes")?,
        b"max_elements" => given.max_elements = count("max_elements")?,
        b"skip_prefix" if frame.bytes(value).is_some_and(<[u8]>::is_empty) => {
            return Err("option \"skip_prefix\" must not be empty: every message begins with that".into());
        }
        b"skip_prefix" => given.skip_prefix = text("skip_prefix")?,
        b"text_of" => given.text_of = text("text_of")?,
        b"unreadable" => {
            let boolean = frame.boolean(value).ok_or_else(|| must("unreadable", "true or false"))?;
            given.unreadable = Some(boolean);
        }
        other => {
            let other = printable(other, NAME_CHARACTERS);
            return Err(format!("unknown option \"{other}\"; the options are {OPTIONS}"));
        }
    }
    Ok(())
}
