//! The server that a script talks to.

use std::time::Duration;

use crate::{
    ffi::Call,
    servers::{Fake, Proxy, Real, Server, address},
    value::Value,
};

/// `redis_url()`: starts the run's server if the environment names none.
pub(super) fn redis_url(call: &Call<'_>) -> Result<Value, String> {
    Ok(call.run().redis_url()?.into())
}

/// `server(method, …)`: the methods that the embedded server and a real one share.
pub(super) fn server(call: &Call<'_>) -> Result<Value, String> {
    let (method, arguments) = split(call)?;
    call.run().server()?.call(method, arguments)
}

/// `fake(method, …)`: drives the embedded server.
pub(super) fn fake(call: &Call<'_>) -> Result<Value, String> {
    let (method, arguments) = split(call)?;
    match call.run().server()? {
        Server::Fake(fake) => fake.call(method, arguments),
        _ => Err("host.fake is the embedded server, and this run has another one".to_owned()),
    }
}

/// `real(method, …)`: drives the redis-server.
pub(super) fn real(call: &Call<'_>) -> Result<Value, String> {
    let (method, arguments) = split(call)?;
    match call.run().server()? {
        Server::Real(real) => real.call(method, arguments),
        Server::Fake(_) => Err("host.real is a redis-server, and this run has the embedded one".to_owned()),
        Server::Postgres(_) => Err("host.real is a redis-server, and this run has a PostgreSQL".to_owned()),
    }
}

/// `new_fake(name, value, …)`: another embedded server; returns its number.
pub(super) fn new_fake(call: &Call<'_>) -> Result<Value, String> {
    let run = call.run();
    let fake = Fake::start(run.folder.root(), &call.arguments)?;
    let mut fakes = run.more_fakes.borrow_mut();
    fakes.push(fake);
    Ok((fakes.len() - 1).into())
}

/// `drive_fake(number, method, …)`: drives one of those.
pub(super) fn drive_fake(call: &Call<'_>) -> Result<Value, String> {
    let number = call.count(0)?;
    let fakes = call.run().more_fakes.borrow();
    let fake = fakes.get(number).ok_or_else(|| "there is no such server".to_owned())?;
    fake.call(call.text(1)?, &call.arguments[2..])
}

/// `new_real(line, …)`: another redis-server, with these lines in its configuration; returns its number.
pub(super) fn new_real(call: &Call<'_>) -> Result<Value, String> {
    let run = call.run();
    let mut lines = String::new();
    for index in 0..call.arguments.len() {
        lines.push_str(call.text(index)?);
        lines.push('\n');
    }
    let mut reals = run.more_reals.borrow_mut();
    let real = Real::start(&run.folder.root().join(format!("redis-{}", reals.len())), &lines)?;
    reals.push(real);
    Ok((reals.len() - 1).into())
}

/// `drive_real(number, method, …)`: drives one of those.
pub(super) fn drive_real(call: &Call<'_>) -> Result<Value, String> {
    let number = call.count(0)?;
    let reals = call.run().more_reals.borrow();
    let real = reals.get(number).ok_or_else(|| "there is no such server".to_owned())?;
    real.call(call.text(1)?, &call.arguments[2..])
}

/// `new_talker(number, seconds)`: sends commands to one of those, on a separate thread; returns its number.
pub(super) fn new_talker(call: &Call<'_>) -> Result<Value, String> {
    let run = call.run();
    let reals = run.more_reals.borrow();
    let real = reals.get(call.count(0)?).ok_or_else(|| "there is no such server".to_owned())?;
    let Value::Number(seconds) = *call.value(1) else {
        return Err("bad argument #2 (seconds expected)".to_owned());
    };
    let patience = Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?;
    let mut talkers = run.talkers.borrow_mut();
    talkers.push(real.talker(patience)?);
    Ok((talkers.len() - 1).into())
}

/// `drive_talker(number, method, …)`: drives one of those.
pub(super) fn drive_talker(call: &Call<'_>) -> Result<Value, String> {
    let number = call.count(0)?;
    let talkers = call.run().talkers.borrow();
    let talker = talkers.get(number).ok_or_else(|| "there is no such talker".to_owned())?;
    talker.call(call.text(1)?, &call.arguments[2..])
}

/// `new_proxy(url)`: a proxy before that server; returns its number.
pub(super) fn new_proxy(call: &Call<'_>) -> Result<Value, String> {
    let proxy = Proxy::start(call.text(0)?)?;
    let mut proxies = call.run().proxies.borrow_mut();
    proxies.push(proxy);
    Ok((proxies.len() - 1).into())
}

/// `drive_proxy(number, method, …)`: drives one of those.
pub(super) fn drive_proxy(call: &Call<'_>) -> Result<Value, String> {
    let number = call.count(0)?;
    let proxies = call.run().proxies.borrow();
    let proxy = proxies.get(number).ok_or_else(|| "there is no such proxy".to_owned())?;
    proxy.call(call.text(1)?, &call.arguments[2..])
}

/// `new_tls(url)`: a TLS server before that plain one; returns its number times 65536, plus its port.
pub(super) fn new_tls(call: &Call<'_>) -> Result<Value, String> {
    let server = address(call.text(0)?)?;
    let proxy = tls_proxy::TlsProxy::start(server).map_err(|error| format!("the TLS server: {error}"))?;
    let port = usize::from(proxy.port());
    let mut all = call.run().tls.borrow_mut();
    all.push(proxy);
    Ok(((all.len() - 1) * 65_536 + port).into())
}

/// `tls_authority(number)`: the certificate of the authority that signed that server's, in PEM.
pub(super) fn tls_authority(call: &Call<'_>) -> Result<Value, String> {
    let number = call.count(0)?;
    let all = call.run().tls.borrow();
    let proxy = all.get(number).ok_or_else(|| "there is no such server".to_owned())?;
    Ok(proxy.authority().to_owned().into())
}

fn split<'a>(call: &'a Call<'_>) -> Result<(&'a str, &'a [Value]), String> {
    Ok((call.text(0)?, &call.arguments[1..]))
}
