//! Functions that use no connection: a hash, an HMAC, and random tokens.

use super::args::{Call, Fault};
use super::module::Module;
use super::output::Output;
use crate::crypto::{hex, hmac_sha256, sha256};

/// `realtime.RandomToken()` → 32 hexadecimal digits
pub(super) fn random_token(module: &mut Module, _call: &mut Call<'_>) -> Result<Output, Fault> {
    Ok(digits(&module.random.token()))
}

/// `realtime.SHA256(text)` → 64 hexadecimal digits
pub(super) fn sha256_of(_module: &mut Module, call: &mut Call<'_>) -> Result<Output, Fault> {
    Ok(digits(&sha256(call.string(1, "text")?)))
}

/// `realtime.HMAC(key, text)` → 64 hexadecimal digits
pub(super) fn hmac_of(_module: &mut Module, call: &mut Call<'_>) -> Result<Output, Fault> {
    let (key, text) = (call.string(1, "key")?, call.string(2, "text")?);
    Ok(digits(&hmac_sha256(key, text)))
}

fn digits(bytes: &[u8]) -> Output {
    Output::Text(hex(bytes).into_bytes())
}
