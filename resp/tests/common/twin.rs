//! A parser of the same grammar by other means: recursive, over the whole input, and deciding each line by asking of
//! every prefix whether some ending could still make it valid. Slow, small, and sharing nothing with the real one.

use regex::bytes::Regex;
use resp::ErrorKind;

/// A value with its attributes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tree {
    pub(crate) attributes: Vec<(Tree, Tree)>,
    pub(crate) streamed: bool,
    pub(crate) body: Body,
}

#[derive(Debug, Clone)]
pub(crate) enum Body {
    Text(u8, Vec<u8>),
    Integer(i64),
    Double(f64),
    Boolean(bool),
    Null,
    List(u8, Vec<Tree>),
    Map(Vec<(Tree, Tree)>),
}

impl PartialEq for Body {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(a, x), Self::Text(b, y)) => a == b && x == y,
            (Self::Integer(a), Self::Integer(b)) => a == b,
            (Self::Double(a), Self::Double(b)) => a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()),
            (Self::Boolean(a), Self::Boolean(b)) => a == b,
            (Self::Null, Self::Null) => true,
            (Self::List(a, x), Self::List(b, y)) => a == b && x == y,
            (Self::Map(x), Self::Map(y)) => x == y,
            _ => false,
        }
    }
}

/// How the input ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum End {
    Clean,
    /// Inside the frame that began there.
    Incomplete(u64),
    Error(ErrorKind, u64),
}

enum Stop {
    Incomplete,
    Error(ErrorKind, usize),
}

type Parsed<T> = Result<T, Stop>;

struct Twin<'a> {
    input: &'a [u8],
    at: usize,
    out: Vec<Tree>,
    depth: usize,
    grammar: &'a Grammar,
}

/// What a complete line of each kind looks like.
pub(crate) struct Grammar {
    integer: Regex,
    double: Regex,
    big_number: Regex,
}

impl Grammar {
    pub(crate) fn new() -> Self {
        let regex = |text| Regex::new(text).expect("a regex");
        Self {
            integer: regex(r"^[+-]?[0-9]+$"),
            double: regex(
                r"^([+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?|-?inf|-?(nan|NAN)(\([0-9A-Za-z_]*\))?)$",
            ),
            big_number: regex(r"^[+-]?[0-9]+$"),
        }
    }

    fn integer(&self, text: &[u8]) -> Option<i64> {
        let text = self.integer.is_match(text).then(|| std::str::from_utf8(text).expect("digits"))?;
        text.parse().ok()
    }

    fn double(&self, text: &[u8]) -> Option<f64> {
        let text = self.double.is_match(text).then(|| std::str::from_utf8(text).expect("ASCII"))?;
        if text.to_ascii_lowercase().contains("nan") {
            return Some(f64::NAN);
        }
        let number: f64 = text.parse().ok()?;
        (number.is_finite() || text.ends_with("inf")).then_some(number)
    }

    /// Whether `text` is a whole line of this kind.
    fn complete(&self, kind: u8, text: &[u8]) -> bool {
        match kind {
            b'+' | b'-' => true,
            b':' => self.integer(text).is_some(),
            b',' => self.double(text).is_some(),
            b'(' => self.big_number.is_match(text),
            b'#' => text == b"t" || text == b"f",
            b'_' | b'.' => text.is_empty(),
            b'$' | b'*' if text == b"-1" || text == b"?" => true,
            b'~' | b'%' if text == b"?" => true,
            b'=' => digits(text).is_some_and(|n| n >= 4),
            _ => digits(text).is_some(),
        }
    }

    /// Whether some ending makes `text` a whole line of this kind.
    fn possible(&self, kind: u8, text: &[u8]) -> bool {
        let endings = [
            "", "0", "1", "4", "9", "t", ".0", "e-99999", "E0", "-99999", "99999", "inf", "nf", "f", "nan",
            "an", "n", "NAN", "AN", "N", ")", "-1", "?",
        ];
        endings.iter().any(|ending| self.complete(kind, &[text, ending.as_bytes()].concat()))
    }
}

fn digits(text: &[u8]) -> Option<u64> {
    let all = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    all.then(|| std::str::from_utf8(text).expect("digits"))?.parse().ok()
}

