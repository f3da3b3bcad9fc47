//! JSON without an envelope: texts to tables and back.

use std::ops::Range;

use super::args::{Call, Fault};
use super::module::Module;
use super::output::Output;
use super::walk::{DEEP_SLOTS, Walk, Walked};
use crate::json::{Decoder, Encoder, Error, Limits, Tape};

/// Memory that one call leaves for the next one.
#[derive(Debug, Default)]
pub(super) struct Spare {
    tape: Tape,
    text: Vec<u8>,
}

/// A text longer than this is not kept for the next one, in bytes.
const KEPT_BYTES: usize = 64 << 10;

impl Spare {
    /// Takes back what was pushed.
    pub(super) fn take(&mut self, output: Output) {
        match output {
            Output::Decoded(mut decoded) => {
                decoded.tape.clear();
                self.tape = decoded.tape;
            }
            Output::Text(text) if text.capacity() <= KEPT_BYTES => self.text = text,
            _ => {}
        }
    }
}

/// What was read from the text that is the first argument.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) tape: Tape,
    /// Where in the text the value of the wanted key stands.
    pub(super) found: Option<Range<usize>>,
}

fn limits(call: &Call<'_>) -> Result<Limits, Fault> {
    let default = Limits::default();
    Ok(Limits {
        bytes: call.optional_size(2, "max_bytes")?.unwrap_or(default.bytes),
        elements: call.optional_size(3, "max_elements")?.unwrap_or(default.elements),
    })
}

/// `realtime.DecodeJson(text [, max_bytes [, max_elements [, key]]])` → value [, first, last], or nil and the reason
pub(super) fn decode_json(module: &mut Module, call: &mut Call<'_>) -> Result<Output, Fault> {
    let limits = limits(call)?;
    let mut decoder = Decoder::with_tape(std::mem::take(&mut module.spare.tape), limits);
    if !call.kind(4).is_absent() {
        decoder.watch(call.string(4, "key")?.to_vec());
    }
    match decoder.read(call.string(1, "text")?, usize::MAX) {
        Ok(_) => {
            let found = decoder.watched();
            Ok(Output::Decoded(Decoded { tape: decoder.into_tape(), found }))
        }
        Err(error) => {
            module.spare.take(Output::Decoded(Decoded { tape: decoder.into_tape(), found: None }));
            Ok(Output::NotDecoded(error.to_string(), matches!(error, Error::Syntax { .. })))
        }
    }
}

/// `realtime.EncodeJson(value [, max_bytes [, max_elements]])` → text, or nil and the reason
pub(super) fn encode_json(module: &mut Module, call: &mut Call<'_>) -> Result<Output, Fault> {
    let limits = limits(call)?;
    let mut encoder = Encoder::new(std::mem::take(&mut module.spare.text), limits);
    let walked = Walk::new(call.frame, module.fixed.null, &mut encoder).run(1);
    let text = Output::Text(encoder.into_text());
    if !matches!(walked, Walked::Done) {
        module.spare.take(text);
        return Ok(match walked {
            Walked::TooLarge(refusal) => Output::Without(format!("the value: {refusal}")),
            Walked::Refused(place) => Output::NotEncoded(place),
            Walked::NeedsSlots | Walked::Done => Output::NeedsSlots(DEEP_SLOTS),
        });
    }
    Ok(text)
}
