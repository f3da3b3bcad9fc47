//! Copies a frame's bytes from the input to its carry.

use super::{Cursor, Decoder};

impl Decoder {
    /// The position that the next byte will have among the frame's bytes.
    #[inline]
    pub(super) fn kept_at(&self, cursor: &Cursor<'_>) -> usize {
        self.reply.carry.len() + (cursor.pos - cursor.kept_from)
    }

    /// Copies the frame's bytes out of the input, up to the current position.
    pub(super) fn carry_over(&mut self, cursor: &mut Cursor<'_>) {
        if !self.reply.truncated {
            self.reply.keep(&cursor.input[cursor.kept_from..cursor.pos], self.limits.skip_frames_over);
        }
        cursor.kept_from = cursor.pos;
    }

    /// Keeps nothing of the frame from the current position on.
    #[cold]
    pub(super) fn truncate(&mut self, cursor: &mut Cursor<'_>) {
        self.carry_over(cursor);
        self.reply.truncate();
    }

    /// Stores the part of an incomplete frame that is in the input.
    pub(super) fn put_by(&mut self, cursor: &Cursor<'_>) {
        if !self.reply.truncated && self.is_keeping() {
            self.reply.keep(&cursor.input[cursor.kept_from..], self.limits.skip_frames_over);
        }
        self.reply.wire = self.wire(cursor);
        self.offset += cursor.pos as u64;
    }
}
