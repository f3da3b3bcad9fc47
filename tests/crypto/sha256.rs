use realtime::crypto::{Sha256, hex, sha256};

use super::twin;

/// Bytes that do not repeat with the block's length.
fn message(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 7 + n / 251).to_le_bytes()[0]).collect()
}

#[test]
fn the_vectors_of_rfc_6234() {
    let million = "a".repeat(1_000_000);
    let vectors = [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
        ),
        (
            "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrst\
             nopqrstu",
            "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1",
        ),
        (&million, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
    ];
    for (text, digest) in vectors {
        assert_eq!(hex(&sha256(text.as_bytes())), digest, "{} bytes", text.len());
    }
}

#[test]
fn every_length_around_the_ends_of_blocks_is_as_the_naive_twin_has_it() {
    for length in (0..=2).chain(55..=65).chain(119..=129) {
        let message = message(length);
        assert_eq!(sha256(&message).as_slice(), twin::sha256(&message), "{length} bytes");
    }
}

#[test]
fn pieces_of_any_size_are_the_whole() {
    let message = message(300);
    let whole = sha256(&message);
    for size in 1..=message.len() {
        let mut hasher = Sha256::new();
        for piece in message.chunks(size) {
            hasher.update(piece);
            hasher.update(b"");
        }
        assert_eq!(hasher.finish(), whole, "pieces of {size} bytes");
    }
    for cut in 0..=message.len() {
        let mut hasher = Sha256::new();
        hasher.update(&message[..cut]);
        hasher.update(&message[cut..]);
        assert_eq!(hasher.finish(), whole, "cut at {cut}");
    }
}

#[test]
fn digits_of_every_byte() {
    let bytes: Vec<u8> = (0..=255).collect();
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex(&bytes), text);
}
