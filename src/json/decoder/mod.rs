//! Reads a text into its tape.

mod scalars;

use std::ops::Range;

use super::error::{Error, Mistake, RefusedText};
use super::state::State;
use super::string::skip_space;
use super::tape::{Node, Span, Table, Tape};
use super::watched::WatchedKey;
use super::{Limits, MAX_DEPTH, TABLE_ELEMENTS};

/// Reads one text, in as many calls as the caller likes.
///
/// Each call of [`read`](Self::read) gets the same whole text, and looks at about as many of its bytes as the
/// caller says. That bounds the time of a call, with two exceptions: a string without escapes and a number
/// are read in one piece. A number has at most 16 KiB.
#[derive(Debug)]
pub struct Decoder {
    tape: Tape,
    limits: Limits,
    /// How many more elements are allowed.
    elements: usize,
    /// Where the text begins after its byte order mark, and how far it was read.
    start: usize,
    at: usize,
    state: State,
    /// The innermost open table, or [`NO_TABLE`], and the number of open tables.
    open: u32,
    depth: usize,
    /// Whether the innermost table is a list, and how many elements or pairs it has so far. Its node gets the count
    /// when another table begins in it, and when it ends.
    is_list: bool,
    len: u32,
    /// Where in the tape the current string with escapes begins.
    unescaped: u32,
    watched: WatchedKey,
    /// The text has a mistake, and its elements are not all counted yet.
    refused: Option<RefusedText>,
}

/// Stands for no table.
const NO_TABLE: u32 = u32::MAX;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Why reading stopped before the end.
enum Stop {
    TooManyElements,
    /// The text is refused: see [`Decoder::refused`].
    Mistake,
}

impl Decoder {
    /// A decoder for one text.
    pub fn new(limits: Limits) -> Self {
        Self::with_tape(Tape::default(), limits)
    }

    /// The same, with the memory of a tape that is no longer needed.
    pub fn with_tape(mut tape: Tape, limits: Limits) -> Self {
        tape.clear();
        Self {
            tape,
            limits,
            elements: limits.elements,
            start: 0,
            at: 0,
            state: State::Start,
            open: NO_TABLE,
            depth: 0,
            is_list: false,
            len: 0,
            unescaped: 0,
            watched: WatchedKey::none(),
            refused: None,
        }
    }

    /// Starts over with another text. The tape keeps a little of its memory.
    pub fn restart(&mut self, limits: Limits) {
        *self = Self::with_tape(std::mem::take(&mut self.tape), limits);
    }

    /// Asks where in the text this key's value is, if the text is an object: see [`watched`](Self::watched).
    pub fn watch(&mut self, key: Vec<u8>) {
        self.watched = WatchedKey::new(key);
    }

    /// Where the watched key's value is, if the key is there. If it is there twice, the last one counts.
    pub fn watched(&self) -> Option<Range<usize>> {
        self.watched.found()
    }

    /// The values so far.
    pub fn tape(&self) -> &Tape {
        &self.tape
    }

    /// The values of the text.
    pub fn into_tape(self) -> Tape {
        self.tape
    }

    /// Reads on, about `bytes` bytes and at least one. Returns whether the end was reached.
    ///
    /// # Errors
    ///
    /// The text is not JSON, or exceeds a limit. The decoder cannot be used afterwards.
    pub fn read(&mut self, text: &[u8], bytes: usize) -> Result<bool, Error> {
        if self.state == State::Start {
            // Positions have 32 bits.
            let most = self.limits.bytes.min(NO_TABLE as usize - 1);
            if text.len() > most {
                return Err(Error::TooLong { bytes: text.len(), most });
            }
            self.start = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
            self.at = self.start;
            self.state = State::Value;
        }
        if self.refused.is_none() {
            let until = self.at.saturating_add(bytes.max(1)).min(text.len());
            match self.run(text, until) {
                Ok(()) => return Ok(self.state == State::Done),
                Err(Stop::TooManyElements) => {
                    return Err(Error::TooManyElements { most: self.limits.elements });
                }
                Err(Stop::Mistake) => {}
            }
        }
        let refused = self.refused.as_mut();
        let error = refused.and_then(|refused| refused.look(text, self.start, self.limits, bytes.max(1)));
        error.map_or(Ok(false), Err)
    }

