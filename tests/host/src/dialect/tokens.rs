//! The tokens of the game's Lua, as far as its dialect needs them.

use std::ops::Range;

/// What stands at a place of the source. Spaces and plain comments are no tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name, a keyword or a number.
    Word,
    /// The `//` before a comment.
    LineComment,
    /// `/* … */`.
    BlockComment,
    /// `!=`, `!`, `&&` or `||`.
    Operator,
    /// Anything else: a string, `::`, `..`, `...`, or one byte.
    Other,
}

#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) at: Range<usize>,
}

/// Reads tokens until the source ends, or until a string or a comment in it has no end.
#[derive(Debug)]
pub(super) struct Tokens<'source> {
    source: &'source [u8],
    at: usize,
}

impl<'source> Tokens<'source> {
    pub(super) fn new(source: &'source [u8]) -> Self {
        Self { source, at: 0 }
    }

    fn rest(&self) -> &'source [u8] {
        &self.source[self.at..]
    }

    /// Goes on behind the next `end`, if there is one.
    fn skip_behind(&mut self, end: &[u8]) -> bool {
        let found = self.rest().windows(end.len()).position(|bytes| bytes == end);
        self.at = found.map_or(self.source.len(), |offset| self.at + offset + end.len());
        found.is_some()
    }

    fn skip_line(&mut self) {
        let end = self.rest().iter().position(|&byte| byte == b'\n');
        self.at = end.map_or(self.source.len(), |offset| self.at + offset);
    }

    /// `[[ … ]]`, `[=[ … ]=]` and so on, if such a one begins here.
    fn skip_long_bracket(&mut self) -> bool {
        let rest = self.rest();
        let level = rest.iter().skip(1).take_while(|&&byte| byte == b'=').count();
        if rest.first() != Some(&b'[') || rest.get(level + 1) != Some(&b'[') {
            return false;
        }
        let end = [b"]".as_slice(), &b"=".repeat(level), b"]"].concat();
        self.at += level + 2;
        self.skip_behind(&end);
        true
    }

    fn string(&mut self, quote: u8) -> Token {
        let begin = self.at;
        self.skip_string(quote);
        Token { kind: Kind::Other, at: begin..self.at }
    }

    fn skip_string(&mut self, quote: u8) {
        self.at += 1;
        while let Some(&byte) = self.source.get(self.at) {
            self.at += if byte == b'\\' { 2 } else { 1 };
            // One that is not closed ends with its line: Lua tells of that.
            if byte == quote || byte == b'\n' {
                return;
            }
        }
        self.at = self.source.len();
    }

    fn token(&mut self, kind: Kind, length: usize) -> Token {
        let begin = self.at;
        self.at += length;
        Token { kind, at: begin..self.at }
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || !byte.is_ascii();
        loop {
            let begin = self.at;
            match self.rest() {
                [] => return None,
                [b'-', b'-', ..] => {
                    self.at += 2;
                    if !self.skip_long_bracket() {
                        self.skip_line();
                    }
                }
                [b'/', b'/', ..] => {
                    let token = self.token(Kind::LineComment, 2);
                    self.skip_line();
                    return Some(token);
                }
                [b'/', b'*', ..] => {
                    // One without an end is left to Lua, which tells of it.
                    return self
                        .skip_behind(b"*/")
                        .then_some(Token { kind: Kind::BlockComment, at: begin..self.at });
                }
                [quote @ (b'"' | b'\''), ..] => return Some(self.string(*quote)),
                [b'[', ..] if self.skip_long_bracket() => {
                    return Some(Token { kind: Kind::Other, at: begin..self.at });
                }
                [b'!', b'=', ..] | [b'&', b'&', ..] | [b'|', b'|', ..] => {
                    return Some(self.token(Kind::Operator, 2));
                }
                [b'!', ..] => return Some(self.token(Kind::Operator, 1)),
                [b'.', b'.', b'.', ..] => return Some(self.token(Kind::Other, 3)),
                [b':', b':', ..] | [b'.', b'.', ..] => return Some(self.token(Kind::Other, 2)),
                [byte, ..] if byte.is_ascii_whitespace() => self.at += 1,
                rest @ [first, ..] if is_word(first) => {
                    let mut length = rest.iter().take_while(|byte| is_word(byte)).count();
                    // A number may end with its dot; two are no part of it.
                    if first.is_ascii_digit()
                        && rest.get(length) == Some(&b'.')
                        && rest.get(length + 1) != Some(&b'.')
                    {
                        length += 1;
                    }
                    return Some(self.token(Kind::Word, length));
                }
                _ => return Some(self.token(Kind::Other, 1)),
            }
        }
    }
}
