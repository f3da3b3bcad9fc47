//! Which servers a client trusts, and which clients a server accepts.

use rustls::version::{TLS12, TLS13};

use super::*;
use crate::crypto::{hex, sha256};

/// The result of a handshake with a server that has this certificate.
fn outcome(trust: Trust, name: &str, identity: &Identity) -> Result<Secured, LinkError> {
    Ends::new(&client(trust, None), name, &server(identity, None)).handshake()
}

#[test]
fn a_certificate_is_believed_for_its_issuer_its_name_and_its_time() {
    let world = World::new();
    let issue = |names: &[&str], from, to| world.authority.issue_between(names, from, to);
    let stranger = Authority::new("somebody else").issue(&[NAME]);
    // The authority of the world was made again.
    let namesake = Authority::new("tests").issue(&[NAME]);
    for (name, identity, expected) in [
        (NAME, issue(&[NAME], -1, 30), None),
        ("127.0.0.1", issue(&["127.0.0.1"], -1, 30), None),
        ("a.redis.example", issue(&["*.redis.example"], -1, 30), None),
        (NAME, stranger, Some(TlsFault::UnknownIssuer)),
        (NAME, namesake, Some(TlsFault::UnknownIssuer)),
        (NAME, Identity::self_signed(&[NAME]), Some(TlsFault::UnknownIssuer)),
        (NAME, issue(&["other.example"], -1, 30), Some(TlsFault::WrongName)),
        ("127.0.0.2", issue(&["127.0.0.1"], -1, 30), Some(TlsFault::WrongName)),
        (NAME, issue(&[NAME], -30, -1), Some(TlsFault::Expired)),
        (NAME, issue(&[NAME], 1, 30), Some(TlsFault::NotValidYet)),
    ] {
        let found = outcome(world.trust(), name, &identity).map_err(|error| fault(&error).0);
        assert_eq!(found.err(), expected, "{name}");
    }
}

#[test]
fn a_certificate_that_is_listed_is_believed_for_its_name_and_time_though_it_is_an_authority() {
    let listed = |identity: &Identity| Trust::Authorities(pem("tls_ca", &identity.certificate));
    let own = Identity::self_signed(&[NAME]);
    assert!(outcome(listed(&own), NAME, &own).is_ok());
    let wrong = outcome(listed(&own), "other.example", &own).expect_err("another name");
    assert_eq!(fault(&wrong).0, TlsFault::WrongName);
    for (from, to, expected) in [(-30, -1, TlsFault::Expired), (1, 30, TlsFault::NotValidYet)] {
        let timed = Authority::new("tests").issue_between(&[NAME], from, to);
        let wrong = outcome(listed(&timed), NAME, &timed).expect_err("another time");
        assert_eq!(fault(&wrong).0, expected);
    }
}

#[test]
fn a_public_authority_needs_no_setting() {
    static WORLD: std::sync::LazyLock<World> = std::sync::LazyLock::new(World::new);
    // In place of the public authorities.
    let roots = || {
        let mut roots = RootCertStore::empty();
        roots.add(der(&WORLD.authority.certificate)).expect("an authority");
        roots
    };
    let tls = Tls { trust: Trust::Public, identity: None };
    let config = Arc::new(config(&tls, roots).expect("good settings"));
    assert!(Ends::new(&config, NAME, &WORLD.server).handshake().is_ok());
    let stranger = server(&Authority::new("somebody else").issue(&[NAME]), None);
    let refused = Ends::new(&config, NAME, &stranger).handshake().expect_err("a stranger");
    assert_eq!(fault(&refused).0, TlsFault::UnknownIssuer);
}

#[test]
fn with_a_key_nothing_else_counts() {
    let old = Authority::new("somebody else").issue_between(&["other.example"], -30, -1);
    let hash = sha256(&old.public_key);
    assert!(outcome(Trust::Key(hash), NAME, &old).is_ok());
    let other = Identity::self_signed(&[NAME]);
    let refused = outcome(Trust::Key(hash), NAME, &other).expect_err("another key");
    assert_eq!(fault(&refused), (TlsFault::WrongKey, &*hex(&sha256(&other.public_key))));
}

