//! A peer that closes in the middle of a write, in a process that SIGPIPE kills, like the game. In a separate file,
//! because a signal's disposition belongs to the process.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod toy;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use realtime::backend::OptionValue;
use realtime::model::{Code, ReplyTo, RequestSlot};
use toy::Game;

fn sigpipe_kills() {
    // SAFETY: SIG_DFL is not a handler, so none of our code runs in a signal; nothing here depends on the old one.
    let old = unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    assert_ne!(old, libc::SIG_ERR);
}

/// A peer that reads a little of a request and hangs up, with the rest still coming.
fn hang_up_on(options: &[(&str, OptionValue)], accept: impl Fn() -> Box<dyn ReadWrite>) {
    sigpipe_kills();
    let mut game = Game::start();
    let mut client = game.connect(options);
    // More than the system buffers for a peer that does not read.
    let text = vec![b'x'; 16 << 20];
    for _ in 0..20 {
        let mut stream = accept();
        client.wait_ready();
        game.publish(&client, "big", &text, ReplyTo::Callback(RequestSlot::new(0, 0)));
        stream.read_exact(&mut [0; 1000]).unwrap();
        drop(stream);
        assert_eq!(client.wait_answer().unwrap_err().code, Code::Disconnected);
    }
}

trait ReadWrite: Read + Write {}
impl<T: Read + Write> ReadWrite for T {}

#[test]
fn over_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let options = [("port", OptionValue::Number(port.into())), ("retry", OptionValue::Number(0.001))];
    hang_up_on(&options, || Box::new(listener.accept().unwrap().0));
}

#[test]
fn over_a_unix_socket() {
    let folder = std::env::temp_dir().join(format!("realtime-sigpipe-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let path = OptionValue::String(path.into_os_string().into_encoded_bytes());
    let options = [("path", path), ("retry", OptionValue::Number(0.001))];
    hang_up_on(&options, || Box::new(listener.accept().unwrap().0));
    std::fs::remove_dir_all(folder).unwrap();
}

/// TLS over TCP, to a server whose connections are cut in the middle of a message.
#[cfg(feature = "tls")]
#[test]
fn over_tls() {
    use fault_proxy::{Course, Cut, FaultProxy, Faults};
    use realtime::backend::{Options, configure};
    use realtime::model::Event;

    sigpipe_kills();
    let redis = fake_redis::FakeRedis::builder().start().unwrap();
    let tls = tls_proxy::TlsProxy::start(([127, 0, 0, 1], redis.port()).into()).unwrap();
    let proxy = FaultProxy::start(([127, 0, 0, 1], tls.port()).into()).unwrap();
    let pairs = [
        ("tls_ca", OptionValue::String(tls.authority().into())),
        ("reconnect_max", OptionValue::Number(0.1)),
        ("max_message_bytes", OptionValue::Number(32e6)),
    ];
    let pairs = pairs.map(|(key, value)| (key.to_owned(), value)).into();
    let url = Some(format!("rediss://{}", proxy.address()));
    let backend = configure(Options { url, pairs, ..Options::default() }).unwrap();
    let mut game = Game::start();
    let text = vec![b'x'; 16 << 20];
    for how in [Cut::Close, Cut::Reset].into_iter().cycle().take(10) {
        let up = Course { cut_at: Some(100_000), cut: how, ..Course::default() };
        proxy.next([Faults { up, ..Faults::default() }]);
        let mut client = game.open(&*backend);
        client.wait_for("ready", |seen| matches!(seen, toy::Seen::Event(Event::Ready(_))).then_some(()));
        game.publish(&client, "big", &text, ReplyTo::Callback(RequestSlot::new(0, 0)));
        let error = client.wait_answer().unwrap_err();
        assert_eq!((error.code, error.sent), (Code::Disconnected, true));
        game.command(&client, realtime::model::Command::Disconnect { deadline: std::time::Instant::now() });
    }
}