fn kind_of_fault(kind: u8, text: &[u8], ended: bool) -> ErrorKind {
    match kind {
        b':' => ErrorKind::BadInteger,
        b',' => ErrorKind::BadDouble,
        b'(' => ErrorKind::BadBigNumber,
        b'#' => ErrorKind::BadBoolean,
        b'_' => ErrorKind::BadNull,
        b'.' => ErrorKind::UnexpectedEnd,
        b'=' if ended && digits(text).is_some() => ErrorKind::BadVerbatim,
        _ => ErrorKind::BadLength,
    }
}

/// Every frame of the input, in the order in which they are told, and how it ends. Limits are the default ones.
pub(crate) fn parse(input: &[u8], grammar: &Grammar) -> (Vec<Tree>, End) {
    let mut twin = Twin { input, at: 0, out: Vec::new(), depth: 0, grammar };
    loop {
        let start = twin.at;
        if start == input.len() {
            return (twin.out, End::Clean);
        }
        match twin.value(false, None) {
            Ok(Some(tree)) => twin.out.push(tree),
            Ok(None) => unreachable!("no end mark is allowed here"),
            Err(Stop::Incomplete) => return (twin.out, End::Incomplete(start as u64)),
            Err(Stop::Error(kind, at)) => return (twin.out, End::Error(kind, at as u64)),
        }
    }
}

