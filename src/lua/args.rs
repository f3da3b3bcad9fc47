//! Arguments of a call, and errors about them.

use std::ops::ControlFlow;
use std::time::Duration;

use super::fixed::Fixed;
use super::frame::{Frame, Kind};
use super::module::{Module, unpack};
use super::number::{NumberError, NumberText};
use super::refs::Ref;
use crate::model::{Args, ClientSlot, NAME_CHARACTERS, printable};

/// A mistake of the script, for its Lua error. The place is added at the end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// An argument is of another kind, or out of range.
    #[error("bad argument #{position} to '{function}' ({argument}: {expected} expected, got {got})")]
    Argument {
        position: i32,
        function: &'static str,
        argument: &'static str,
        expected: &'static str,
        got: String,
    },
    /// An argument contains something wrong.
    #[error("bad argument #{position} to '{function}' ({argument}: {problem})")]
    Inside { position: i32, function: &'static str, argument: &'static str, problem: String },
    /// A method was called on something else.
    #[error(
        "bad self to '{function}' (RealtimeClient expected, got {got}; methods are called with a colon: \
         client:{function}(…))"
    )]
    This { function: &'static str, got: &'static str },
    /// An error of the function itself.
    #[error("{0}")]
    Other(String),
}

/// One call of a function: its name, its frame, and the number of values before its first argument.
pub(super) struct Call<'a> {
    pub(super) function: &'static str,
    pub(super) frame: &'a mut Frame,
    /// 1 for a method, whose client comes first.
    pub(super) before: i32,
}

/// A string, or a number as text.
pub(super) enum Text<'a> {
    Bytes(&'a [u8]),
    Number(NumberText),
}

impl AsRef<[u8]> for Text<'_> {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Number(number) => number.as_ref(),
        }
    }
}

/// The longest time that a script may ask for: a year. Longer ones are mistakes.
const MAX_SECONDS: f64 = 365.0 * 86_400.0;

/// The advice for a table in place of a message. `Tables` on another server expects the addon's envelope, which the
/// game's JSON functions do not make.
const TABLE_AS_MESSAGE: &str = "string or number expected, got table; a table is published with the addon's \
    realtime.Tables():Publish(channel, table), which Tables on the other servers reads, or as a text of your own \
    (util.TableToJSON) for callbacks of client:Subscribe";

/// The same for the words of a command.
const TABLE_AS_WORD: &str = "table; the addon's realtime.Encode makes a text of one";

/// Reads a string or a finite number at a position of the stack. The error ends "expected, got …".
fn text_at(frame: &Frame, index: i32) -> Result<Text<'_>, String> {
    // Strings first, because almost all texts are strings.
    if let Some(bytes) = frame.bytes(index) {
        return Ok(Text::Bytes(bytes));
    }
    match frame.number(index) {
        Some(number) => {
            NumberText::new(number).map(Text::Number).map_err(|error: NumberError| error.to_string())
        }
        None => Err(frame.kind(index).name().to_owned()),
    }
}

