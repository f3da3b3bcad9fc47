//! URL and options table: accepted and refused values, and the error texts.

use realtime::backend::{Backend, OptionValue, Options, configure};
use realtime::model::Overflow;

use crate::client::option_text;

pub(crate) type Pairs<'a> = &'a [(&'a str, OptionValue)];

pub(crate) fn make(url: Option<&str>, pairs: Pairs<'_>) -> Result<std::sync::Arc<dyn Backend>, String> {
    let pairs = pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    configure(Options { url: url.map(str::to_owned), pairs, ..Options::default() })
        .map_err(|error| error.to_string())
}

fn address(url: &str) -> String {
    make(Some(url), &[]).expect(url).address()
}

pub(crate) fn refused(url: Option<&str>, pairs: Pairs<'_>) -> String {
    match make(url, pairs) {
        Err(error) => error,
        Ok(backend) => panic!("{url:?} {pairs:?} was taken: {}", backend.address()),
    }
}

pub(crate) fn number(n: f64) -> OptionValue {
    OptionValue::Number(n)
}

#[test]
fn urls() {
    for (url, expected) in [
        ("redis://server", "server:6379"),
        ("REDIS://server:1", "server:1"),
        ("redis://10.0.0.5:65535/0", "10.0.0.5:65535"),
        ("redis://server/", "server:6379"),
        ("redis://[::1]:7000/3", "[::1]:7000"),
        ("redis://[fe80::1%eth0]", "[fe80::1%eth0]:6379"),
        ("redis://[fe80::1%25eth0]:7000", "[fe80::1%eth0]:7000"),
        ("redis://[fe80::1%2525]", "[fe80::1%25]:6379"),
        ("redis://[fe80::1%25]", "[fe80::1%25]:6379"),
        ("redis://user:p%40ss%2fword@server", "server:6379"),
        ("redis://:@server", "server:6379"),
        ("redis://a,b:7000,10.0.0.5", "a:6379,b:7000,10.0.0.5:6379"),
        ("redis://[::1]:7000,[fd00::5],a/3", "[::1]:7000,[fd00::5]:6379,a:6379"),
        ("redis://user:p%40s%2Cs@a:1,b:2", "a:1,b:2"),
        ("redis://:p,s@a:1,b:2", "a:1,b:2"),
        ("redis://a,b,a:6379", "a:6379,b:6379"),
        ("redis+unix:///run/redis.sock", "/run/redis.sock"),
        ("redis+unix:///run/a,b.sock", "/run/a,b.sock"),
        ("Redis+Unix:///run/my%20redis.sock?db=2", "/run/my redis.sock"),
        ("redis+unix://user:secret@/run/redis.sock", "/run/redis.sock"),
        ("unix:///run/redis.sock", "/run/redis.sock"),
        ("unix:///run/my%20redis.sock?db=2", "/run/my redis.sock"),
        ("unix://user:secret@/run/redis.sock", "/run/redis.sock"),
    ] {
        assert_eq!(address(url), expected, "{url}");
    }
}

#[test]
fn what_a_copied_url_brings_along_is_no_part_of_it() {
    let plain = make(Some("redis://:p%40ss'@server:7000/1"), &[]).expect("a good URL");
    for url in [
        "  redis://:p%40ss'@server:7000/1",
        "redis://:p%40ss'@server:7000/1\r\n",
        "\t\"redis://:p%40ss'@server:7000/1\"\n",
        "'redis://:p%40ss'@server:7000/1'",
        "\" redis://:p%40ss'@server:7000/1 \"",
        "\u{a0}redis://:p%40ss'@server:7000/1\u{a0}",
        "valkey://:p%40ss'@server:7000/1",
        "VALKEY://:p%40ss'@server:7000/1",
    ] {
        let made = make(Some(url), &[]).expect(url);
        assert!(made.same_settings(&*plain), "{url:?}");
    }
    // One pair, and one that matches.
    for url in ["\"\"redis://server\"\"", "\"redis://server'", "\"redis://server", "'", "\"\"", "  "] {
        assert!(refused(Some(url), &[]).contains("scheme"), "{url:?}");
    }
    // A password that is given separately may be any bytes.
    let given = |password| make(None, &[("password", option_text(password))]).expect("a password");
    assert!(!given("\"secret\"").same_settings(&*given("secret")));
    assert!(!given(" secret\n").same_settings(&*given("secret")));
}

#[test]
fn where_settings_came_from_is_no_setting() {
    let from = |origin: &str| {
        configure(Options { origin: origin.to_owned(), ..Options::default() }).expect("good options")
    };
    assert!(from("a file").same_settings(&*from("a variable")));
}

#[test]
fn urls_refused() {
    for (url, word) in [
        ("", "scheme"),
        ("server:6379", "scheme"),
        ("://server", "scheme"),
        ("http://server", "redis://, valkey://, redis+unix://"),
        ("redis://", "no host"),
        ("redis:///0", "no host"),
        ("redis://:6379", "no host"),
        ("redis://a,", "comma"),
        ("redis://,a", "comma"),
        ("redis://a,,b", "comma"),
        ("redis://,", "comma"),
        ("redis://a,:6380", "no host"),
        ("redis://a,b:0", "port"),
        ("redis://a:65536,b", "port"),
        ("redis://a,::1", "brackets"),
        ("redis://a,[::1", "bracket"),
        ("redis://a, b", "white space"),
        ("redis://a,/run/redis.sock", "comma"),
        ("redis://u:p@a,u:p@b", "once, before the first host"),
        ("redis://:p@a,b@c", "once, before the first host"),
        ("redis+unix://a,b/run/redis.sock", "three slashes"),
        ("redis://server:0", "port"),
        ("redis://server:65536", "port"),
        ("redis://server:", "port"),
        ("redis://server:+1", "port"),
        ("redis://::1:6379", "brackets"),
        ("redis://[::1", "bracket"),
        ("redis://[server]", "brackets"),
        ("redis://[::1]x", "port"),
        ("redis://user@server", "password"),
        ("redis://server/x", "database"),
        ("redis://server/-1", "database"),
        ("redis://server/+1", "database"),
        ("redis://server/0/1", "database"),
        ("redis://server/99999999999", "database"),
        ("redis://server?db=1", "unknown key \"db\""),
        ("redis://server/0?name=x", "unknown key \"name\""),
        ("redis://server/0#x", "fragment"),
        ("redis://ser ver", "white space"),
        ("redis://server\tx", "white space"),
        ("redis://ser\u{a0}ver", "white space"),
        ("redis ://server", "white space"),
        ("redis://:sec\nret@server", "line break"),
        ("redis://:sec\rret@server", "line break"),
        ("redis://\nserver", "line break"),
        ("REDIS_URL=x\nredis://server", "line break"),
        ("redis://ser\0ver", "control character"),
        ("redis://us%4:x@server", "%"),
        ("redis://us%zz:x@server", "%"),
        ("redis+unix://run/redis.sock", "redis+unix:///run/redis.sock"),
        ("redis+unix:///x?name=y", "redis+unix:// URL takes db"),
        ("unix://run/redis.sock", "three slashes"),
        ("unix:///", "path"),
        ("unix:///x?db=1&db=2", "once"),
        ("unix:///x?name=y", "db"),
        ("unix:///x?db", "key=value"),
        ("unix:///x?db=y", "database"),
        ("unix:///a%00b", "path"),
    ] {
        let error = refused(Some(url), &[]);
        assert!(error.contains(word), "{url}: {error}");
    }
    assert!(refused(Some(&format!("unix:///{}", "x".repeat(107))), &[]).contains("107"));
}

#[test]
fn no_error_quotes_a_password() {
    for url in [
        "redis://user:hun/ter2@server",
        "redis://user:hun?ter2@server",
        "redis://user:hun#ter2@server",
        "redis://user:hun%ter2@server",
        "redis://user:hun ter2@server",
        "redis://hunter2@server",
        "redis://:hunter2",
        "redis://u:hunter2@server:hunter2",
        "redis:hunter2@server",
        "hunter2",
        "redis://u:x?y=hunter2@server",
        "redis://u:hunter2@a,u:hunter2@b",
        "redis://u:hunter2@a,",
        "redis://u:hunter2@a,b:hunter2",
        "unix://u:hunter2@host/run/redis.sock",
    ] {
        let error = refused(Some(url), &[]);
        assert!(!error.contains("ter2") && !error.contains("hun"), "{url}: {error}");
    }
    let error = refused(None, &[("password", OptionValue::Number(421.0))]);
    assert!(!error.contains("421"), "{error}");
    // An @ alone is understood: the last one ends the password.
    assert_eq!(address("redis://user:p@ss@server"), "server:6379");
}

#[test]
fn options_refused() {
    let text = option_text;
    for (key, value, word) in [
        ("host", number(1.0), "a string, not a number"),
        ("host", text(""), "name or address"),
        ("host", text("a,,b"), "name or address"),
        ("host", text("a,"), "name or address"),
        ("host", text("a:0"), "name or address"),
        ("host", text("a:65536,b"), "name or address"),
        ("host", text("[::1"), "name or address"),
        ("host", text("a, b"), "name or address"),
        ("host", text("redis://a"), "name or address"),
        ("host", text("/run/redis.sock"), "name or address"),
        ("host", text("a b"), "name or address"),
        ("host", OptionValue::String(vec![0xff]), "UTF-8"),
        ("port", text("6379"), "a string"),
        ("port", number(0.0), "1 to 65535, not 0"),
        ("port", number(65536.0), "not 65536"),
        ("port", number(1.5), "not 1.5"),
        ("port", number(f64::NAN), "not NaN"),
        ("path", text("redis.sock"), "absolute"),
        ("path", text("/a\0b"), "NUL"),
        ("username", text("bob"), "password"),
        ("username", OptionValue::Boolean(true), "a boolean"),
        ("password", OptionValue::Other("table"), "table"),
        ("db", number(-1.0), "-1"),
        ("db", number(0.5), "0.5"),
        ("name", text("a b"), "spaces"),
        ("name", text("a\n"), "spaces"),
        ("name", text("é"), "ASCII"),
        ("name", text(""), "at least one"),
        ("protocol", text("3"), "\"auto\", 2 or 3"),
        ("protocol", number(4.0), "\"auto\", 2 or 3, not 4"),
        ("connect_timeout", number(0.0), "at least 0.001"),
        ("ping_interval", number(1e-12), "at least 0.001"),
        ("command_timeout", number(-1.0), "-1"),
        ("ping_interval", number(f64::INFINITY), "inf"),
        ("ping_timeout", number(f64::NAN), "NaN"),
        ("reconnect_min", number(31.0), "reconnect_max"),
        ("reconnect_max", number(0.05), "reconnect_min"),
        ("reconnect_max", number(1e10), "at most 31536000"),
        ("queue_events", number(0.0), "at least 1"),
        ("queue_bytes", number(1.5), "1.5"),
        ("queue_bytes", number(1024.0), "max_message_bytes"),
        ("verify_delivery", number(1.0), "true or false"),
        ("verify_delivery", text("true"), "true or false"),
        ("replica", number(1.0), "true or false"),
        ("overflow", text("drop"), "drop_oldest"),
        ("max_pending", text("many"), "a string"),
        ("max_message_bytes", number(33.0 * 1_048_576.0), "queue_bytes"),
        ("max_message_bytes", number(1e300), "whole number"),
        ("nmae", text("x"), "max_message_bytes"),
        ("id", text("x"), "unknown"),
    ] {
        let error = refused(None, &[(key, value.clone())]);
        assert!(error.contains(key) && error.contains(word), "{key} = {value:?}: {error}");
    }
}

// In 32 bits no option counts that far.
#[cfg(target_pointer_width = "64")]
#[test]
fn no_message_may_have_more_bytes_than_an_entry_of_the_queue_can_say() {
    let number = |n: f64| OptionValue::Number(n);
    let error = refused(None, &[("queue_bytes", number(8e9)), ("max_message_bytes", number(5e9))]);
    assert!(error.contains("max_message_bytes") && error.contains("at most"), "{error}");
}

#[test]
fn one_thing_is_given_once() {
    let text = option_text;
    for (url, key, value) in [
        ("redis://server", "host", text("server")),
        ("redis://server:6379", "port", number(6379.0)),
        ("redis://a:1,b:2", "port", number(6379.0)),
        ("redis://a,b", "host", text("c")),
        ("redis://server", "path", text("/x")),
        ("redis://u:p@server", "username", text("u")),
        ("redis://u:p@server", "password", text("p")),
        ("redis://server/1", "db", number(1.0)),
        ("redis+unix:///x", "path", text("/x")),
        ("unix:///x", "path", text("/x")),
        ("unix:///x", "host", text("server")),
        ("unix:///x", "port", number(1.0)),
        ("unix:///x?db=1", "db", number(1.0)),
    ] {
        let error = refused(Some(url), &[(key, value)]);
        assert!(error.contains(&format!("option \"{key}\"")), "{url} {key}: {error}");
    }
    for key in ["host", "port"] {
        let value = if key == "host" { text("server") } else { number(1.0) };
        assert!(refused(None, &[("path", text("/x")), (key, value)]).contains(key));
    }
    assert!(
        refused(None, &[("host", text("a:1,b:2")), ("port", number(1.0))]).contains("given by host already")
    );
    // The port is that of the hosts without one.
    let port = [("port", number(7000.0))];
    assert_eq!(make(Some("redis://a,b:1"), &port).unwrap().address(), "a:7000,b:1");
    let hosts = [("host", text("a,[::1],b:1")), ("port", number(7000.0))];
    assert_eq!(make(None, &hosts).unwrap().address(), "a:7000,[::1]:7000,b:1");
    // Different things may come from both.
    let mixed =
        [("port", number(1.0)), ("db", number(3.0)), ("password", text("p")), ("username", text("u"))];
    assert_eq!(make(Some("redis://server"), &mixed).unwrap().address(), "server:1");
    assert!(make(Some("redis://:p@server"), &[("username", text("u"))]).is_ok());
}

#[test]
fn numbers_go_as_far_as_the_system_counts() {
    let beyond = 4_294_967_296.0;
    for key in ["queue_events", "queue_bytes", "max_pending"] {
        if cfg!(target_pointer_width = "32") {
            assert!(make(None, &[(key, number(beyond - 1.0))]).is_ok(), "{key}");
            let error = refused(None, &[(key, number(beyond))]);
            assert!(error.contains(key) && error.contains("may not exceed 4294967295"), "{error}");
        } else {
            assert!(make(None, &[(key, number(beyond))]).is_ok(), "{key}");
        }
    }
}

#[test]
fn defaults_and_every_option() {
    let backend = make(None, &[]).unwrap();
    assert_eq!(backend.address(), "127.0.0.1:6379");
    let limits = backend.limits();
    assert_eq!((limits.queue_events, limits.queue_bytes), (65_536, 32 << 20));
    assert_eq!((limits.max_pending, limits.overflow), (10_000, Overflow::DropOldest));
    assert_eq!(backend.command_timeout().as_secs(), 10);
    let text = option_text;
    let backend = make(
        None,
        &[
            ("host", text("::1")),
            ("port", number(7000.0)),
            ("username", text("u")),
            ("password", OptionValue::String(vec![0, 0xff])),
            ("db", number(15.0)),
            ("name", text("ttt-1")),
            ("protocol", text("auto")),
            ("connect_timeout", number(0.5)),
            ("command_timeout", number(2.5)),
            ("ping_interval", number(1.0)),
            ("ping_timeout", number(1.0)),
            ("verify_delivery", OptionValue::Boolean(true)),
            ("reconnect_min", number(1.0)),
            ("reconnect_max", number(1.0)),
            ("queue_events", number(10.0)),
            ("queue_bytes", number(1000.0)),
            ("overflow", text("pause")),
            ("max_pending", number(5.0)),
            ("max_message_bytes", number(1000.0)),
        ],
    )
    .unwrap();
    assert_eq!(backend.address(), "[::1]:7000");
    let limits = backend.limits();
    assert_eq!((limits.queue_events, limits.queue_bytes), (10, 1000));
    assert_eq!((limits.max_pending, limits.overflow), (5, Overflow::Pause));
    assert_eq!(backend.command_timeout().as_millis(), 2500);
}

#[test]
fn same_settings() {
    let a = make(Some("redis://u:p@server:6379/0"), &[]).unwrap();
    let b = make(
        None,
        &[("host", option_text("server")), ("username", option_text("u")), ("password", option_text("p"))],
    )
    .unwrap();
    let c = make(Some("redis://u:q@server:6379/0"), &[]).unwrap();
    let listed = make(Some("redis://a,b:7000"), &[]).unwrap();
    assert!(listed.same_settings(&*make(None, &[("host", option_text("a:6379,b:7000"))]).unwrap()));
    assert!(!listed.same_settings(&*make(Some("redis://a,b"), &[]).unwrap()));
    assert!(a.same_settings(&*b));
    assert!(!a.same_settings(&*c));
    let verified = |yes| {
        let pairs = [("verify_delivery", OptionValue::Boolean(yes))];
        make(Some("redis://u:p@server"), &pairs).unwrap()
    };
    assert!(a.same_settings(&*verified(false)), "off by default");
    assert!(!a.same_settings(&*verified(true)));
}
