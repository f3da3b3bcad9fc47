//! A text to its tape.

use std::ops::Range;

use super::error::{Error, Expected, Mistake, RefusedText};
use super::number::{NoNumber, read as read_number};
use super::string::{find_end_or_escape, unescape};
use super::tape::{Node, Span, Table, Tape};
use super::{Limits, MAX_DEPTH, TABLE_ELEMENTS};

/// Reads one text, in as many calls as the caller likes.
///
/// Each call of [`read`](Self::read) gets the same whole text. The number of bytes that it may look at bounds its time, but
/// for a single number or a string without escapes, which are read in one piece.
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
    /// Whether the innermost one is a list.
    is_list: bool,
    watched: Option<WatchedKey>,
    /// The text has a mistake, and its elements are still to be counted.
    refused: Option<RefusedText>,
}

/// What is expected next.
#[derive(Debug, Clone, Copy)]
enum State {
    /// The beginning of the text.
    Start,
    /// A value.
    Value,
    /// A list's first value, or its end.
    FirstValue,
    /// A key.
    Key,
    /// An object's first key, or its end.
    FirstKey,
    /// The colon after a key.
    Colon,
    /// More of a string with escapes, whose bytes begin here in the tape.
    String { unescaped: u32, is_key: bool },
    /// A comma, a closing bracket, or the end of the text.
    AfterValue,
    /// Nothing: the text was read.
    Done,
}

/// A key of the outermost object whose value's place in the text is wanted.
#[derive(Debug)]
struct WatchedKey {
    key: Vec<u8>,
    /// Whether the last key was this one, and where the last value began.
    is_next: bool,
    begins: usize,
    found: Option<Range<usize>>,
}

