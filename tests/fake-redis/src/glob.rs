//! Patterns as Redis matches them: `*`, `?`, `[a-c]`, `[^x]` and `\` before a byte that stands for itself.

/// Tells whether `text` matches `pattern`, byte by byte, as Redis's `stringmatchlen` does.
///
/// ```
/// assert!(fake_redis::matches(b"news.*", b"news.art"));
/// assert!(!fake_redis::matches(b"h[^ae]llo", b"hello"));
/// ```
#[must_use]
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where to continue if the rest after the last `*` does not match: that star takes one more byte.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        if p < pattern.len() && pattern[p] == b'*' {
            p += 1;
            retry = Some((p, t));
            continue;
        }
        if t == text.len() {
            return p == pattern.len();
        }
        if let Some(next) = step(pattern, p, text[t]) {
            (p, t) = (next, t + 1);
            continue;
        }
        match retry {
            Some((star, taken)) => {
                (p, t) = (star, taken + 1);
                retry = Some((star, t));
            }
            None => return false,
        }
    }
}

/// The position in the pattern after the one element at `p`, if that element matches `byte`.
fn step(pattern: &[u8], p: usize, byte: u8) -> Option<usize> {
    match pattern.get(p)? {
        b'?' => Some(p + 1),
        b'[' => class(pattern, p + 1, byte),
        b'\\' if p + 1 < pattern.len() => (pattern[p + 1] == byte).then_some(p + 2),
        literal => (*literal == byte).then_some(p + 1),
    }
}

/// The position after the class that begins at `p`, if it contains `byte`. An unclosed class ends with the pattern,
/// as in Redis.
fn class(pattern: &[u8], mut p: usize, byte: u8) -> Option<usize> {
    let inverted = pattern.get(p) == Some(&b'^');
    p += usize::from(inverted);
    let mut found = false;
    while p < pattern.len() && pattern[p] != b']' {
        if pattern[p] == b'\\' && p + 1 < pattern.len() {
            found |= pattern[p + 1] == byte;
            p += 2;
        } else if p + 2 < pattern.len() && pattern[p + 1] == b'-' {
            let (low, high) = (pattern[p].min(pattern[p + 2]), pattern[p].max(pattern[p + 2]));
            found |= (low..=high).contains(&byte);
            p += 3;
        } else {
            found |= pattern[p] == byte;
            p += 1;
        }
    }
    (found != inverted).then_some((p + 1).min(pattern.len()))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match_as_redis_matches_them() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("**", "abc", true),
            ("a*", "a", true),
            ("a*c", "abcbc", true),
            ("a*c", "abcb", false),
            ("*a*b*", "xxaxxbxx", true),
            ("?", "", false),
            ("?", "a", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("[abc]", "b", true),
            ("[abc]", "d", false),
            ("[a-c]x", "bx", true),
            ("[c-a]x", "bx", true),
            ("[^a-c]", "b", false),
            ("[^a-c]", "d", true),
            ("[]", "a", false),
            ("[^]", "a", true),
            ("[abc", "c", true),
            ("[abc", "d", false),
            ("[a\\]]", "]", true),
            // Anything that looks like a range is one, up to the bracket.
            ("[a-]", "-", false),
            ("[a-]", "^", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("a\\", "a\\", true),
            ("a\\?", "a?", true),
            ("A", "a", false),
            ("news.*.[a-c]?", "news.art.bz", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} against {text}");
        }
    }
}