impl Call<'_> {
    /// The kind of argument `n`, counted from 1.
    pub(super) fn kind(&self, n: i32) -> Kind {
        self.frame.kind(n + self.before)
    }

    /// The fault for an argument `n` of another kind than `expected`.
    pub(super) fn expected(&self, n: i32, argument: &'static str, expected: &'static str) -> Fault {
        self.fault(n, argument, expected, self.kind(n).name())
    }

    fn fault(
        &self,
        position: i32,
        argument: &'static str,
        expected: &'static str,
        got: impl Into<String>,
    ) -> Fault {
        Fault::Argument { position, function: self.function, argument, expected, got: got.into() }
    }

    /// The fault for a problem within argument `n`.
    pub(super) fn inside(&self, position: i32, argument: &'static str, problem: impl Into<String>) -> Fault {
        Fault::Inside { position, function: self.function, argument, problem: problem.into() }
    }

    /// Argument `n`: a string, or a number as text.
    pub(super) fn text(&self, n: i32, argument: &'static str) -> Result<Text<'_>, Fault> {
        text_at(self.frame, n + self.before).map_err(|got| {
            let expected = if self.kind(n) == Kind::Number { "finite number" } else { "string or number" };
            self.fault(n, argument, expected, got)
        })
    }

    /// Argument `n`: the text of a message.
    pub(super) fn message(&self, n: i32) -> Result<Text<'_>, Fault> {
        match self.kind(n) {
            Kind::Table => Err(self.inside(n, "message", TABLE_AS_MESSAGE)),
            _ => self.text(n, "message"),
        }
    }

    /// Argument `n`: a string.
    pub(super) fn string(&self, n: i32, argument: &'static str) -> Result<&[u8], Fault> {
        self.frame.bytes(n + self.before).ok_or_else(|| self.expected(n, argument, "string"))
    }

    /// Whether argument `n` is `true`.
    pub(super) fn is_true(&self, n: i32) -> bool {
        self.frame.boolean(n + self.before) == Some(true)
    }

    /// Argument `n`: a function, or nothing.
    pub(super) fn optional_function(&self, n: i32, argument: &'static str) -> Result<Option<i32>, Fault> {
        match self.kind(n) {
            Kind::Function => Ok(Some(n + self.before)),
            kind if kind.is_absent() => Ok(None),
            _ => Err(self.expected(n, argument, "function or nil")),
        }
    }

    /// Argument `n`: a positive time in seconds, or nothing.
    pub(super) fn optional_timeout(&self, n: i32) -> Result<Option<Duration>, Fault> {
        const EXPECTED: &str = "positive number of seconds, a year at most,";
        if self.kind(n).is_absent() {
            return Ok(None);
        }
        match self.frame.number(n + self.before) {
            Some(seconds) if seconds > 0.0 && seconds <= MAX_SECONDS => {
                Ok(Some(Duration::from_secs_f64(seconds)))
            }
            Some(seconds) => Err(self.fault(n, "seconds", EXPECTED, seconds.to_string())),
            None => Err(self.expected(n, "seconds", "number")),
        }
    }

    /// Argument `n`: a size in bytes, or nothing.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole and positive; a number too large for a size becomes the largest size"
    )]
    pub(super) fn optional_size(&self, n: i32, argument: &'static str) -> Result<Option<usize>, Fault> {
        const EXPECTED: &str = "whole number from 0 up";
        if self.kind(n).is_absent() {
            return Ok(None);
        }
        match self.frame.number(n + self.before) {
            Some(bytes) if bytes >= 0.0 && bytes.fract() == 0.0 => Ok(Some(bytes as usize)),
            Some(bytes) => Err(self.fault(n, argument, EXPECTED, bytes.to_string())),
            None => Err(self.expected(n, argument, "whole number from 0 up, or nil,")),
        }
    }

    /// Argument `n`: a time budget in seconds. `None` for infinity.
    pub(super) fn budget(&self, n: i32) -> Result<Option<Duration>, Fault> {
        match self.frame.number(n + self.before) {
            Some(seconds) if seconds >= 0.0 => Ok(Duration::try_from_secs_f64(seconds).ok()),
            Some(seconds) => Err(self.fault(n, "seconds", "number from 0 up", seconds.to_string())),
            None => Err(self.expected(n, "seconds", "number")),
        }
    }

    /// An identifier and a function, at arguments `n` and `n + 1`, or only the function at `n`: then the calling file
    /// is the identifier. Returns the identifier and the function's position on the stack.
    pub(super) fn identifier_and_function(&self, n: i32) -> Result<(Vec<u8>, i32), Fault> {
        match self.kind(n) {
            Kind::Function if self.kind(n + 1) == Kind::String => {
                Err(self.inside(n + 1, "identifier", "it stands before the function, not after it"))
            }
            Kind::Function => Ok((self.calling_file(), n + self.before)),
            Kind::String if self.kind(n + 1) == Kind::Function => {
                Ok((self.string(n, "identifier")?.to_vec(), n + 1 + self.before))
            }
            Kind::String => Err(self.expected(n + 1, "callback", "function")),
            _ if self.kind(n + 1) == Kind::Function => Err(self.expected(n, "identifier", "string")),
            _ => Err(self.expected(n, "callback", "function, or an identifier and a function,")),
        }
    }

    /// Checks that there are no arguments from `n` on.
    pub(super) fn end(&self, n: i32) -> Result<(), Fault> {
        if self.kind(n).is_absent() {
            Ok(())
        } else {
            Err(self.expected(n, "one argument too many", "nothing"))
        }
    }

    /// An identifier at argument `n`, or the calling file.
    pub(super) fn identifier(&self, n: i32) -> Result<Vec<u8>, Fault> {
        match self.kind(n) {
            Kind::String => Ok(self.string(n, "identifier")?.to_vec()),
            kind if kind.is_absent() => Ok(self.calling_file()),
            _ => Err(self.expected(n, "identifier", "string or nil")),
        }
    }

    /// The file of the calling script; the chunk's name if it is not a file.
    fn calling_file(&self) -> Vec<u8> {
        // With no script on the stack, as in a coroutine made of the function itself, this one name is used.
        self.frame.caller().map_or_else(|| b"[C]".to_vec(), |place| place.source.into_bytes())
    }

    /// The client that a method was called on. It may be closed and removed.
    pub(super) fn this(&mut self, module: &Module) -> Result<ClientSlot, Fault> {
        // Most calls are on the same client as the last one. As long as it exists, no other table can have its
        // address.
        let pointer = self.frame.pointer(1);
        if let Some((last, slot)) = module.last_this.get()
            && last == pointer
            && self.frame.kind(1) == Kind::Table
            && module.dispatcher.get(slot).is_some()
        {
            return Ok(slot);
        }
        let handle = self.frame.element(1, 1, |frame, at| frame.number(at)).flatten();
        if let Some(slot) = handle.and_then(unpack) {
            match module.dispatcher.get(slot) {
                Some(client) if self.frame.is(1, client.data.table.index()) => {
                    module.last_this.set(Some((pointer, slot)));
                    return Ok(slot);
                }
                None if self.frame.has_metatable(1, module.fixed.client_meta) => return Ok(slot),
                _ => {}
            }
        }
        Err(Fault::This { function: self.function, got: self.frame.kind(1).name() })
    }

    /// Argument `n`: a command's words, as a sequence of strings, numbers and `realtime.NULL`.
    pub(super) fn words(&mut self, fixed: Fixed, n: i32, argument: &'static str) -> Result<Args, Fault> {
        if self.kind(n) != Kind::Table {
            return Err(self.expected(n, argument, "table"));
        }
        words_at(self.frame, fixed, n + self.before).map_err(|problem| self.inside(n, argument, problem))
    }

    /// Argument `n`: a sequence of commands.
    pub(super) fn commands(
        &mut self,
        fixed: Fixed,
        n: i32,
        argument: &'static str,
    ) -> Result<Vec<Args>, Fault> {
        if self.kind(n) != Kind::Table {
            return Err(self.expected(n, argument, "table"));
        }
        let index = n + self.before;
        let commands = whole_sequence(self.frame, index, |frame, at| match frame.kind(at) {
            Kind::Table => {
                words_at(frame, fixed, at).map_err(|problem| format!("in that command, {problem}"))
            }
            kind => Err(format!("table expected, got {}", kind.name())),
        });
        match commands {
            Ok(commands) if commands.is_empty() => Err(self.inside(n, argument, "it holds no command")),
            Ok(commands) => Ok(commands),
            Err(problem) => Err(self.inside(n, argument, problem)),
        }
    }

    /// Keeps the function at a position of the stack.
    pub(super) fn keep(&mut self, module: &Module, index: i32) -> Ref {
        module.pool.keep(self.frame, index)
    }
}

