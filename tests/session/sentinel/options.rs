//! URL and options that name Sentinels: accepted and refused values, and the error texts.

use realtime::backend::OptionValue;

use crate::client::option_text;
use crate::options::{make, number, refused};

#[test]
fn sentinels_are_hosts_with_a_master_in_the_path() {
    let shown = "s1:26379,[fd00::5]:26380/mymaster";
    let made = make(Some("redis-sentinel://u:p@s1,[fd00::5]:26380/mymaster/3"), &[]).expect("a good URL");
    assert_eq!(made.address(), shown);
    let table = [
        ("host", option_text("s1,[fd00::5]:26380")),
        ("sentinel_master", option_text("mymaster")),
        ("username", option_text("u")),
        ("password", option_text("p")),
        ("db", number(3.0)),
    ];
    assert!(made.same_settings(&*make(None, &table).expect("the same without a URL")));
    for url in [
        "valkey-sentinel://u:p@s1,[fd00::5]:26380/mymaster/3",
        "REDIS-SENTINEL://u:p@s1,[fd00::5]:26380/mymaster/3",
    ] {
        assert!(made.same_settings(&*make(Some(url), &[]).expect(url)), "{url}");
    }
    let login = [("sentinel_username", option_text("u")), ("sentinel_password", option_text("p"))];
    for (url, pairs, words) in [
        (
            "redis-sentinel://s1",
            &[][..],
            "the URL names no master; write it as in redis-sentinel://host:26379/mymaster",
        ),
        ("redis-sentinel://s1//3", &[], "names no master"),
        ("redis-sentinel://s1/my%20master", &[], "the URL's master must be the name that the Sentinels have"),
        ("redis-sentinel://s1/m/x", &[], "database"),
        ("redis-sentinel://s1/m/0/1", &[], "database"),
        (
            "redis-sentinel:///mymaster",
            &[],
            "the URL names no host; write it as in redis-sentinel://host:26379/mymaster",
        ),
        ("redis-sentinel://s1/m?db=1", &[], "unknown key \"db\""),
        ("redis-sentinel://s1/m", &[("sentinel_master", option_text("m"))], "given by the URL already"),
        (
            "redis-sentinel://s1/m",
            &[("replica", OptionValue::Boolean(true))],
            "\"replica\" and Sentinels exclude each other",
        ),
        (
            "redis-sentinel://s1/m",
            &[("sentinel_username", option_text("u"))],
            "\"sentinel_username\" needs a password",
        ),
        (
            "redis://s1",
            &login[1..],
            "\"sentinel_password\" is for Sentinels: use a URL that begins with redis-sentinel://",
        ),
        ("redis://s1", &[("sentinel_master", option_text("m"))], "\"sentinel_master\" is for Sentinels"),
        ("unix:///run/redis.sock", &login, "\"sentinel_username\" is for Sentinels"),
    ] {
        let error = refused(Some(url), pairs);
        assert!(error.contains(words), "{url}: {error}");
    }
    assert!(make(Some("redis-sentinel://s1/m"), &login).is_ok());
    for (pairs, words) in [
        (&[("sentinel_master", option_text(""))][..], "\"sentinel_master\" must be the name"),
        (&[("sentinel_master", option_text("a b"))], "\"sentinel_master\" must be the name"),
        (
            &[("path", option_text("/run/x")), ("sentinel_master", option_text("m"))],
            "and path exclude each other",
        ),
        (&login, "\"sentinel_username\" is for Sentinels"),
    ] {
        assert!(refused(None, pairs).contains(words), "{pairs:?}: {}", refused(None, pairs));
    }
}
