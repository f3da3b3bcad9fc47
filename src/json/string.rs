//! Strings: their ends and escapes. Also white space.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// Marks the bytes of a word that are below `limit`, which is at most 0x80. Only the lowest mark is reliable: bytes
/// above it may be marked by mistake.
const fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(ONES * limit as u64) & !word
}

/// The same for bytes that equal `byte`.
const fn equal(word: u64, byte: u8) -> u64 {
    below(word ^ (ONES * byte as u64), 1)
}

/// The same for control characters and quotes. Flips one bit of every byte: a quote becomes 0x20, control characters
/// stay below that, and the space becomes a quote.
const fn control_or_quote(word: u64) -> u64 {
    below(word ^ (ONES * (b'"' ^ b' ') as u64), b' ' + 1)
}

/// The position of the first byte from `at` on with a `mark`, or the end. Looks at eight bytes at a time.
#[inline]
fn find(text: &[u8], at: usize, mark: impl Fn(u64) -> u64) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let mut place = 0;
    for word in rest.as_chunks::<8>().0 {
        let marks = mark(u64::from_le_bytes(*word)) & HIGH_BITS;
        if marks != 0 {
            return at + place + marks.trailing_zeros() as usize / 8;
        }
        place += 8;
    }
    // The last eight bytes. Some of them may have been checked already.
    let (word, place) = match rest.last_chunk::<8>() {
        Some(word) => (u64::from_le_bytes(*word), rest.len() - 8),
        None => (short_word(rest), 0),
    };
    let marks = mark(word) & HIGH_BITS;
    if marks != 0 { at + place + marks.trailing_zeros() as usize / 8 } else { text.len() }
}

/// Up to seven bytes as a word, padded with spaces at the end.
#[inline]
fn short_word(bytes: &[u8]) -> u64 {
    let count = bytes.len();
    let at = |place: usize| u64::from(bytes[place]) << (8 * place);
    // Two or three pieces, which may overlap, cover all bytes.
    let word = match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        (Some(first), Some(last)) => {
            u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << (8 * (count - 4))
        }
        _ if count == 0 => 0,
        _ => at(0) | at(count / 2) | at(count - 1),
    };
    word | (ONES * b' ' as u64) << (8 * count)
}

/// The next position that is not white space, or `until`.
#[inline]
pub(super) fn skip_space(text: &[u8], mut at: usize, until: usize) -> usize {
    while at < until && matches!(text[at], b' ' | b'\n' | b'\r' | b'\t') {
        at += 1;
    }
    at
}

/// The next quote, backslash or control character of a string, or the end of the text.
#[inline]
pub(super) fn find_end_or_escape(text: &[u8], at: usize) -> usize {
    find(text, at, |word| control_or_quote(word) | equal(word, b'\\'))
}

/// The next byte that must be escaped, or the end of the text.
#[inline]
pub(super) fn find_unsafe(text: &[u8], at: usize) -> usize {
    find(text, at, |word| control_or_quote(word) | equal(word, b'\\') | equal(word, DELETE))
}

/// The control character that is not below the space.
const DELETE: u8 = 0x7F;

/// Appends what the escape at `at` means. Returns the position after it, or `None` if there is no such escape.
pub(super) fn unescape(text: &[u8], at: usize, out: &mut Vec<u8>) -> Option<usize> {
    let byte = match *text.get(at + 1)? {
        b'b' => 0x08,
        b'f' => 0x0C,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        byte @ (b'"' | b'\\' | b'/') => byte,
        b'u' => return code_point(text, at, out),
        _ => return None,
    };
    out.push(byte);
    Some(at + 2)
}

/// The length of `\uXXXX`.
const CODE_UNIT: usize = 6;

fn code_point(text: &[u8], at: usize, out: &mut Vec<u8>) -> Option<usize> {
    let high = code_unit(text, at)?;
    let after = at + CODE_UNIT;
    if (0xD800..0xDC00).contains(&high)
        && let Some(low @ 0xDC00..0xE000) = code_unit(text, after)
    {
        push_utf8(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00), out);
        return Some(after + CODE_UNIT);
    }
    push_utf8(high, out);
    Some(after)
}

/// The code unit of a `\uXXXX` at `at`.
fn code_unit(text: &[u8], at: usize) -> Option<u32> {
    let [b'\\', b'u', digits @ ..] = text.get(at..at + CODE_UNIT)? else { return None };
    digits.iter().try_fold(0, |code, &digit| Some(code << 4 | char::from(digit).to_digit(16)?))
}

/// Like `char::encode_utf8`, but encodes surrogates, too.
#[expect(clippy::cast_possible_truncation, reason = "each byte is masked")]
fn push_utf8(code: u32, out: &mut Vec<u8>) {
    let low = |shift: u32| 0x80 | (code >> shift & 0x3F) as u8;
    match code {
        0..0x80 => out.push(code as u8),
        0x80..0x800 => out.extend([0xC0 | (code >> 6) as u8, low(0)]),
        0x800..0x10000 => out.extend([0xE0 | (code >> 12) as u8, low(6), low(0)]),
        _ => out.extend([0xF0 | (code >> 18) as u8, low(12), low(6), low(0)]),
    }
}

/// Appends the bytes of a string, escaped where necessary.
#[inline]
pub(super) fn push_escaped(text: &[u8], out: &mut Vec<u8>) {
    let at = find_unsafe(text, 0);
    if at == text.len() {
        out.extend_from_slice(text);
    } else {
        push_escapes(text, at, out);
    }
}

/// The same, if the first byte to escape is at `at`.
#[inline(never)]
fn push_escapes(text: &[u8], mut at: usize, out: &mut Vec<u8>) {
    let mut from = 0;
    loop {
        out.extend_from_slice(&text[from..at]);
        let Some(&byte) = text.get(at) else { return };
        match byte {
            b'"' => out.extend(b"\\\""),
            b'\\' => out.extend(b"\\\\"),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            _ => {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                let [high, low] = [byte >> 4, byte & 0xF].map(|digit| DIGITS[usize::from(digit)]);
                out.extend([b'\\', b'u', b'0', b'0', high, low]);
            }
        }
        from = at + 1;
        at = find_unsafe(text, from);
    }
}