impl Twin<'_> {
    fn peek(&self) -> Parsed<u8> {
        self.input.get(self.at).copied().ok_or(Stop::Incomplete)
    }

    /// The line behind a type byte.
    fn line(&mut self, kind: u8) -> Parsed<Vec<u8>> {
        let mut text = Vec::new();
        loop {
            let byte = self.peek()?;
            match byte {
                b'\r' => {
                    if !self.grammar.complete(kind, &text) {
                        return Err(Stop::Error(kind_of_fault(kind, &text, true), self.at));
                    }
                    self.at += 1;
                    if self.peek()? != b'\n' {
                        return Err(Stop::Error(ErrorKind::BadLineEnd, self.at));
                    }
                    self.at += 1;
                    return Ok(text);
                }
                b'\n' => return Err(Stop::Error(ErrorKind::BadLineEnd, self.at)),
                _ => {
                    text.push(byte);
                    let limits = resp::Limits::default();
                    let number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
                    let too_much = |most| number && digits(&text).is_none_or(|n| n > most);
                    match kind {
                        b'$' | b'!' | b'=' | b';' if too_much(limits.blob) => {
                            return Err(Stop::Error(ErrorKind::BlobLimit, self.at - text.len()));
                        }
                        b'*' | b'~' | b'>' if too_much(limits.aggregate) => {
                            return Err(Stop::Error(ErrorKind::AggregateLimit, self.at - text.len()));
                        }
                        b'%' | b'|' if too_much(limits.aggregate / 2) => {
                            return Err(Stop::Error(ErrorKind::AggregateLimit, self.at - text.len()));
                        }
                        _ => {}
                    }
                    if !self.grammar.possible(kind, &text) {
                        return Err(Stop::Error(kind_of_fault(kind, &text, false), self.at));
                    }
                    self.at += 1;
                }
            }
        }
    }

    fn body(&mut self, len: usize, verbatim: bool) -> Parsed<Vec<u8>> {
        let start = self.at;
        if verbatim && self.input.get(start + 3).is_some_and(|&byte| byte != b':') {
            return Err(Stop::Error(ErrorKind::BadVerbatim, start + 3));
        }
        let bytes = self.input.get(start..start + len).ok_or(Stop::Incomplete)?.to_vec();
        self.at += len;
        for expected in *b"\r\n" {
            if self.peek()? != expected {
                return Err(Stop::Error(ErrorKind::BadBlobEnd, self.at));
            }
            self.at += 1;
        }
        Ok(bytes)
    }

    /// A value; `None` for the `.` that ends the streamed aggregate around it, which `end` allows: it says whether a key
    /// of a map waits for its value.
    fn value(&mut self, in_push: bool, end: Option<bool>) -> Parsed<Option<Tree>> {
        let mut attributes = Vec::new();
        let mut described = false;
        loop {
            let at = self.at;
            let kind = self.peek()?;
            match kind {
                b'+' | b'-' | b':' | b'$' | b'*' | b'_' | b',' | b'#' | b'(' | b'!' | b'=' | b'%' | b'~'
                | b'|' => {}
                b'>' if in_push => return Err(Stop::Error(ErrorKind::NestedPush, at)),
                b'>' => {}
                b';' => return Err(Stop::Error(ErrorKind::UnexpectedChunk, at)),
                b'.' => match end {
                    None => return Err(Stop::Error(ErrorKind::UnexpectedEnd, at)),
                    Some(_) if described => return Err(Stop::Error(ErrorKind::DanglingAttribute, at)),
                    Some(true) => return Err(Stop::Error(ErrorKind::OddMap, at)),
                    Some(false) => {}
                },
                other => return Err(Stop::Error(ErrorKind::UnknownType(other), at)),
            }
            self.at += 1;
            let text = self.line(kind)?;
            // Other kinds' digits count nothing, and may be more than 32 bits can.
            let counts = digits(&text).filter(|_| b"$!=*%~|>".contains(&kind));
            let count = counts.map(|n| usize::try_from(n).expect("within the limits"));
            let streamed = text == b"?" && b"$*~%".contains(&kind);
            let null = text == b"-1" && b"$*".contains(&kind);
            let body = match (kind, count) {
                (b'.', _) => return Ok(None),
                _ if null => Body::Null,
                (b'|', Some(count)) => {
                    attributes.extend(self.pairs(count, in_push)?);
                    described = true;
                    continue;
                }
                (b'>', Some(count)) => {
                    let items = self.items(count, true)?;
                    let push = Tree {
                        attributes: std::mem::take(&mut attributes),
                        streamed: false,
                        body: Body::List(kind, items),
                    };
                    described = false;
                    if self.depth == 0 {
                        return Ok(Some(push));
                    }
                    self.out.push(push);
                    continue;
                }
                (b'$', None) if streamed => {
                    let mut whole = Vec::new();
                    loop {
                        if self.peek()? != b';' {
                            return Err(Stop::Error(ErrorKind::ExpectedChunk, self.at));
                        }
                        self.at += 1;
                        let len = self.line(b';')?;
                        match digits(&len) {
                            Some(0) => break,
                            len => whole.extend(
                                self.body(len.map_or(0, |n| usize::try_from(n).expect("small")), false)?,
                            ),
                        }
                    }
                    Body::Text(b'$', whole)
                }
                (b'$' | b'!' | b'=', Some(len)) => Body::Text(kind, self.body(len, kind == b'=')?),
                (b'*' | b'~', Some(count)) => Body::List(kind, self.items(count, in_push)?),
                (b'%', Some(count)) => Body::Map(self.pairs(count, in_push)?),
                (b'*' | b'~', None) => Body::List(kind, self.streamed(in_push, false)?),
                (b'%', None) => {
                    let mut flat = self.streamed(in_push, true)?.into_iter();
                    let mut pairs = Vec::new();
                    while let (Some(key), Some(value)) = (flat.next(), flat.next()) {
                        pairs.push((key, value));
                    }
                    Body::Map(pairs)
                }
                (b':', _) => Body::Integer(self.grammar.integer(&text).expect("checked")),
                (b',', _) => Body::Double(self.grammar.double(&text).expect("checked")),
                (b'#', _) => Body::Boolean(text == b"t"),
                (b'_', _) => Body::Null,
                _ => Body::Text(kind, text),
            };
            return Ok(Some(Tree { attributes, streamed, body }));
        }
    }

    fn items(&mut self, count: usize, in_push: bool) -> Parsed<Vec<Tree>> {
        self.depth += 1;
        let mut items = Vec::new();
        for _ in 0..count {
            items.extend(self.value(in_push, None)?);
        }
        self.depth -= 1;
        Ok(items)
    }

    fn pairs(&mut self, count: usize, in_push: bool) -> Parsed<Vec<(Tree, Tree)>> {
        let mut flat = self.items(count * 2, in_push)?.into_iter();
        let mut pairs = Vec::new();
        while let (Some(key), Some(value)) = (flat.next(), flat.next()) {
            pairs.push((key, value));
        }
        Ok(pairs)
    }

    fn streamed(&mut self, in_push: bool, map: bool) -> Parsed<Vec<Tree>> {
        self.depth += 1;
        let mut items = Vec::new();
        while let Some(item) = self.value(in_push, Some(map && items.len() % 2 == 1))? {
            items.push(item);
        }
        self.depth -= 1;
        Ok(items)
    }
}
