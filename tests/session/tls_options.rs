//! URLs and options about TLS, in a module that has it and in one that has not.

use realtime::backend::{OptionValue, Options, configure, take_url_options};
#[cfg(feature = "tls")]
use realtime::backend::{Pem, Tls, Trust};

use crate::client::option_text;

type Pairs<'a> = &'a [(&'a str, OptionValue)];

fn make(url: &str, pairs: Pairs<'_>) -> Result<std::sync::Arc<dyn realtime::backend::Backend>, String> {
    let pairs = pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    configure(Options { url: Some(url.to_owned()), pairs, ..Options::default() })
        .map_err(|error| error.to_string())
}

fn refused(url: &str, pairs: Pairs<'_>) -> String {
    make(url, pairs).map(|backend| backend.address()).expect_err("it is taken")
}

#[test]
fn what_means_nothing_without_tls_is_refused() {
    for key in ["tls_ca", "tls_cert", "tls_key", "tls_name", "tls_pin"] {
        let error = refused("redis://server", &[(key, option_text("x"))]);
        assert!(error.contains(key) && error.contains("tls = true"), "{error}");
    }
    assert!(make("redis://server", &[("tls", OptionValue::Boolean(false))]).is_ok());
    assert!(make("redis://server", &[]).is_ok_and(|backend| backend.tls().is_none()));
}

#[test]
fn options_about_tls_may_stand_in_the_url() {
    let take = |url: &str, pairs: Pairs<'_>| {
        let pairs = pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        let mut options = Options { url: Some(url.to_owned()), pairs, ..Options::default() };
        take_url_options(&mut options)
            .map(|taken| (options.url.unwrap_or_default(), options.pairs, taken))
            .map_err(|error| error.to_string())
    };
    let pair = |key: &str, value: OptionValue| (key.to_owned(), value);
    for (url, rest, pairs) in [
        ("rediss://a", "rediss://a", vec![]),
        (
            "rediss://:pw@a:6380,b/1?tls_ca=/etc/my%20ca.pem&tls_insecure=true",
            "rediss://:pw@a:6380,b/1",
            vec![
                pair("tls_ca", option_text("/etc/my ca.pem")),
                pair("tls_insecure", OptionValue::Boolean(true)),
            ],
        ),
        (
            " \"redis://a?tls=false&db=1&tls_name=b&x\" ",
            "redis://a?db=1&x",
            vec![pair("tls", OptionValue::Boolean(false)), pair("tls_name", option_text("b"))],
        ),
        // Mistakes in these are reported by the parser of the URL.
        ("redis://:p?tls_name=b@a", "redis://:p?tls_name=b@a", vec![]),
        ("redis://a?tls_name=b#c", "redis://a?tls_name=b#c", vec![]),
        ("redis://a?db=1", "redis://a?db=1", vec![]),
    ] {
        let keys: Vec<_> = pairs.iter().map(|(key, _)| key.clone()).collect();
        let (left, taken, told) = take(url, &[]).expect("a good URL");
        assert_eq!((&*left, taken, told), (rest, pairs, keys.iter().map(String::as_str).collect()), "{url}");
    }
    for (url, pairs, words) in [
        ("rediss://a?tls_name=b&tls_name=c", &[][..], "\"tls_name\" is given by the URL already"),
        (
            "rediss://a?tls_name=b",
            &[("tls_name", option_text("c"))],
            "\"tls_name\" is given by the URL already",
        ),
        ("rediss://a?tls_ca=%zz", &[], "hexadecimal"),
        ("rediss://a?tls_ca=/a b", &[], "white space"),
        ("a?tls_ca=/a", &[], "scheme"),
    ] {
        let error = take(url, pairs).expect_err(url);
        assert!(error.contains(words), "{url}: {error}");
    }
}

#[cfg(not(feature = "tls"))]
#[test]
fn a_module_without_tls_names_the_zip_that_has_it() {
    let tls = [("tls", OptionValue::Boolean(true))];
    for (url, pairs) in [
        ("rediss://server", &[][..]),
        ("valkeys://server", &[]),
        ("redis://server", &tls),
        ("rediss-sentinel://server/main", &[]),
        ("redis-cluster://server", &tls),
    ] {
        let error = refused(url, pairs);
        let version = env!("CARGO_PKG_VERSION");
        assert!(error.contains("needs TLS"), "{error}");
        assert!(error.contains(&format!("install realtime-{version}-full.zip")), "{error}");
        assert!(error.contains("stunnel unless there are Sentinels or a cluster"), "{error}");
    }
}

#[cfg(feature = "tls")]
mod with_tls {
    use super::*;

    const PEM: &str = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    const PIN: &str = "00ffAA0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d";

    fn tls(url: &str, pairs: Pairs<'_>) -> Tls {
        let backend = make(url, pairs).expect("good options");
        (**backend.tls().expect("TLS")).clone()
    }

    #[test]
    fn urls_and_the_options_table_ask_for_it() {
        let public = Tls { trust: Trust::Public, identity: None };
        let yes = ("tls", OptionValue::Boolean(true));
        for (url, pairs) in [
            ("rediss://server", vec![]),
            ("valkeys://server", vec![yes.clone()]),
            ("redis://server", vec![yes]),
        ] {
            assert_eq!(tls(url, &pairs), public, "{url}");
        }
        assert_eq!(make("rediss://server", &[]).expect("a good URL").address(), "server:6379");
    }

    #[test]
    fn whom_to_believe_is_said_once() {
        let ca = ("tls_ca", option_text(PEM));
        let (pin, insecure) = (("tls_pin", option_text(PIN)), ("tls_insecure", OptionValue::Boolean(true)));
        let text = Pem { option: "tls_ca", file: None, text: PEM.into() };
        assert_eq!(tls("rediss://server", std::slice::from_ref(&ca)).trust, Trust::Authorities(text));
        let Trust::Key(hash) = tls("rediss://server", std::slice::from_ref(&pin)).trust else {
            panic!("a key")
        };
        assert_eq!(hash[..4], [0, 0xff, 0xaa, 1]);
        assert_eq!(tls("rediss://server", std::slice::from_ref(&insecure)).trust, Trust::Everyone);
        for pairs in [[ca.clone(), pin.clone()], [ca, insecure.clone()], [pin, insecure]] {
            let error = refused("rediss://server", &pairs);
            assert!(error.contains("exclude each other"), "{error}");
        }
    }

    #[test]
    fn a_file_is_as_good_as_its_text() {
        let file = OptionValue::File { name: "ca.pem".into(), bytes: PEM.into() };
        let Trust::Authorities(pem) = tls("rediss://server", &[("tls_ca", file.clone())]).trust else {
            panic!("authorities")
        };
        assert_eq!((pem.file.as_deref(), &*pem.text), (Some("ca.pem"), PEM.as_bytes()));
        let settings =
            |text: &OptionValue| make("rediss://server", &[("tls_ca", text.clone())]).expect("good options");
        assert!(settings(&file).same_settings(&*settings(&option_text(PEM))), "what it says counts");
        let renewed = OptionValue::File { name: "ca.pem".into(), bytes: [PEM, PEM].concat().into() };
        assert!(!settings(&file).same_settings(&*settings(&renewed)));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let text = option_text;
        let boolean = OptionValue::Boolean;
        for (url, pairs, word) in [
            (
                "rediss://server",
                vec![("tls", boolean(false))],
                "\"tls\" is false, but a URL that begins with rediss://",
            ),
            ("rediss://server", vec![("tls", text("yes"))], "\"tls\" must be true or false"),
            ("rediss://server", vec![("tls_cert", text(PEM))], "\"tls_cert\" needs its private key"),
            ("rediss://server", vec![("tls_key", text(PEM))], "\"tls_key\" needs its certificate"),
            ("rediss://server", vec![("tls_ca", boolean(true))], "\"tls_ca\" must be the name of a file"),
            (
                "rediss://server",
                vec![("tls_pin", text(&PIN[1..]))],
                "\"tls_pin\" must be 64 hexadecimal digits",
            ),
            ("rediss://server", vec![("tls_pin", text(&PIN[2..]))], "64"),
            ("rediss://server", vec![("tls_pin", text(&PIN.replace('f', "g")))], "sha256sum"),
            ("rediss://server", vec![("tls_pin", text("é"))], "64"),
            ("rediss://server", vec![("tls_name", text(""))], "\"tls_name\" must be a host's name"),
            ("rediss://server", vec![("tls_name", text("rediss://x"))], "\"tls_name\""),
            ("rediss://server", vec![("tls_name", text("10.0.0.5:6380"))], "\"tls_name\""),
            ("rediss://server", vec![("tls_name", text("r\u{e9}dis.example"))], "\"tls_name\""),
            ("unix:///run/redis.sock", vec![("tls", boolean(true))], "exclude each other"),
        ] {
            let error = refused(url, &pairs);
            assert!(error.contains(word), "{url} {pairs:?}: {error}");
        }
    }
}
