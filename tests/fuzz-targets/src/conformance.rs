//! The parser's conformance tables as seeds and as material for comparison with other parsers.

const TABLES: &str = include_str!("../../../resp/tests/conformance.rs");

/// Every literal in the parser's conformance tables that holds a line end or begins like a value: the tables' inputs,
/// valid and not.
pub fn conformance_inputs() -> Vec<Vec<u8>> {
    let mut inputs = Vec::new();
    let mut rest = TABLES;
    while let Some(start) = rest.find('"') {
        let (literal, behind) = literal(&rest[start + 1..]);
        rest = behind;
        if literal.contains(&b'\n') || literal.contains(&b'\r') {
            inputs.push(literal);
        }
    }
    inputs.sort();
    inputs.dedup();
    inputs
}

/// The bytes of a string literal, after its opening quote, and the text after its closing one.
fn literal(source: &str) -> (Vec<u8>, &str) {
    let mut bytes = Vec::new();
    let mut chars = source.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (bytes, &source[at + 1..]),
            '\\' => match chars.next() {
                Some((_, 'r')) => bytes.push(b'\r'),
                Some((_, 'n')) => bytes.push(b'\n'),
                Some((_, '0')) => bytes.push(0),
                Some((at, 'x')) => {
                    bytes.extend(source.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok()));
                    chars.nth(1);
                }
                Some((_, other)) => bytes.extend(other.to_string().into_bytes()),
                None => break,
            },
            other => bytes.extend(other.to_string().into_bytes()),
        }
    }
    (bytes, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_understood() {
        let inputs = conformance_inputs();
        assert!(inputs.len() > 150, "{} inputs", inputs.len());
        for known in [&b"$3\r\nabc\rX"[..], b"=5\r\n\xff\0\x80:x\r\n", b"+\xff\0 caf\xc3\xa9\r\n"] {
            assert!(inputs.iter().any(|input| input == known), "{}", known.escape_ascii());
        }
    }
}
