//! A connection from its handshake to its end.

use rustls::version::{TLS12, TLS13};

use super::*;

#[test]
fn both_versions_are_spoken_and_told() {
    let world = World::new();
    let identity = world.authority.issue(&[NAME]);
    for (versions, word) in [(&TLS12, "TLSv1.2"), (&TLS13, "TLSv1.3")] {
        let mut ends = Ends::new(&world.client(), NAME, &server_of(&identity, None, &[versions]));
        let secured = ends.handshake().expect("a connection");
        assert_eq!((secured.version, version(&ends)), (word, Some(versions.version)));
        let expiry = secured.expiry.expect("a certificate");
        assert_eq!(expiry.left.as_secs() / 86_400, 30);
        ends.send(b"from the server");
        assert_eq!(ends.read().expect("a connection"), b"from the server");
        assert_eq!(ends.client.write(b"from the client"), 15);
        ends.serve().expect("a connection");
        assert_eq!(ends.received(), b"from the client");
    }
}

#[test]
fn plaintext_that_comes_with_the_end_of_the_handshake_waits_and_is_told() {
    let identity = Authority::new("tests").issue(&[NAME]);
    // In TLS 1.2 the server's side finishes last: bytes that it sends next can come together with its last message.
    let server = server_of(&identity, None, &[&TLS12]);
    let mut ends = Ends::new(&client(Trust::Everyone, None), NAME, &server);
    while ends.server.is_handshaking() {
        assert!(ends.client.finish_securing().expect("a connection").is_none());
        ends.server.writer().write_all(b"early").expect("memory");
        ends.serve().expect("a connection");
    }
    assert!(ends.client.finish_securing().expect("a connection").is_some());
    assert!(ends.client.can_read() && !ends.wire.can_read(), "no event will tell of it");
    assert!(ends.read().expect("a connection").ends_with(b"early"));
    assert!(!ends.client.can_read());
}

#[test]
fn a_server_that_hangs_up_along_with_the_end_of_the_handshake_is_read_first() {
    let identity = Authority::new("tests").issue(&[NAME]);
    let server = server_of(&identity, None, &[&TLS12]);
    let mut ends = Ends::new(&client(Trust::Everyone, None), NAME, &server);
    while ends.server.is_handshaking() {
        assert!(ends.client.finish_securing().expect("a connection").is_none());
        ends.serve().expect("a connection");
    }
    // As Redis does in protected mode. All of it comes in one read of the client.
    ends.send(b"-DENIED\r\n");
    ends.server.send_close_notify();
    ends.serve().expect("a connection");
    ends.wire.state().ended = true;
    assert!(ends.client.finish_securing().expect("a connection").is_some());
    assert!(ends.client.can_read() && ends.wire.state().to_client.is_empty());
    assert_eq!(ends.read().expect("what came before the end"), b"-DENIED\r\n");
    assert!(matches!(ends.read(), Err(LinkError::Eof)));
}

#[test]
fn ciphertext_may_come_byte_by_byte() {
    let world = World::new();
    let mut ends = Ends::new(&world.client(), NAME, &world.server);
    let mut secured = None;
    let mut waiting = VecDeque::new();
    while secured.is_none() {
        secured = ends.client.finish_securing().expect("a connection");
        ends.serve().expect("a connection");
        waiting.append(&mut ends.wire.state().to_client);
        ends.wire.state().to_client.extend(waiting.pop_front());
    }
    ends.wire.state().to_client.append(&mut waiting);
    assert_eq!(ends.read().expect("tickets alone"), b"");
    ends.send(b"hello");
    let mut waiting = std::mem::take(&mut ends.wire.state().to_client);
    let mut got = Vec::new();
    while let Some(byte) = waiting.pop_front() {
        assert!(!ends.client.can_read() && got.is_empty());
        ends.wire.state().to_client.push_back(byte);
        assert!(ends.client.can_read());
        got.extend(ends.read().expect("a connection"));
    }
    assert_eq!(got, b"hello");
}

#[test]
fn each_read_takes_44_kib_of_ciphertext_and_leaves_no_plaintext_inside() {
    let mut ends = World::new().secured();
    let bytes: Vec<u8> = (0..1_000_000u32).map(|n| (n % 251) as u8).collect();
    ends.send(&bytes);
    ends.wire.state().offered.clear();
    let mut got = Vec::new();
    while ends.client.can_read() {
        got.extend(ends.read().expect("a connection"));
        // The remaining bytes are on the wire, so that edges and fairness are the socket's.
        assert_eq!(ends.client.can_read(), ends.wire.can_read());
    }
    assert_eq!(got, bytes);
    let offered = std::mem::take(&mut ends.wire.state().offered);
    assert!(offered.iter().all(|&n| n == 44 << 10), "{offered:?}");
    assert!(offered.len() < 30, "{}", offered.len());
}

