//! Memory that functions for JSON use again.

use super::output::Output;
use super::walk::Table;
use crate::json::Tape;

/// Memory that one call leaves for the next one.
#[derive(Debug, Default)]
pub(super) struct Spare {
    pub(super) tape: Tape,
    pub(super) text: Vec<u8>,
    pub(super) tables: Vec<Table>,
}

/// A text longer than this is not kept for the next one, in bytes.
const KEPT_BYTES: usize = 64 << 10;

impl Spare {
    /// Takes back what was pushed.
    pub(super) fn take(&mut self, output: Output) {
        match output {
            Output::Json(mut decoded) => {
                decoded.tape.clear();
                self.tape = decoded.tape;
            }
            Output::Text(text) if (self.text.capacity()..=KEPT_BYTES).contains(&text.capacity()) => {
                self.text = text;
            }
            _ => {}
        }
    }
}
