//! Memory that functions for JSON reuse.

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

/// The longest text, in bytes, that is kept for the next one.
const KEPT_BYTES: usize = 64 << 10;

impl Spare {
    /// Takes back an output that was pushed.
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
