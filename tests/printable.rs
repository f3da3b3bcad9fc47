//! Text from outside as a line: tables of literal bytes, and a naive twin.

use proptest::collection::vec;
use proptest::prelude::*;
use realtime::model::{Printable, Topic, TopicKind, printable};

#[test]
fn what_a_terminal_obeys_is_escaped() {
    for (bytes, text) in [
        (&b"\x00"[..], r"\x00"),
        (b"a\tb", r"a\x09b"),
        (b"no\n[realtime] ready", r"no\x0a[realtime] ready"),
        (b"no\r\n", r"no\x0d\x0a"),
        (b"\x07", r"\x07"),
        (b"\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        (b"\x1b]0;title\x07", r"\x1b]0;title\x07"),
        (b"\x7f", r"\x7f"),
        // The control sequence introducer: as a character, and as the byte of Latin-1.
        (b"\xc2\x9b2J", r"\xc2\x9b2J"),
        (b"\x9b2J", r"\x9b2J"),
        (b"\xc2\x80", r"\xc2\x80"),
        (b"\xc2\x9f", r"\xc2\x9f"),
        ("\u{61c}".as_bytes(), r"\xd8\x9c"),
        ("\u{200e}\u{200f}".as_bytes(), r"\xe2\x80\x8e\xe2\x80\x8f"),
        ("\u{202a}\u{202e}".as_bytes(), r"\xe2\x80\xaa\xe2\x80\xae"),
        ("\u{2066}\u{2069}".as_bytes(), r"\xe2\x81\xa6\xe2\x81\xa9"),
        ("\u{2028}\u{2029}".as_bytes(), r"\xe2\x80\xa8\xe2\x80\xa9"),
        ("\u{feff}".as_bytes(), r"\xef\xbb\xbf"),
    ] {
        assert_eq!(printable(bytes, 64), text, "{}", bytes.escape_ascii());
    }
}

#[test]
fn what_is_not_utf_8_is_escaped() {
    for (bytes, text) in [
        (&b"caf\xe9"[..], r"caf\xe9"),
        (b"\xff\xfe", r"\xff\xfe"),
        // Cut short, overlong, a surrogate, beyond the last character.
        (b"\xe2\x82", r"\xe2\x82"),
        (b"\xe2\x82a", r"\xe2\x82a"),
        (b"\xc0\xaf", r"\xc0\xaf"),
        (b"\xed\xa0\x80", r"\xed\xa0\x80"),
        (b"\xf4\x90\x80\x80", r"\xf4\x90\x80\x80"),
        (b"\x80", r"\x80"),
    ] {
        assert_eq!(printable(bytes, 64), text, "{}", bytes.escape_ascii());
    }
}

#[test]
fn letters_and_what_stands_between_them_stay() {
    for text in
        ["", " a ~", "žluťoučký kůň", "Привет", "你好", "שלום", "🎮", "\u{a0}", "\u{a1}", r"C:\x1b", "\"'`%"]
    {
        assert_eq!(printable(text.as_bytes(), 64), text);
    }
}

#[test]
fn the_cut_is_at_a_character_and_tells_the_whole() {
    for (bytes, most, text) in [
        (&b"abc"[..], 3, "abc"),
        (b"abcd", 3, "abc … (4 bytes)"),
        ("ůůů".as_bytes(), 3, "ůůů"),
        ("ůůůů".as_bytes(), 3, "ůůů … (8 bytes)"),
        ("🎮🎮🎮🎮".as_bytes(), 3, "🎮🎮🎮 … (16 bytes)"),
        // An escape is complete or missing, and nothing follows it.
        (b"\x1b", 4, r"\x1b"),
        (b"\x1b", 3, " … (1 bytes)"),
        (b"ab\x1bc", 5, "ab … (4 bytes)"),
        ("a\u{9b}".as_bytes(), 8, r"a\xc2 … (3 bytes)"),
        (b"a", 0, " … (1 bytes)"),
        (b"", 0, ""),
    ] {
        assert_eq!(printable(bytes, most), text, "{} at {most}", bytes.escape_ascii());
    }
}

#[test]
fn no_more_is_allocated_than_the_limit_needs() {
    let endless = vec![b'\x1b'; 4 << 20];
    let used = allocation_counter::measure(|| drop(printable(&endless, 64)));
    assert!(used.bytes_max < 1000, "{used:?}");
}

#[test]
fn a_topic_is_shown_with_its_letters_and_on_one_line() {
    let show = |name: &[u8]| Topic { kind: TopicKind::Channel, name: name.into() }.to_string();
    assert_eq!(show("kůň".as_bytes()), "channel \"kůň\"");
    assert_eq!(show(b"a\n\x1b"), r#"channel "a\x0a\x1b""#);
    assert_eq!(show(&[b'x'; 100]), format!("channel \"{} … (100 bytes)\"", "x".repeat(64)));
}

/// One character or byte after the other, without regard for speed.
fn twin(mut bytes: &[u8], most: usize) -> String {
    let whole = bytes.len();
    let (mut text, mut count) = (String::new(), 0);
    while !bytes.is_empty() {
        let valid = (1..=bytes.len().min(4)).find(|&n| std::str::from_utf8(&bytes[..n]).is_ok());
        let letter = valid.and_then(|n| std::str::from_utf8(&bytes[..n]).ok()?.chars().next());
        let code = letter.map_or(0, u32::from);
        let shown = !(code < 0x20
            || (0x7f..=0x9f).contains(&code)
            || [0x61c, 0x200e, 0x200f, 0x2028, 0x2029, 0xfeff].contains(&code)
            || (0x202a..=0x202e).contains(&code)
            || (0x2066..=0x2069).contains(&code));
        let (part, taken) = match letter {
            Some(letter) if shown => (letter.to_string(), letter.len_utf8()),
            _ => (format!("\\x{:02x}", bytes[0]), 1),
        };
        if count + part.chars().count() > most {
            return format!("{text} … ({whole} bytes)");
        }
        count += part.chars().count();
        text += &part;
        bytes = &bytes[taken..];
    }
    text
}

/// Bytes that are often nearly valid UTF-8, with the critical characters.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let special = prop_oneof![
        any::<char>().prop_map(|c| c.to_string().into_bytes()),
        (0x2000..0x2070_u32).prop_map(|code| char::from_u32(code).unwrap_or('-').to_string().into_bytes()),
        (0..0x100_u32).prop_map(|code| char::from_u32(code).unwrap_or('-').to_string().into_bytes()),
        any::<u8>().prop_map(|byte| vec![byte]),
        Just(vec![0xe2, 0x80]),
        Just(vec![0xc2]),
    ];
    vec(special, 0..60).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn is_as_the_naive_twin_has_it(bytes in bytes(), most in 0..80_usize) {
        prop_assert_eq!(printable(&bytes, most), twin(&bytes, most));
    }

    #[test]
    fn twice_is_once(bytes in bytes()) {
        let once = printable(&bytes, 1000);
        prop_assert_eq!(&printable(once.as_bytes(), 1000), &once);
    }

    #[test]
    fn pieces_that_divide_no_character_are_the_whole(words in vec(any::<char>(), 0..60), most in 0..80_usize) {
        let whole: String = words.iter().collect();
        let mut text = Printable::new(most);
        for word in &words {
            text.push(word.to_string().as_bytes());
        }
        prop_assert_eq!(text.finish(whole.len()), printable(whole.as_bytes(), most));
    }
}