#[test]
fn a_buffer_that_is_too_small_only_takes_longer() {
    let mut ends = World::new().secured();
    let bytes: Vec<u8> = (0..100_000u32).map(|n| (n % 251) as u8).collect();
    ends.send(&bytes);
    let (mut got, mut buffer) = (Vec::new(), [0; 100]);
    while ends.client.can_read() {
        let n = ends.client.read(&mut buffer).expect("a connection");
        got.extend_from_slice(&buffer[..n]);
    }
    assert_eq!(got, bytes);
}

#[test]
fn a_write_encrypts_one_record_and_no_more_before_that_is_out() {
    let mut ends = World::new().secured();
    let bytes = vec![b'x'; 100_000];
    ends.wire.state().room = Some(100);
    assert_eq!(ends.client.write(&bytes), 16 << 10);
    assert!(!ends.client.can_write());
    assert_eq!(ends.client.write(&bytes), 0, "the record before is not out");
    // The session writes nothing more, and the rest of the record is sent all the same.
    ends.wire.state().room = None;
    ends.client.rearm(ends.poll.registry());
    ends.serve().expect("a connection");
    assert_eq!(ends.received().len(), 16 << 10);
    assert_eq!(ends.wire.state().rearmed, 1);
    assert_eq!(ends.client.write(&bytes[..10]), 10);
}

#[test]
fn an_end_that_the_server_announced_differs_from_a_cut() {
    for announced in [true, false] {
        let mut ends = World::new().secured();
        ends.send(b"the last words");
        if announced {
            ends.server.send_close_notify();
            ends.serve().expect("a connection");
        }
        ends.wire.state().ended = true;
        assert_eq!(ends.read().expect("what came before"), b"the last words");
        assert!(ends.client.can_read(), "the end is still to be told");
        let end = ends.read().expect_err("the end");
        assert!(
            matches!((announced, &end), (true, LinkError::Eof) | (false, LinkError::Truncated)),
            "{end:?}"
        );
    }
}

#[test]
fn a_server_that_announces_its_end_and_keeps_the_socket_has_ended() {
    let mut ends = World::new().secured();
    ends.server.send_close_notify();
    ends.serve().expect("a connection");
    // Bytes after that are not read.
    ends.wire.state().to_client.extend([0; 1000]);
    assert!(matches!(ends.read(), Err(LinkError::Eof)));
}

#[test]
fn closing_announces_the_end() {
    let mut ends = World::new().secured();
    ends.client.close(ends.poll.registry());
    ends.serve().expect("a connection");
    assert!(ends.server.reader().read(&mut [0; 10]).is_ok_and(|n| n == 0), "an end that was announced");
}

#[test]
fn what_was_damaged_is_not_read_and_what_came_before_is() {
    let mut ends = World::new().secured();
    ends.send(b"good");
    ends.send(b"damaged");
    if let Some(last) = ends.wire.state().to_client.back_mut() {
        *last ^= 1;
    }
    assert_eq!(ends.read().expect("what came before"), b"good");
    assert!(ends.client.can_read() && !ends.client.can_write());
    assert!(matches!(ends.read(), Err(LinkError::Tls(_))));
    let alert = ends.serve().expect_err("an alert for the server's log");
    assert!(matches!(alert, rustls::Error::AlertReceived(_)), "{alert:?}");
}

#[test]
fn keys_may_be_renewed_at_any_time() {
    let world = World::new();
    let mut ends = world.secured();
    for _ in 0..3 {
        ends.server.refresh_traffic_keys().expect("TLS 1.3");
        ends.send(b"under a new key");
        assert_eq!(ends.read().expect("a connection"), b"under a new key");
        // With its next write the client renews its own key.
        assert_eq!(ends.client.write(b"under another one"), 17);
        ends.serve().expect("a connection");
        assert_eq!(ends.received(), b"under another one");
    }
}

#[test]
fn the_server_hears_its_name_but_no_address() {
    let world = World::new();
    for (name, heard) in [(NAME, Some(NAME)), ("127.0.0.1", None), ("::1%eth0", None)] {
        let mut ends = Ends::new(&world.client(), name, &world.server);
        ends.handshake().expect("a connection");
        assert_eq!(ends.server.server_name(), heard, "{name}");
    }
}

#[test]
fn a_session_is_resumed_by_whoever_has_the_same_configuration() {
    let world = World::new();
    let config = world.client();
    let mut kinds = Vec::new();
    for _ in 0..2 {
        let mut ends = Ends::new(&config, NAME, &world.server);
        let secured = ends.handshake().expect("a connection");
        assert!(secured.expiry.is_some());
        // The server's tickets.
        assert_eq!(ends.read().expect("a connection"), b"");
        kinds.push(ends.server.handshake_kind());
    }
    use rustls::HandshakeKind::{Full, Resumed};
    assert_eq!(kinds, [Some(Full), Some(Resumed)]);
}
