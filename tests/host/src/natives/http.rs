//! Requests over HTTP.

use crate::{ffi::Call, http::Request, value::Value};

/// `http_start(host, port, bytes)`: the number of the request.
pub(super) fn start(call: &Call<'_>) -> Result<Value, String> {
    let port = u16::try_from(call.count(1)?).map_err(|_| "no such port".to_owned())?;
    let request = Request { host: call.text(0)?.to_owned(), port, bytes: call.bytes(2)?.to_vec() };
    Ok(call.run().http.start(request).map_err(|error| error.to_string())?.into())
}

/// `http_answer()`: { number, status, headers, body } or { number, error } of a finished request; nil if there is
/// none.
pub(super) fn answer(call: &Call<'_>) -> Result<Value, String> {
    Ok(match call.run().http.answer() {
        None => Value::Nil,
        Some((number, Ok(response))) => Value::List(vec![
            number.into(),
            usize::from(response.status).into(),
            response.headers.into(),
            response.body.into(),
        ]),
        Some((number, Err(error))) => Value::List(vec![number.into(), error.into()]),
    })
}
