//! How Connect checks certificates and keys, and the cache of configurations.

use super::super::super::tls::TlsConfigs;
use super::*;

/// The error for these settings.
fn refusal(trust: Trust, identity: Option<(&str, &str)>) -> String {
    let identity = identity.map(|(certificate, key)| Shown {
        certificate: pem("tls_cert", certificate),
        key: pem("tls_key", key),
    });
    config(&Tls { trust, identity }, RootCertStore::empty).expect_err("bad settings").to_string()
}

#[test]
fn what_is_wrong_is_told_with_option_and_file_and_without_a_secret() {
    let authority = Authority::new("tests");
    let (own, other) = (authority.issue(&[NAME]), authority.issue(&[NAME]));
    let ca = |text: &str| Trust::Authorities(pem("tls_ca", text));
    let encrypted = own.key.replace("PRIVATE", "ENCRYPTED PRIVATE");
    let cut = &own.certificate[..own.certificate.len() / 2];
    let bad_body = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    for (said, parts) in [
        (refusal(ca(""), None), ["\"tls_ca\"", "a.pem", "no certificate in PEM"]),
        (refusal(ca(&own.key), None), ["\"tls_ca\"", "a.pem", "no certificate in PEM"]),
        (refusal(ca(cut), None), ["\"tls_ca\"", "a.pem", "damaged"]),
        (refusal(ca(bad_body), None), ["\"tls_ca\"", "a.pem", "no certificate that can be understood"]),
        (refusal(Trust::Everyone, Some(("", &own.key))), ["\"tls_cert\"", "a.pem", "no certificate in PEM"]),
        (refusal(Trust::Everyone, Some((&own.certificate, ""))), ["\"tls_key\"", "a.pem", "no private key"]),
        (
            refusal(Trust::Everyone, Some((&own.certificate, &encrypted))),
            ["\"tls_key\"", "a.pem", "passphrase"],
        ),
        (
            refusal(Trust::Everyone, Some((&own.certificate, &other.key))),
            ["\"tls_key\"", "a.pem", "another key than that of tls_cert"],
        ),
        (
            refusal(Trust::Everyone, Some((bad_body, &own.key))),
            ["\"tls_cert\"", "a.pem", "cannot be understood"],
        ),
    ] {
        assert!(parts.iter().all(|part| said.contains(part)), "{parts:?}: {said}");
        let secrets = own.key.lines().chain(other.key.lines()).filter(|line| !line.starts_with("-----"));
        assert!(
            secrets.clone().count() > 2 && !secrets.clone().any(|secret| said.contains(secret)),
            "{said}"
        );
    }
    let text = Pem { file: None, ..pem("tls_ca", "") };
    assert!(refusal(Trust::Authorities(text), None).contains("\"tls_ca\" holds a text"));
    // Debug output contains no secret either.
    let shown = format!("{:?}", Tls { trust: Trust::Everyone, identity: Some(shown(&own)) });
    assert!(own.key.lines().filter(|line| !line.starts_with("-----")).all(|secret| !shown.contains(secret)));
}

#[test]
fn what_editors_and_scripts_do_to_pem_is_no_fault() {
    let own = Authority::new("tests").issue(&[NAME]);
    for change in [
        |text: &str| format!("\u{feff}{text}"),
        |text: &str| text.replace('\n', "\r\n"),
        |text: &str| text.lines().map(|line| format!("\t\t{line}  \n")).collect(),
        |text: &str| text.trim_end().to_owned(),
        |text: &str| format!("Bag Attributes\n    friendlyName: redis\n{text}"),
    ] {
        let (certificate, key) = (change(&own.certificate), change(&own.key));
        let both = Shown { certificate: pem("tls_cert", &certificate), key: pem("tls_key", &key) };
        let trust = Trust::Authorities(pem("tls_ca", &certificate));
        let made = config(&Tls { trust, identity: Some(both) }, RootCertStore::empty);
        assert!(made.is_ok(), "{certificate}: {:?}", made.err());
    }
    let der = Pem { text: der(&own.certificate).to_vec(), ..pem("tls_ca", "") };
    assert!(refusal(Trust::Authorities(der), None).contains("openssl x509 -inform DER"));
}

#[test]
fn one_configuration_serves_all_with_the_same_settings_as_long_as_they_are() {
    let world = World::new();
    let settings = || Arc::new(Tls { trust: world.trust(), identity: None });
    let (one, two) = (settings(), settings());
    let other = Arc::new(Tls { trust: Trust::Everyone, identity: None });
    let configs = TlsConfigs::default();
    let first = configs.prepare(&one).expect("good settings");
    assert!(Arc::ptr_eq(&first, &configs.prepare(&one).expect("good settings")));
    assert!(Arc::ptr_eq(&first, &configs.prepare(&two).expect("good settings")));
    assert!(!Arc::ptr_eq(&first, &configs.prepare(&other).expect("good settings")));
    drop(one);
    assert!(
        Arc::ptr_eq(&first, &configs.prepare(&two).expect("good settings")),
        "the second client has it still"
    );
    drop(two);
    let again = settings();
    assert!(!Arc::ptr_eq(&first, &configs.prepare(&again).expect("good settings")), "nobody had it");
    drop((again, other));
    let last = settings();
    let made = configs.prepare(&last).expect("good settings");
    assert_eq!(Arc::strong_count(&made), 2, "ours and the one that is kept");
}