/// A command's words in the table at `index`. The error says which one is wrong.
fn words_at(frame: &mut Frame, fixed: Fixed, index: i32) -> Result<Args, String> {
    let mut args = Args::with_capacity(usize::try_from(frame.length(index)).unwrap_or(0), 0);
    whole_sequence(frame, index, |frame, at| {
        if frame.kind(at) == Kind::Table && frame.is(at, fixed.null) {
            args.push_null();
            return Ok(());
        }
        let expected = if frame.kind(at) == Kind::Number { "finite number" } else { "string or number" };
        let text = text_at(frame, at).map_err(|got| {
            let got = if frame.kind(at) == Kind::Table { TABLE_AS_WORD.to_owned() } else { got };
            format!("{expected} expected, got {got}")
        })?;
        args.push(text.as_ref());
        Ok(())
    })?;
    if args.is_empty() { Err("a command's name is missing: the table is empty".into()) } else { Ok(args) }
}

/// Reads every element of the table at `index`, which must be a sequence without holes and contain nothing else.
fn whole_sequence<T>(
    frame: &mut Frame,
    index: i32,
    mut read: impl FnMut(&mut Frame, i32) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    let length = frame.length(index);
    let mut items = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    for n in 1..=length {
        let item = frame.element(index, n, |frame, at| match frame.kind(at) {
            Kind::Nil => Err("nil, a hole in the sequence".to_owned()),
            _ => read(frame, at),
        });
        items.push(
            item.unwrap_or_else(|| Err("no table".into()))
                .map_err(|problem| format!("index {n}: {problem}"))?,
        );
    }
    // Elements outside of the sequence would be lost silently.
    let stray = frame.each(index, |frame, key, _| match frame.number(key) {
        Some(number) if number.fract() == 0.0 && number >= 1.0 && number <= f64::from(length) => {
            ControlFlow::Continue(())
        }
        Some(number) if number.fract() == 0.0 && number > f64::from(length) => {
            ControlFlow::Break(format!("index {}: nil, a hole in the sequence", length + 1))
        }
        Some(number) => ControlFlow::Break(format!("index {number}: not part of a sequence")),
        None => ControlFlow::Break(match frame.bytes(key) {
            Some(key) => format!("index \"{}\": not part of a sequence", printable(key, NAME_CHARACTERS)),
            None => format!("an index that is a {}: not part of a sequence", frame.kind(key).name()),
        }),
    });
    stray.map_or(Ok(items), Err)
}