/// The place of no table.
const NO_TABLE: u32 = u32::MAX;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Why reading stopped before the end.
enum Stop {
    TooManyElements,
    Mistake(usize, Mistake),
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
            watched: None,
            refused: None,
        }
    }

    /// Begins with another text. The tape keeps a little of its memory.
    pub fn restart(&mut self, limits: Limits) {
        *self = Self::with_tape(std::mem::take(&mut self.tape), limits);
    }

    /// Asks where in the text the value of this key stands, if the text is an object: see [`watched`](Self::watched).
    pub fn watch(&mut self, key: Vec<u8>) {
        self.watched = Some(WatchedKey { key, is_next: false, begins: 0, found: None });
    }

    /// Where the value of the watched key stands, if there was one. Of several it is the last.
    pub fn watched(&self) -> Option<Range<usize>> {
        self.watched.as_ref()?.found.clone()
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
        if matches!(self.state, State::Start) {
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
                Ok(()) => return Ok(matches!(self.state, State::Done)),
                Err(Stop::TooManyElements) => {
                    return Err(Error::TooManyElements { most: self.limits.elements });
                }
                Err(Stop::Mistake(at, mistake)) => self.refused = Some(RefusedText::new(at, mistake)),
            }
        }
        let refused = self.refused.as_mut();
        let error = refused.and_then(|refused| refused.look(text, self.start, self.limits, bytes.max(1)));
        error.map_or(Ok(false), Err)
    }

    /// Goes through the text until about this place, or to its end.
    fn run(&mut self, text: &[u8], until: usize) -> Result<(), Stop> {
        let ends_here = until == text.len();
        if let State::String { unescaped, is_key } = self.state {
            self.escapes(text, until, unescaped, is_key)?;
        }
        loop {
            self.at = skip_space(text, self.at, until);
            if self.at >= until && !ends_here {
                return Ok(());
            }
            let mark = text.get(self.at).copied();
            match (self.state, mark) {
                (State::Value | State::FirstValue, _) => self.value(text, until, mark)?,
                (State::Key | State::FirstKey, Some(b'"')) => self.string(text, until, true)?,
                (State::Colon, Some(b':')) => {
                    self.at += 1;
                    self.state = State::Value;
                }
                (State::AfterValue, None) if self.open == NO_TABLE => {
                    self.state = State::Done;
                    return Ok(());
                }
                (State::AfterValue, Some(b',')) if self.open != NO_TABLE => self.comma(),
                (State::AfterValue, Some(b']')) if self.is_list => self.close(text),
                (State::AfterValue | State::FirstKey, Some(b'}'))
                    if !self.is_list && self.open != NO_TABLE =>
                {
                    self.close(text);
                }
                // What is left of a string waits for the next call.
                (State::Done | State::Start | State::String { .. }, _) => return Ok(()),
                _ => return Err(self.unexpected(text)),
            }
        }
    }

    /// What is wrong with the byte that was reached, or with the end.
    #[cold]
    fn unexpected(&self, text: &[u8]) -> Stop {
        let mark = text.get(self.at);
        // What closes a table too early.
        let closing = if self.is_list { b']' } else { b'}' };
        if matches!(self.state, State::Value | State::Key) && self.open != NO_TABLE && mark == Some(&closing)
        {
            let before = text[..self.at].trim_ascii_end();
            if let [.., b','] = before {
                return Stop::Mistake(before.len() - 1, Mistake::CommaTooMany(char::from(closing)));
            }
        }
        let expected = match self.state {
            State::Key | State::FirstKey => Expected::Key,
            State::Colon => Expected::Colon,
            State::AfterValue if self.open == NO_TABLE => Expected::End,
            State::AfterValue if self.is_list => Expected::CommaOrBracket,
            State::AfterValue => Expected::CommaOrBrace,
            _ => Expected::Value,
        };
        Stop::Mistake(self.at, Mistake::expected(expected, text, self.at))
    }

    #[inline]
    fn value(&mut self, text: &[u8], until: usize, mark: Option<u8>) -> Result<(), Stop> {
        self.begin_watched();
        let (node, end) = match mark {
            Some(b'"') => return self.string(text, until, false),
            Some(bracket @ (b'[' | b'{')) => return self.open(bracket),
            Some(b']') if matches!(self.state, State::FirstValue) => {
                self.close(text);
                return Ok(());
            }
            Some(b't') if text[self.at..].starts_with(b"true") => (Node::Boolean(true), self.at + 4),
            Some(b'f') if text[self.at..].starts_with(b"false") => (Node::Boolean(false), self.at + 5),
            Some(b'n') if text[self.at..].starts_with(b"null") => (Node::Null, self.at + 4),
            Some(b'-' | b'0'..=b'9') => match read_number(text, self.at) {
                Ok(number) => number,
                Err(NoNumber::OutOfRange) => return Err(Stop::Mistake(self.at, Mistake::OutOfRange)),
                Err(NoNumber::OtherText) => return Err(self.unexpected(text)),
            },
            _ => return Err(self.unexpected(text)),
        };
        self.at = end;
        self.push_value(node, text)
    }

    /// A string from its opening quote on.
    #[inline]
    fn string(&mut self, text: &[u8], until: usize, is_key: bool) -> Result<(), Stop> {
        let from = self.at + 1;
        let end = find_end_or_escape(text, from);
        if text.get(end) == Some(&b'"') {
            self.at = end + 1;
            return self.push_string(Node::Plain(Span::new(from, end)), is_key, text);
        }
        let unescaped = Span::new(self.tape.unescaped.len(), 0).start;
        self.at = from;
        self.state = State::String { unescaped, is_key };
        self.escapes(text, until, unescaped, is_key)
    }

    /// The rest of a string with escapes, or as much of it as stands before a place.
    #[inline(never)]
    fn escapes(&mut self, text: &[u8], until: usize, unescaped: u32, is_key: bool) -> Result<(), Stop> {
        loop {
            let end = find_end_or_escape(text, self.at);
            match text.get(end) {
                Some(b'"') => {
                    self.tape.unescaped.extend_from_slice(&text[self.at..end]);
                    self.at = end + 1;
                    let span = Span::new(unescaped as usize, self.tape.unescaped.len());
                    return self.push_string(Node::Unescaped(span), is_key, text);
                }
                Some(b'\\') => {
                    self.tape.unescaped.extend_from_slice(&text[self.at..end]);
                    let after = unescape(text, end, &mut self.tape.unescaped);
                    self.at = after.ok_or(Stop::Mistake(end, Mistake::Escape))?;
                }
                Some(_) => return Err(Stop::Mistake(end, Mistake::ControlCharacter)),
                None => return Err(Stop::Mistake(self.at, Mistake::OpenString)),
            }
            if self.at >= until && until < text.len() {
                return Ok(());
            }
        }
    }

    #[inline]
    fn push_string(&mut self, node: Node, is_key: bool, text: &[u8]) -> Result<(), Stop> {
        if !is_key {
            return self.push_value(node, text);
        }
        if self.depth == 1
            && let Some(watched) = &mut self.watched
        {
            watched.is_next = self.tape.string(node, text) == Some(&watched.key);
        }
        self.tape.nodes.push(node);
        // In most texts it follows at once.
        if text.get(self.at) == Some(&b':') {
            self.at += 1;
            self.state = State::Value;
        } else {
            self.state = State::Colon;
        }
        Ok(())
    }

    /// A value begins here, that of the watched key perhaps.
    #[inline]
    fn begin_watched(&mut self) {
        if self.depth == 1
            && let Some(watched) = &mut self.watched
        {
            watched.begins = self.at;
        }
    }

    /// A value ends here.
    #[inline]
    fn end_value(&mut self, text: &[u8]) {
        if self.depth == 1
            && let Some(watched) = &mut self.watched
            && watched.is_next
        {
            watched.is_next = false;
            watched.found = Some(watched.begins..self.at);
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
        if let Some(Node::List(table) | Node::Object(table)) = self.tape.nodes.get_mut(self.open as usize) {
            table.len += 1;
        }
        Ok(())
    }

    #[inline]
    fn push_value(&mut self, node: Node, text: &[u8]) -> Result<(), Stop> {
        self.count(1)?;
        self.tape.nodes.push(node);
        self.end_value(text);
        Ok(())
    }

    #[inline]
    fn open(&mut self, bracket: u8) -> Result<(), Stop> {
        if self.depth == MAX_DEPTH {
            return Err(Stop::Mistake(self.at, Mistake::TooDeep));
        }
        self.count(TABLE_ELEMENTS)?;
        let table = Table { len: 0, parent: self.open };
        self.open = Span::new(self.tape.nodes.len(), 0).start;
        self.is_list = bracket == b'[';
        self.tape.nodes.push(if self.is_list { Node::List(table) } else { Node::Object(table) });
        self.state = if self.is_list { State::FirstValue } else { State::FirstKey };
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    #[inline]
    fn close(&mut self, text: &[u8]) {
        if let Some(Node::List(table) | Node::Object(table)) = self.tape.nodes.get(self.open as usize) {
            self.open = table.parent;
        }
        self.is_list = matches!(self.tape.nodes.get(self.open as usize), Some(Node::List(_)));
        self.depth -= 1;
        self.at += 1;
        self.end_value(text);
    }
}

/// The next place that is not white space, or `until`.
#[inline]
fn skip_space(text: &[u8], mut at: usize, until: usize) -> usize {
    while at < until && matches!(text[at], b' ' | b'\n' | b'\r' | b'\t') {
        at += 1;
    }
    at
}
