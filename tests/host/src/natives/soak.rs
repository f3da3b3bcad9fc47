//! Functions for a long run under load: a separate publisher, stalls, and figures of each thread.

use std::{
    collections::BTreeMap,
    io,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

use crate::{
    ffi::Call,
    process,
    publisher::{HEAD, Plan, Publisher},
    value::Value,
};

/// `start_publisher(port, rate, size, alone, channel, …)`: returns its number.
pub(super) fn start_publisher(call: &Call<'_>) -> Result<Value, String> {
    let port = u16::try_from(call.count(0)?).map_err(|_| "port: at most 65535".to_owned())?;
    let (rate, size) = (call.count(1)?, call.count(2)?);
    if rate == 0 {
        return Err("rate: messages a second, 1 or more".to_owned());
    }
    if size < HEAD {
        return Err(format!("size: bytes of a message, {HEAD} or more"));
    }
    let channels = (4..call.arguments.len().max(5))
        .map(|index| call.bytes(index).map(<[u8]>::to_vec))
        .collect::<Result<_, _>>()?;
    let plan =
        Plan { port, rate: rate as u64, size, alone: call.truth(3), channels, epoch: call.run().started };
    let publisher = Publisher::start(plan).map_err(|error| format!("the publisher: {error}"))?;
    let mut publishers = call.run().publishers.borrow_mut();
    publishers.push(publisher);
    Ok((publishers.len() - 1).into())
}

/// `publisher_figures(number)`: what happened to its messages.
pub(super) fn publisher_figures(call: &Call<'_>) -> Result<Value, String> {
    let publishers = call.run().publishers.borrow();
    let figures = &publishers.get(call.count(0)?).ok_or(NO_PUBLISHER)?.figures;
    #[expect(clippy::cast_precision_loss, reason = "no count here reaches 2^53")]
    let read = |figure: &AtomicU64| Value::Number(figure.load(Ordering::Relaxed) as f64);
    Ok(Value::Map(vec![
        ("written", read(&figures.written)),
        ("heard", read(&figures.heard)),
        ("unheard", read(&figures.unheard)),
        ("refused", read(&figures.refused)),
        ("unanswered", read(&figures.unanswered)),
        ("receivers", read(&figures.receivers)),
        ("connections", read(&figures.connections)),
    ]))
}

/// `stop_publisher(number)`: waits until it has its answers.
pub(super) fn stop_publisher(call: &Call<'_>) -> Result<Value, String> {
    call.run().publishers.borrow_mut().get_mut(call.count(0)?).ok_or(NO_PUBLISHER)?.stop();
    Ok(Value::Nil)
}

const NO_PUBLISHER: &str = "there is no such publisher";

/// `block(seconds)`: blocks the main thread.
pub(super) fn block(call: &Call<'_>) -> Result<Value, String> {
    let Value::Number(seconds) = *call.value(0) else {
        return Err("bad argument #1 (seconds expected)".to_owned());
    };
    thread::sleep(Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?);
    Ok(Value::Nil)
}

/// `processor_seconds()`: {name, seconds, name, seconds, …} of the threads of this process.
pub(super) fn processor_seconds(_: &Call<'_>) -> Result<Value, String> {
    by_thread(process::processor_seconds())
}

/// `sleeps()`: {name, count, name, count, …}: how often threads of this process began to wait.
pub(super) fn sleeps(_: &Call<'_>) -> Result<Value, String> {
    by_thread(process::sleeps())
}

fn by_thread(figures: io::Result<BTreeMap<String, f64>>) -> Result<Value, String> {
    let figures = figures.map_err(|error| error.to_string())?;
    Ok(Value::List(figures.into_iter().flat_map(|(name, figure)| [name.into(), figure.into()]).collect()))
}

/// `writes()`: calls of write(2) by this thread.
pub(super) fn writes(_: &Call<'_>) -> Result<Value, String> {
    Ok(process::writes().map_err(|error| error.to_string())?.into())
}