    /// Reads the text up to about this position.
    fn run(&mut self, text: &[u8], until: usize) -> Result<(), Stop> {
        if matches!(self.state, State::StringValue | State::StringKey) {
            self.rest_of_string(text, until)?;
        }
        loop {
            // Most texts have no white space.
            let mark = match text[..until].get(self.at) {
                Some(&byte) if byte > b' ' => Some(byte),
                _ => {
                    self.at = skip_space(text, self.at, until);
                    if self.at >= until && until < text.len() {
                        return Ok(());
                    }
                    text.get(self.at).copied()
                }
            };
            match (mark, self.state) {
                (Some(bracket @ (b'[' | b'{')), State::Value | State::FirstValue) => self.open(bracket)?,
                (Some(b']'), State::FirstValue) => self.close(text),
                (Some(_), State::Value | State::FirstValue) | (Some(b'"'), State::Key | State::FirstKey) => {
                    self.scalars(text, until)?;
                }
                (Some(b':'), State::Colon) => {
                    self.at += 1;
                    self.state = State::Value;
                }
                (None, State::AfterValue) if self.open == NO_TABLE => {
                    self.state = State::Done;
                    return Ok(());
                }
                (Some(b','), State::AfterValue) if self.open != NO_TABLE => self.comma(),
                (Some(b']'), State::AfterValue) if self.is_list => self.close(text),
                (Some(b'}'), State::AfterValue | State::FirstKey)
                    if !self.is_list && self.open != NO_TABLE =>
                {
                    self.close(text);
                }
                // The rest of a string waits for the next call.
                (_, State::Done | State::Start | State::StringValue | State::StringKey) => return Ok(()),
                _ => return Err(self.unexpected(text)),
            }
        }
    }

    /// Refuses the text for a mistake at a position.
    #[cold]
    fn refuse(&mut self, at: usize, mistake: Mistake) -> Stop {
        self.refused = Some(RefusedText::new(at, mistake));
        Stop::Mistake
    }

    /// The mistake at the current byte, or at the end.
    #[cold]
    fn unexpected(&mut self, text: &[u8]) -> Stop {
        let mark = text.get(self.at);
        // The bracket that would close the table too early.
        let closing = if self.is_list { b']' } else { b'}' };
        if matches!(self.state, State::Value | State::Key) && self.open != NO_TABLE && mark == Some(&closing)
        {
            let before = text[..self.at].trim_ascii_end();
            if let [.., b','] = before {
                return self.refuse(before.len() - 1, Mistake::CommaTooMany(char::from(closing)));
            }
        }
        let expected = self.state.expected(self.open != NO_TABLE, self.is_list);
        self.refuse(self.at, Mistake::expected(expected, text, self.at))
    }

    /// Ends a value here.
    #[inline]
    fn end_value(&mut self, text: &[u8]) {
        if self.watched.may_stand_at(self.depth) {
            self.watched.end(self.at);
        }
        // In most texts a comma follows directly.
        if text.get(self.at) == Some(&b',') && self.open != NO_TABLE {
            self.comma();
        } else {
            self.state = State::AfterValue;
        }
    }

    /// Handles the comma after a value.
    #[inline]
    fn comma(&mut self) {
        self.at += 1;
        self.state = if self.is_list { State::Value } else { State::Key };
    }

    /// Counts a value that is worth this many elements.
    #[inline]
    fn count(&mut self, elements: usize) -> Result<(), Stop> {
        self.elements = self.elements.checked_sub(elements).ok_or(Stop::TooManyElements)?;
        self.len = self.len.wrapping_add(1);
        Ok(())
    }

    #[inline]
    fn push_value(&mut self, node: Node, text: &[u8]) -> Result<(), Stop> {
        self.count(1)?;
        self.tape.nodes.push(node);
        self.end_value(text);
        Ok(())
    }

    /// Whether a table is open.
    #[inline]
    fn is_in_table(&self) -> bool {
        self.open != NO_TABLE
    }

    /// The innermost open table.
    fn innermost(&mut self) -> Option<&mut Table> {
        match self.tape.nodes.get_mut(self.open as usize) {
            Some(Node::List(table) | Node::Object(table)) => Some(table),
            _ => None,
        }
    }

    #[inline]
    fn open(&mut self, bracket: u8) -> Result<(), Stop> {
        if self.depth == MAX_DEPTH {
            return Err(self.refuse(self.at, Mistake::TooDeep));
        }
        if self.watched.may_stand_at(self.depth) {
            self.watched.begin(self.at);
        }
        self.count(TABLE_ELEMENTS)?;
        let len = self.len;
        if let Some(around) = self.innermost() {
            around.len = len;
        }
        let table = Table { len: 0, parent: self.open };
        self.open = Span::new(self.tape.nodes.len(), 0).start;
        self.is_list = bracket == b'[';
        self.tape.nodes.push(if self.is_list { Node::List(table) } else { Node::Object(table) });
        self.state = if self.is_list { State::FirstValue } else { State::FirstKey };
        self.len = 0;
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    #[inline]
    fn close(&mut self, text: &[u8]) {
        let len = self.len;
        if let Some(table) = self.innermost() {
            table.len = len;
            self.open = table.parent;
        }
        self.len = self.innermost().map_or(0, |around| around.len);
        self.is_list = matches!(self.tape.nodes.get(self.open as usize), Some(Node::List(_)));
        self.depth -= 1;
        self.at += 1;
        self.end_value(text);
    }
}
