//! Converts the game's comments, `//` and `/* */`, to Lua's. LuaJIT itself has the game's other additions:
//! `continue`, `!=`, `!`, `&&` and `||`.
//!
//! Source: <https://wiki.facepunch.com/gmod/Specific_Operators>.

use std::borrow::Cow;

/// The source without the game's comments, with all lines in their places; bytecode is returned unchanged.
pub(crate) fn plain(source: &[u8]) -> Cow<'_, [u8]> {
    const BYTECODE: u8 = 0x1b;
    if source.first() == Some(&BYTECODE) {
        return source.into();
    }
    let mut plain = Vec::new();
    let (mut at, mut copied) = (0, 0);
    while at < source.len() {
        let rest = &source[at..];
        let (length, instead) = match rest {
            [b'-', b'-', behind @ ..] => (2 + long_bracket(behind).unwrap_or_else(|| line(behind)), None),
            [b'[', ..] => (long_bracket(rest).unwrap_or(1), None),
            [b'"' | b'\'', ..] => (string(rest), None),
            // With a space, because `//[[` does not begin a long comment.
            [b'/', b'/', ..] => (line(rest), Some([b"-- ", &rest[2..line(rest)]].concat())),
            [b'/', b'*', behind @ ..] => match find(behind, b"*/") {
                Some(end) => {
                    let comment = &rest[..end + 4];
                    let breaks = comment.iter().filter(|byte| matches!(byte, b'\r' | b'\n'));
                    (comment.len(), Some(b" ".iter().chain(breaks).copied().collect()))
                }
                // Lua reports it, and the console's next line may end it.
                None => (rest.len(), Some(b"--[[".to_vec())),
            },
            _ => (1, None),
        };
        if let Some(instead) = instead {
            plain.extend_from_slice(&source[copied..at]);
            plain.extend_from_slice(&instead);
            copied = at + length;
        }
        at += length;
    }
    if copied == 0 {
        return source.into();
    }
    plain.extend_from_slice(&source[copied..]);
    plain.into()
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|found| found == wanted)
}

/// Bytes up to the end of the line.
fn line(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(bytes.len())
}

/// Bytes of `[[ … ]]`, `[=[ … ]=]` and so on, if one begins here; to the end of the source if it is not closed.
fn long_bracket(bytes: &[u8]) -> Option<usize> {
    let level = bytes.iter().skip(1).take_while(|&&byte| byte == b'=').count();
    if bytes.first() != Some(&b'[') || bytes.get(level + 1) != Some(&b'[') {
        return None;
    }
    let end = [b"]".as_slice(), &b"=".repeat(level), b"]"].concat();
    Some(find(bytes, &end).map_or(bytes.len(), |at| at + end.len()))
}

/// Bytes of a string with its quotes. If it is not closed it ends with its line, and Lua reports that.
fn string(bytes: &[u8]) -> usize {
    let mut at = 1;
    while let Some(&byte) = bytes.get(at) {
        at += match &bytes[at..] {
            // A line break of two bytes.
            [b'\\', b'\r', b'\n', ..] | [b'\\', b'\n', b'\r', ..] => 3,
            // And all spaces after it.
            [b'\\', b'z', behind @ ..] => 2 + behind.iter().take_while(|byte| is_space(**byte)).count(),
            [b'\\', _, ..] => 2,
            _ => 1,
        };
        if byte == bytes[0] || matches!(byte, b'\r' | b'\n') {
            break;
        }
    }
    at
}

/// The same as C's `isspace`.
fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[track_caller]
    fn becomes(source: &str, wanted: &str) {
        let plain = plain(source.as_bytes());
        assert_eq!(String::from_utf8_lossy(&plain), wanted, "from {source:?}");
    }

    #[test]
    fn what_has_no_such_comment_stays_as_it_is() {
        for source in [
            "",
            "/",
            "\"",
            "'\\",
            "[",
            "--",
            "x = a / b -- // c /* d",
            "x = { \"// b\", 'e // f \\' // g', [[ // ]], [==[ ]] // ]==], t[t[1]] }",
            "--[[ // a\n ]] --[==[ ]] /* d ]==] x = 1",
            "x = '\\\n// a'",
            "x = \"\\\r\n// a\" y = '\\\n\r// b'",
            "x = '\\z \r\n\t // a'",
            "s = 'not closed //\n",
            "s = [[ not closed // ",
            "s = 1 --[[ not closed // ",
            "for i = 1, 2 do if i != 1 && !x then continue end end",
        ] {
            becomes(source, source);
        }
    }

    #[test]
    fn comments_leave_lines_where_they_are() {
        becomes("a() // b // c\nd()", "a() --  b // c\nd()");
        becomes("a() //[[ b\r\nd()", "a() -- [[ b\r\nd()");
        becomes("a() /* b\n// c\r\n*/ d()", "a()  \n\r\n d()");
        becomes("u = 'http://x' // y", "u = 'http://x' --  y");
        becomes("a() -- /* b\nc() // */", "a() -- /* b\nc() --  */");
        becomes("/*/ a */ b() /**/ c()", "  b()   c()");
        becomes("s = 'not closed\n// a", "s = 'not closed\n--  a");
        becomes("//", "-- ");
    }

    #[test]
    fn one_without_an_end_is_told_of_by_lua() {
        becomes("a() /* b\n]] c", "a() --[[");
        becomes("/*/", "--[[");
    }

    #[test]
    fn bytes_that_are_no_text_are_kept() {
        assert_eq!(*plain(b"x = '\xff' // \xfe\ny()"), *b"x = '\xff' --  \xfe\ny()");
        let bytecode = b"\x1bLJ\x02\x00// '";
        assert_eq!(*plain(bytecode), *bytecode);
    }
}
