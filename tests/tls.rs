//! TLS with a real redis-server, through the real worker.

#![cfg(all(unix, feature = "tls"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure here is a failed test")]

mod toy;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use certificates::{Authority, Identity};
use real_redis::{HeldPort, RealRedis};
use realtime::backend::{OptionValue, Options, PrepareTls, configure};
use realtime::crypto::{hex, sha256};
use realtime::model::{
    Code, Command, Error, Event, Ready, ReplyTo, Request, RequestKind, RequestSlot, SubscriptionSlot, Ticket,
    Topic, TopicKind, Value,
};
use toy::{Client, Game, Seen, eventually};

const LONG: Duration = Duration::from_secs(60);
const SLOT: SubscriptionSlot = SubscriptionSlot::new(1, 0);
const ANSWER: ReplyTo = ReplyTo::Callback(RequestSlot::new(0, 0));

/// A redis-server that speaks TLS on a separate port besides the plain one.
struct TlsRedis {
    redis: RealRedis,
    port: HeldPort,
    authority: Authority,
}

impl TlsRedis {
    /// With this certificate, or one for 127.0.0.1, and more lines of configuration.
    fn start(identity: Option<Identity>, lines: &str) -> Option<Self> {
        Self::start_as(identity, lines, false)
    }

    /// The same; `asks`: for a certificate of the client.
    fn start_as(identity: Option<Identity>, lines: &str, asks: bool) -> Option<Self> {
        if !real_redis::is_expected() || real_redis::version().is_ok_and(|version| version < (6, 2)) {
            eprintln!("skipped: no redis-server with TLS");
            return None;
        }
        let authority = Authority::new("tests");
        let port = HeldPort::new().expect("a port");
        let folder = tempfile::tempdir().expect("a folder").keep();
        let identity = identity.unwrap_or_else(|| authority.issue(&["127.0.0.1"]));
        identity.write(&folder, "server").expect("files");
        std::fs::write(folder.join("ca.crt"), &authority.certificate).expect("a file");
        let configuration = format!(
            "tls-port {}\ntls-cert-file server.crt\ntls-key-file server.key\ntls-ca-cert-file ca.crt\n\
             tls-auth-clients {}\n{lines}",
            port.number(),
            if asks { "yes" } else { "no" }
        );
        let redis = RealRedis::builder().folder(folder).configuration(configuration).start();
        Some(Self { redis: redis.expect("a redis-server with TLS"), port, authority })
    }

    fn url(&self) -> String {
        format!("rediss://127.0.0.1:{}", self.port.number())
    }

    fn ca(&self) -> (&'static str, OptionValue) {
        ("tls_ca", text(&self.authority.certificate))
    }

    fn say(&self, line: &str) {
        say(&self.redis, line);
    }
}

impl Drop for TlsRedis {
    fn drop(&mut self) {
        self.redis.kill();
        let _gone = std::fs::remove_dir_all(self.redis.folder());
    }
}

/// Sends a line without the module, on the plain port. Returns the beginning of the answer.
fn say(redis: &RealRedis, line: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", redis.port())).expect("a connection");
    stream.write_all(format!("{line}\r\n").as_bytes()).expect("a connection");
    let mut answer = [0; 4096];
    let n = stream.read(&mut answer).expect("an answer");
    let answer = String::from_utf8_lossy(&answer[..n]).into_owned();
    assert!(!answer.starts_with('-'), "{line}: {answer}");
    answer
}

fn text(text: &str) -> OptionValue {
    OptionValue::String(text.into())
}

fn connect(game: &mut Game, url: &str, pairs: &[(&str, OptionValue)]) -> Client {
    let mut pairs: Vec<_> = pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    pairs.push(("reconnect_max".into(), OptionValue::Number(0.1)));
    let backend =
        configure(Options { url: Some(url.into()), pairs, ..Options::default() }).expect("good options");
    if let Some(tls) = backend.tls() {
        game.spawner.prepare_tls(tls).expect("good certificates");
    }
    game.open(&*backend)
}

fn ready(client: &mut Client) -> Ready {
    client.wait_for("ready", |seen| match seen {
        Seen::Event(Event::Ready(ready)) => Some(ready),
        _ => None,
    })
}

fn down(client: &mut Client) -> Error {
    client.wait_for("a failure", |seen| match seen {
        Seen::Event(Event::Down { error, .. }) => Some(error),
        _ => None,
    })
}

/// Why a client does not become ready.
fn failed(url: &str, pairs: &[(&str, OptionValue)]) -> Error {
    let mut game = Game::start();
    let mut client = connect(&mut game, url, pairs);
    let error = down(&mut client);
    assert!(game.shutdown(LONG));
    error
}

