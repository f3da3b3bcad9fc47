//! A text to its tape.

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
/// Each call of [`read`](Self::read) gets the same whole text. The number of bytes that it may look at bounds its time, but
/// for a string without escapes, which is read in one piece, and a number, which has 16 KiB at most.
#[derive(Debug)]
pub struct Decoder {
    tape: Tape,
    limits: Limits,
    /// How many elements may still come.
    elements: usize,
    /// Where the text begins behind its byte order mark, and how far it was read.
    start: usize,
    at: usize,
    state: State,
    /// The innermost open table, or [`NO_TABLE`], and how many there are.
    open: u32,
    depth: usize,
    /// Whether the innermost one is a list, and how many elements or pairs it has so far. It is written into its node when
    /// another table begins in it, and when it ends.
    is_list: bool,
    len: u32,
    /// Where in the tape the bytes begin of the string with escapes that is being read.
    unescaped: u32,
    watched: WatchedKey,
    /// The text has a mistake, and its elements are still to be counted.
    refused: Option<RefusedText>,
}

/// The place of no table.
const NO_TABLE: u32 = u32::MAX;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Why reading stopped before the end.
enum Stop {
    TooManyElements,
    /// The text was refused: see [`Decoder::refused`].
    Mistake,
}

impl Decoder {
    /// A decoder for one text.
    pub fn new(limits: Limits) -> Self {
        Self::with_tape(Tape::default(), limits)
    }

    /// Likewise, with the memory of a tape that is no longer needed.
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

    /// Begins with another text. The tape keeps a little of its memory.
    pub fn restart(&mut self, limits: Limits) {
        *self = Self::with_tape(std::mem::take(&mut self.tape), limits);
    }

    /// Asks where in the text the value of this key stands, if the text is an object: see [`watched`](Self::watched).
    pub fn watch(&mut self, key: Vec<u8>) {
        self.watched = WatchedKey::new(key);
    }

    /// Where the value of the watched key stands, if there was one. Of several it is the last.
    pub fn watched(&self) -> Option<Range<usize>> {
        self.watched.found()
    }

    /// The values that were read so far.
    pub fn tape(&self) -> &Tape {
        &self.tape
    }

    /// The values that were read.
    pub fn into_tape(self) -> Tape {
        self.tape
    }

    /// Reads on through the text, `bytes` of it and at least one. Returns whether it was read to its end.
    ///
    /// # Errors
    ///
    /// The text is not JSON, or passes a limit. The decoder is of no use afterwards.
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

    /// Goes through the text until about this place, or to its end.
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
                // What is left of a string waits for the next call.
                (_, State::Done | State::Start | State::StringValue | State::StringKey) => return Ok(()),
                _ => return Err(self.unexpected(text)),
            }
        }
    }

    /// Refuses the text for what is wrong at a place.
    #[cold]
    fn refuse(&mut self, at: usize, mistake: Mistake) -> Stop {
        self.refused = Some(RefusedText::new(at, mistake));
        Stop::Mistake
    }

    /// What is wrong with the byte that was reached, or with the end.
    #[cold]
    fn unexpected(&mut self, text: &[u8]) -> Stop {
        let mark = text.get(self.at);
        // What closes a table too early.
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

    /// A value ends here.
    #[inline]
    fn end_value(&mut self, text: &[u8]) {
        if self.watched.may_stand_at(self.depth) {
            self.watched.end(self.at);
        }
        // In most texts a comma follows at once.
        if text.get(self.at) == Some(&b',') && self.open != NO_TABLE {
            self.comma();
        } else {
            self.state = State::AfterValue;
        }
    }

    /// The comma after a value.
    #[inline]
    fn comma(&mut self) {
        self.at += 1;
        self.state = if self.is_list { State::Value } else { State::Key };
    }

    /// Makes room for a value of so many elements.
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
