//! Keys, and values other than tables.

use super::{Decoder, Stop};
use crate::json::error::Mistake;
use crate::json::number::{NoNumber, read as read_number, read_short};
use crate::json::state::State;
use crate::json::string::{find_end_or_escape, unescape};
use crate::json::tape::{Node, Span};

impl Decoder {
    /// Reads scalar values and their keys, as long as they follow each other without white space. Everything else,
    /// mistakes included, is left to [`run`](Self::run). Most of a text is of this kind, and here the position stays
    /// in a register.
    pub(super) fn scalars(&mut self, text: &[u8], until: usize) -> Result<(), Stop> {
        let is_watched = self.watched.may_stand_at(self.depth);
        let mut at = self.at;
        let mut state = self.state;
        loop {
            if state > State::FirstValue {
                if text.get(at) != Some(&b'"') {
                    return self.stop_at(at, state);
                }
                let end = find_end_or_escape(text, at + 1);
                if text.get(end) != Some(&b'"') {
                    return self.begin_string(at + 1, State::StringKey, text, until);
                }
                let key = Node::Plain(Span::new(at + 1, end));
                at = end + 1;
                self.push_key(key, text);
                if text.get(at) != Some(&b':') {
                    return self.stop_at(at, State::Colon);
                }
                at += 1;
                state = State::Value;
            }
            if is_watched {
                self.watched.begin(at);
            }
            // Each value is pushed as soon as it is read: moving a node through memory costs as much as
            // reading digits.
            match text.get(at) {
                Some(b'"') => {
                    let end = find_end_or_escape(text, at + 1);
                    if text.get(end) != Some(&b'"') {
                        return self.begin_string(at + 1, State::StringValue, text, until);
                    }
                    self.count(1)?;
                    self.tape.nodes.push(Node::Plain(Span::new(at + 1, end)));
                    at = end + 1;
                }
                Some(b'-' | b'0'..=b'9') => {
                    let Some((number, end)) = read_short(text, at) else {
                        (self.at, self.state) = (at, state);
                        return self.number(text);
                    };
                    self.count(1)?;
                    self.tape.nodes.push(Node::Number(number));
                    at = end;
                }
                Some(b't') if text[at..].starts_with(b"true") => {
                    self.count(1)?;
                    self.tape.nodes.push(Node::Boolean(true));
                    at += 4;
                }
                Some(b'f') if text[at..].starts_with(b"false") => {
                    self.count(1)?;
                    self.tape.nodes.push(Node::Boolean(false));
                    at += 5;
                }
                Some(b'n') if text[at..].starts_with(b"null") => {
                    self.count(1)?;
                    self.tape.nodes.push(Node::Null);
                    at += 4;
                }
                // No value begins here, and `run` has skipped the white space before it.
                _ if at == self.at => return Err(self.unexpected(text)),
                _ => return self.stop_at(at, state),
            }
            if is_watched {
                self.watched.end(at);
            }
            if text.get(at) != Some(&b',') || !self.is_in_table() {
                return self.stop_at(at, State::AfterValue);
            }
            at += 1;
            state = if self.is_list { State::Value } else { State::Key };
            if at >= until {
                return self.stop_at(at, state);
            }
        }
    }

    /// Leaves the rest to [`run`](Self::run).
    #[inline]
    #[expect(clippy::unnecessary_wraps, reason = "its caller returns this result")]
    fn stop_at(&mut self, at: usize, state: State) -> Result<(), Stop> {
        (self.at, self.state) = (at, state);
        Ok(())
    }

    /// A number of any form.
    #[cold]
    fn number(&mut self, text: &[u8]) -> Result<(), Stop> {
        match read_number(text, self.at) {
            Ok((node, end)) => {
                self.at = end;
                self.push_value(node, text)
            }
            Err(NoNumber::OutOfRange) => Err(self.refuse(self.at, Mistake::OutOfRange)),
            Err(NoNumber::OtherText) => Err(self.unexpected(text)),
        }
    }

    /// Begins a string with escapes, or with a mistake. Its bytes start here.
    fn begin_string(&mut self, from: usize, state: State, text: &[u8], until: usize) -> Result<(), Stop> {
        self.unescaped = Span::new(self.tape.unescaped.len(), 0).start;
        (self.at, self.state) = (from, state);
        self.rest_of_string(text, until)
    }

    /// Reads on in a string with escapes, to its end or to a position.
    #[inline(never)]
    pub(super) fn rest_of_string(&mut self, text: &[u8], until: usize) -> Result<(), Stop> {
        loop {
            let end = find_end_or_escape(text, self.at);
            match text.get(end) {
                Some(b'"') => {
                    self.tape.unescaped.extend_from_slice(&text[self.at..end]);
                    self.at = end + 1;
                    let span = Span::new(self.unescaped as usize, self.tape.unescaped.len());
                    if self.state == State::StringKey {
                        self.push_key(Node::Unescaped(span), text);
                        self.state = State::Colon;
                        return Ok(());
                    }
                    return self.push_value(Node::Unescaped(span), text);
                }
                Some(b'\\') => {
                    self.tape.unescaped.extend_from_slice(&text[self.at..end]);
                    match unescape(text, end, &mut self.tape.unescaped) {
                        Some(after) => self.at = after,
                        None => return Err(self.refuse(end, Mistake::Escape)),
                    }
                }
                Some(_) => return Err(self.refuse(end, Mistake::ControlCharacter)),
                None => return Err(self.refuse(self.at, Mistake::OpenString)),
            }
            if self.at >= until && until < text.len() {
                return Ok(());
            }
        }
    }

    #[inline]
    fn push_key(&mut self, key: Node, text: &[u8]) {
        if self.watched.may_stand_at(self.depth) {
            self.watched.key(self.tape.string(key, text));
        }
        self.tape.nodes.push(key);
    }
}