fn identity(own: &Identity) -> [(&'static str, OptionValue); 2] {
    [("tls_cert", text(&own.certificate)), ("tls_key", text(&own.key))]
}

#[test]
fn messages_of_any_size_pass_over_both_versions_of_tls_and_of_the_protocol() {
    for (protocols, version) in [("TLSv1.2", "TLSv1.2"), ("TLSv1.3", "TLSv1.3")] {
        let Some(server) = TlsRedis::start(None, &format!("tls-protocols {protocols}")) else { return };
        for protocol in [2, 3] {
            let mut game = Game::start();
            let pairs = [server.ca(), ("protocol", OptionValue::Number(protocol.into()))];
            let mut client = connect(&mut game, &server.url(), &pairs);
            game.subscribe(&client, "chat", SLOT.index);
            let told = ready(&mut client);
            assert_eq!((told.tls, told.protocol), (Some(version), Some(protocol)));
            let day = told.tls_expires.expect("a certificate") / 86_400;
            let today = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
                / 86_400;
            assert!((today + 29..=today + 31).contains(&day), "{day}");
            for length in [0, 1, 16_384, 16_385, 3_000_000] {
                let text: Vec<u8> = (0..length).map(|n: u32| n.wrapping_mul(31).to_le_bytes()[0]).collect();
                game.publish(&client, "chat", &text, ANSWER);
                let (mut message, mut answer) = (None, None);
                while message.is_none() || answer.is_none() {
                    match client.wait() {
                        Seen::Message(slot, payload) => message = Some((slot, payload)),
                        Seen::Answer(_, result) => answer = Some(result),
                        Seen::Event(Event::Subscribed(_)) => {}
                        other => panic!("{other:?}"),
                    }
                }
                assert_eq!(answer, Some(Ok(Value::Integer(1))));
                assert!(message == Some((SLOT, text)), "{length} bytes");
            }
            game.command(&client, Command::Disconnect { deadline: Instant::now() + LONG });
            client.wait_for("the end", |seen| (seen == Seen::Event(Event::Closed)).then_some(()));
            assert!(game.shutdown(LONG));
        }
    }
}

#[test]
fn a_server_that_asks_for_a_certificate_gets_ours_and_says_why_it_refuses_one() {
    for protocols in ["TLSv1.2", "TLSv1.3"] {
        let Some(server) = TlsRedis::start_as(None, &format!("tls-protocols {protocols}"), true) else {
            return;
        };
        let mut game = Game::start();
        let [certificate, key] = identity(&server.authority.issue(&["client"]));
        let mut client = connect(&mut game, &server.url(), &[server.ca(), certificate, key]);
        assert!(ready(&mut client).first);
        assert!(game.shutdown(LONG));

        let missing = failed(&server.url(), &[server.ca()]);
        assert_eq!(missing.code, Code::Tls, "{missing}");
        assert!(missing.message.contains("tls_cert"), "{protocols}: {missing}");
        let [certificate, key] = identity(&Authority::new("somebody else").issue(&["client"]));
        let refused = failed(&server.url(), &[server.ca(), certificate, key]);
        assert_eq!(refused.code, Code::Tls, "{refused}");
        assert!(refused.message.contains("the server refused the certificate of tls_cert"), "{refused}");
    }
}

#[test]
fn a_server_that_cannot_be_believed_is_told_of_with_what_to_do() {
    let authority = Authority::new("its own");
    let ca = ("tls_ca", text(&authority.certificate));
    let name = ("tls_name", text("redis.example"));
    let pin = |identity: &Identity| ("tls_pin", text(&hex(&sha256(&identity.public_key))));
    let own = Identity::self_signed(&["redis.example"]);
    let expired = authority.issue_between(&["127.0.0.1"], -30, -1);
    for (identity, pairs, words) in [
        (authority.issue(&["redis.example"]), vec![ca.clone()], Some("another name")),
        (authority.issue(&["redis.example"]), vec![ca.clone(), name], None),
        (authority.issue(&["127.0.0.1"]), vec![], Some("no public authority signed")),
        (expired.clone(), vec![ca.clone()], Some("has expired")),
        (own.clone(), vec![], Some("no public authority signed")),
        (own.clone(), vec![ca], Some("signed by none of the authorities in tls_ca")),
        (own.clone(), vec![pin(&own)], None),
        (own.clone(), vec![pin(&expired)], Some("another public key")),
        (own.clone(), vec![("tls_insecure", OptionValue::Boolean(true))], None),
    ] {
        let Some(server) = TlsRedis::start(Some(identity), "") else { return };
        if let Some(words) = words {
            let error = failed(&server.url(), &pairs);
            assert_eq!(error.code, Code::Tls, "{error}");
            assert!(error.message.contains(words), "{words}: {error}");
        } else {
            let mut game = Game::start();
            let mut client = connect(&mut game, &server.url(), &pairs);
            assert_eq!(ready(&mut client).tls, Some("TLSv1.3"), "{pairs:?}");
            assert!(game.shutdown(LONG));
        }
    }
}

/// Like the output of `openssl x509 -req`: X.509 version 1.
#[test]
fn old_certificates_will_do_for_a_pinned_server_and_for_the_client() {
    for protocols in ["TLSv1.2", "TLSv1.3"] {
        let (own, client) = (Identity::of_version_1(), Identity::of_version_1());
        let pin = ("tls_pin", text(&hex(&sha256(&own.public_key))));
        let Some(server) = TlsRedis::start_as(Some(own), &format!("tls-protocols {protocols}"), true) else {
            return;
        };
        std::fs::write(server.redis.folder().join("clients.crt"), &client.certificate).expect("a file");
        server.say("CONFIG SET tls-ca-cert-file clients.crt");
        let [certificate, key] = identity(&client);
        let mut game = Game::start();
        let mut client = connect(&mut game, &server.url(), &[pin, certificate, key]);
        assert_eq!(ready(&mut client).tls.map(|tls| tls.to_owned()), Some(protocols.to_owned()));
        assert!(game.shutdown(LONG));
    }
}

#[test]
fn one_port_for_the_other_is_told() {
    let Some(server) = TlsRedis::start(None, "") else { return };
    // It waits for the end of a line, which may occur in random bytes.
    let plain = format!("rediss://127.0.0.1:{}", server.redis.port());
    let error = failed(&plain, &[("connect_timeout", OptionValue::Number(1.0))]);
    assert!(error.message.contains("TLS") && error.message.contains("tls-port"), "{error}");
    let error = failed(&server.url().replace("rediss", "redis"), &[]);
    assert!(error.message.contains("TLS"), "{error}");
}

#[test]
fn a_certificate_that_is_renewed_under_us_is_taken_if_it_is_believed() {
    let Some(server) = TlsRedis::start(None, "") else { return };
    let renew = |identity: &Identity| {
        identity.write(server.redis.folder(), "server").expect("files");
        server.say("CONFIG SET tls-cert-file server.crt tls-key-file server.key");
    };
    let mut game = Game::start();
    let mut client = connect(&mut game, &server.url(), &[server.ca()]);
    let before = ready(&mut client).tls_expires.expect("a certificate");
    renew(&server.authority.issue_between(&["127.0.0.1"], -1, 60));
    // Open links stay open.
    game.publish(&client, "chat", b"x", ANSWER);
    assert_eq!(client.wait_answer(), Ok(Value::Integer(0)));
    server.say("CLIENT KILL SKIPME yes");
    down(&mut client);
    let after = ready(&mut client).tls_expires.expect("a certificate");
    assert!(after > before + 29 * 86_400, "{before} {after}");

    renew(&Identity::self_signed(&["127.0.0.1"]));
    server.say("CLIENT KILL SKIPME yes");
    let mut error = down(&mut client);
    while error.code != Code::Tls {
        error = down(&mut client);
    }
    assert!(error.message.contains("none of the authorities in tls_ca"), "{error}");
    renew(&server.authority.issue(&["127.0.0.1"]));
    ready(&mut client);
    assert!(game.shutdown(LONG));
}

#[test]
fn a_sentinel_and_the_master_that_it_names_are_both_reached_through_tls() {
    let Some(master) = TlsRedis::start(None, "") else { return };
    let port = HeldPort::new().expect("a port");
    let folder = tempfile::tempdir().expect("a folder");
    master.authority.issue(&["127.0.0.1"]).write(folder.path(), "server").expect("files");
    std::fs::write(folder.path().join("ca.crt"), &master.authority.certificate).expect("a file");
    let lines = format!(
        "tls-port {}\ntls-cert-file server.crt\ntls-key-file server.key\ntls-ca-cert-file ca.crt\ntls-auth-clients no\n\
         tls-replication yes\nsentinel monitor mymaster 127.0.0.1 {} 1",
        port.number(),
        master.port.number()
    );
    let builder = RealRedis::builder().sentinel().folder(folder.path()).configuration(lines);
    let _sentinel = builder.start().expect("a Sentinel with TLS");
    let url = format!("rediss-sentinel://127.0.0.1:{}/mymaster", port.number());
    let mut game = Game::start();
    let mut client = connect(&mut game, &url, &[master.ca()]);
    let told = ready(&mut client);
    let place = format!("127.0.0.1:{}", master.port.number());
    assert_eq!((told.address.as_deref(), told.tls), (Some(&*place), Some("TLSv1.3")));
    assert_eq!(client.counters.sentinel()[0].as_deref(), Some(&*format!("127.0.0.1:{}", port.number())));
    // Without the authority neither is trusted.
    let error = failed(&url, &[]);
    assert_eq!(error.code, Code::Tls);
    assert!(error.message.starts_with("the Sentinel 127.0.0.1:"), "{error}");
    // Over a plain connection it reports its kind.
    let error = failed(&url.replace("rediss", "redis"), &[]);
    assert!(
        error.message.contains("does it speak plain Redis protocol on this port, without TLS?"),
        "{error}"
    );
    assert!(game.shutdown(LONG));
}

#[test]
fn nodes_of_a_cluster_are_reached_through_tls_for_commands_and_for_sharded_channels() {
    if !real_redis::is_expected() || real_redis::version().is_ok_and(|version| version < (7, 0)) {
        return eprintln!("skipped: no redis-server with TLS and sharded channels");
    }
    let authority = Authority::new("tests");
    let nodes = [(); 2].map(|()| {
        let [port, bus] = [(); 2].map(|()| HeldPort::new().expect("a port"));
        let folder = tempfile::tempdir().expect("a folder");
        authority.issue(&["127.0.0.1"]).write(folder.path(), "server").expect("files");
        std::fs::write(folder.path().join("ca.crt"), &authority.certificate).expect("a file");
        let lines = format!(
            "tls-port {}\ntls-cert-file server.crt\ntls-key-file server.key\ntls-ca-cert-file ca.crt\ntls-auth-clients no\n\
             tls-replication yes\ntls-cluster yes\ncluster-enabled yes\ncluster-port {}",
            port.number(),
            bus.number()
        );
        let redis = RealRedis::builder().folder(folder.path()).configuration(lines).start();
        (redis.expect("a redis-server with TLS"), port, bus, folder)
    });
    let [(first, port, ..), (second, others_port, others_bus, _)] = &nodes;
    say(first, "CLUSTER ADDSLOTSRANGE 0 8191");
    say(second, "CLUSTER ADDSLOTSRANGE 8192 16383");
    say(first, &format!("CLUSTER MEET 127.0.0.1 {} {}", others_port.number(), others_bus.number()));
    for redis in [first, second] {
        eventually("a cluster", || {
            let info = say(redis, "CLUSTER INFO");
            (info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:2")).then_some(())
        });
    }
    for protocol in [2, 3] {
        let mut game = Game::start();
        let pairs =
            [("tls_ca", text(&authority.certificate)), ("protocol", OptionValue::Number(protocol.into()))];
        let mut client = connect(&mut game, &format!("rediss-cluster://127.0.0.1:{}", port.number()), &pairs);
        assert_eq!(ready(&mut client).tls, Some("TLSv1.3"));
        // Hash slot 15495, at the second one.
        let topic = Topic { kind: TopicKind::ShardedChannel, name: b"a"[..].into() };
        game.command(&client, Command::Subscribe { topic, slot: SLOT });
        client.wait_for("the subscription", |seen| {
            matches!(seen, Seen::Event(Event::Subscribed(_))).then_some(())
        });
        let request = |words: &[&str], of: fn(realtime::model::Args) -> RequestKind| {
            let ticket = Ticket { to: ANSWER, bytes: 0 };
            let kind = of(words.iter().collect());
            game.command(
                &client,
                Command::Request(Request { ticket, deadline: Instant::now() + LONG, kind }),
            );
        };
        // Hash slot 3300, at the first one.
        request(&["SET", "b", "1"], RequestKind::Command);
        request(&["a", "hello"], RequestKind::SPublish);
        let (mut answers, mut message) = (0, None);
        while answers < 2 || message.is_none() {
            match client.wait() {
                Seen::Message(slot, payload) => message = Some((slot, payload)),
                Seen::Answer(_, result) => answers += u8::from(result.is_ok()),
                Seen::Event(event) => panic!("{event:?}"),
            }
        }
        assert_eq!(message, Some((SLOT, b"hello".to_vec())));
        let mut told: Vec<_> = client
            .counters
            .nodes()
            .iter()
            .map(|node| (node.address.to_string(), node.is_connected))
            .collect();
        told.sort();
        let mut expected =
            [port, others_port].map(|port| (format!("127.0.0.1:{}", port.number()), true)).to_vec();
        expected.sort();
        assert_eq!(told, expected);
        assert!(game.shutdown(LONG));
    }
}
