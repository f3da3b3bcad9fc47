//! JSON without an envelope: texts to tables and back.

use super::args::{Call, Fault};
use super::build::DecodedValue;
use super::module::Module;
use super::output::Output;
use super::spare::Spare;
use super::walk::{DEEP_SLOTS, TableWalk, WalkEnd};
use crate::json::{Decoder, Encoder, Error, Limits};

fn limits(call: &Call<'_>) -> Result<Limits, Fault> {
    let default = Limits::default();
    if call.frame.top() == 1 {
        return Ok(default);
    }
    Ok(Limits {
        bytes: call.optional_size(2, "max_bytes")?.unwrap_or(default.bytes),
        elements: call.optional_size(3, "max_elements")?.unwrap_or(default.elements),
    })
}

/// `realtime.DecodeJson(text [, max_bytes [, max_elements [, key]]])` → value [, first, last], or nil and the reason
pub(super) fn decode_json(module: &mut Module, call: &mut Call<'_>) -> Result<Output, Fault> {
    let limits = limits(call)?;
    let mut decoder = Decoder::with_tape(std::mem::take(&mut module.spare.tape), limits);
    if call.frame.top() > 1 && !call.kind(4).is_absent() {
        decoder.watch(call.string(4, "key")?.to_vec());
    }
    match decoder.read(call.string(1, "text")?, usize::MAX) {
        Ok(_) => {
            let found = decoder.watched();
            Ok(Output::Json(DecodedValue { tape: decoder.into_tape(), found }))
        }
        Err(error) => {
            module.spare.take(Output::Json(DecodedValue { tape: decoder.into_tape(), found: None }));
            Ok(Output::NotDecoded(error.to_string(), matches!(error, Error::Syntax { .. })))
        }
    }
}

/// `realtime.EncodeJson(value [, max_bytes [, max_elements]])` → text, or nil and the reason
pub(super) fn encode_json(module: &mut Module, call: &mut Call<'_>) -> Result<Output, Fault> {
    let limits = limits(call)?;
    let spare = std::mem::take(&mut module.spare);
    let mut encoder = Encoder::new(spare.text, limits);
    let (walked, tables) = TableWalk::new(call.frame, module.fixed, &mut encoder, spare.tables).run(1);
    module.spare = Spare { tape: spare.tape, tables, text: Vec::new() };
    let text = Output::Text(encoder.into_text());
    let failure = match walked {
        WalkEnd::Done => return Ok(text),
        WalkEnd::TooLarge(refusal) => Output::Without(format!("the value: {refusal}")),
        WalkEnd::Refused(place) => Output::NotEncoded(place),
        WalkEnd::NeedsSlots => Output::NeedsSlots(DEEP_SLOTS),
    };
    module.spare.take(text);
    Ok(failure)
}