/// openssl makes such a certificate by default.
#[test]
fn a_certificate_of_version_1_is_enough_where_only_the_key_counts() {
    let old = Identity::of_version_1();
    let own = Trust::Key(sha256(&old.public_key));
    let other = Trust::Key(sha256(&Identity::of_version_1().public_key));
    let listed = Trust::Authorities(pem("tls_ca", &old.certificate));
    for version in [&TLS12, &TLS13] {
        let server = server_of(&old, None, &[version]);
        let connect = |trust: &Trust| Ends::new(&client(trust.clone(), None), NAME, &server).handshake();
        for trust in [&own, &Trust::Everyone] {
            let secured = connect(trust).expect("a connection");
            assert!(secured.expiry.is_some_and(|expiry| !expiry.left.is_zero()));
        }
        assert_eq!(fault(&connect(&other).expect_err("another key")).0, TlsFault::WrongKey);
        // It has no name that could be checked.
        let refused = connect(&listed).expect_err("no name");
        assert_eq!(fault(&refused).0, TlsFault::BadCertificate, "{refused}");
    }
}

/// A server that has the certificate of another one, but not its key.
#[test]
fn whoever_shows_a_certificate_must_have_its_key() {
    for (shown, version) in [Identity::of_version_1(), Identity::self_signed(&[NAME])]
        .into_iter()
        .flat_map(|shown| [(shown.clone(), &TLS12), (shown, &TLS13)])
    {
        let stolen = Identity { key: Identity::of_version_1().key, ..shown };
        for trust in [Trust::Key(sha256(&stolen.public_key)), Trust::Everyone] {
            let server = server_of(&stolen, None, &[version]);
            let refused = Ends::new(&client(trust, None), NAME, &server).handshake().expect_err("a thief");
            assert!(matches!(refused, LinkError::Tls(_)), "{refused:?}");
        }
    }
}

#[test]
fn everyone_is_believed_who_has_the_key_of_the_certificate_he_shows() {
    let anybody = Identity::self_signed(&["other.example"]);
    assert!(outcome(Trust::Everyone, NAME, &anybody).is_ok());
}

#[test]
fn a_client_shows_its_certificate_and_hears_why_it_is_refused() {
    let world = World::new();
    let own = world.authority.issue(&["client"]);
    let stranger = Authority::new("somebody else").issue(&["client"]);
    let old = Identity::of_version_1();
    for (versions, missing) in [(&TLS12, None), (&TLS13, Some(TlsFault::ClientCertificateMissing))] {
        let server = server_of(&world.authority.issue(&[NAME]), Some(&world.authority), &[versions]);
        let connect = |identity: Option<&Identity>| {
            let mut ends = Ends::new(&client(world.trust(), identity), NAME, &server);
            // In TLS 1.3 the client's side is up before the server has checked its certificate.
            ends.handshake().and_then(|_| ends.read())
        };
        assert_eq!(connect(Some(&own)).expect("a connection"), b"");
        let refused = connect(Some(&stranger)).expect_err("a stranger");
        assert_eq!(fault(&refused).0, TlsFault::ClientCertificateRefused, "{refused}");
        // The client presents it anyway; the server decides.
        let refused = connect(Some(&old)).expect_err("a certificate of version 1");
        assert_eq!(fault(&refused).0, TlsFault::ClientCertificateRefused, "{refused}");
        let refused = connect(None).expect_err("no certificate");
        if let Some(missing) = missing {
            assert_eq!(fault(&refused).0, missing, "{refused}");
        }
    }
}

#[test]
fn what_speaks_no_tls_is_told_as_that() {
    for answer in [&b"-ERR unknown command\r\n"[..], b"HTTP/1.1 400 Bad Request\r\n", b"+PONG\r\n"] {
        let mut ends = Ends::new(&client(Trust::Everyone, None), NAME, &World::new().server);
        ends.wire.state().to_client.extend(answer);
        let error = ends.client.finish_securing().expect_err("no TLS");
        assert_eq!(fault(&error).0, TlsFault::NotTls, "{error}");
    }
}

#[test]
fn a_server_that_hangs_up_in_the_handshake_has_closed_the_connection() {
    let mut ends = Ends::new(&client(Trust::Everyone, None), NAME, &World::new().server);
    ends.wire.state().ended = true;
    assert!(matches!(ends.client.finish_securing(), Err(LinkError::Eof)));
}

#[test]
fn a_name_that_no_certificate_can_have_is_refused() {
    for name in ["a b", "", "..", "-"] {
        let error = Layer::new(client(Trust::Everyone, None), name).expect_err("a bad name");
        assert_eq!(fault(&error).0, TlsFault::BadName, "{name}");
    }
}
