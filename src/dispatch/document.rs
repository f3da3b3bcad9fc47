//! A JSON text that is becoming a table.

use crate::json::{Decoder, Error, Limits, Tape};

/// Bytes that are read in one step. A text up to this size is read at once, and its table is made at once.
pub(super) const SLICE: usize = 16 << 10;

/// A JSON text that is read for one callback. The text itself stays where it is.
#[derive(Debug)]
pub struct Document {
    decoder: Decoder,
    is_read: bool,
    is_long: bool,
    is_begun: bool,
}

impl Default for Document {
    fn default() -> Self {
        Self { decoder: Decoder::new(Limits::default()), is_read: false, is_long: false, is_begun: false }
    }
}

impl Document {
    /// Begins with another text.
    pub(super) fn begin(&mut self, limits: Limits, text_of: Option<&[u8]>, is_long: bool) {
        self.decoder.restart(limits);
        if let Some(key) = text_of {
            self.decoder.watch(key.into());
        }
        (self.is_read, self.is_long, self.is_begun) = (false, is_long, false);
    }

    /// Reads on. Returns whether the whole text was read.
    pub(super) fn read(&mut self, text: &[u8]) -> Result<bool, Error> {
        if !self.is_read {
            self.is_read = self.decoder.read(text, if self.is_long { SLICE } else { usize::MAX })?;
        }
        Ok(self.is_read)
    }

    /// A part of its table was made.
    pub(super) fn has_begun(&mut self) {
        self.is_begun = true;
    }

    /// Frees the result. A little memory stays for the next text.
    pub(super) fn clear(&mut self) {
        self.decoder.restart(Limits::default());
    }

    /// The values that were read.
    pub fn tape(&self) -> &Tape {
        self.decoder.tape()
    }

    /// The part of the text with the value of the key that the callback asked for.
    pub fn text_of<'a>(&self, text: &'a [u8]) -> Option<&'a [u8]> {
        text.get(self.decoder.watched()?)
    }

    /// Whether its table may be made in several steps.
    pub fn is_long(&self) -> bool {
        self.is_long
    }

    /// Whether an earlier step made a part of the table.
    pub fn is_begun(&self) -> bool {
        self.is_begun
    }
}
