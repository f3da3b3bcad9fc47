//! A parser of the same grammar by other means: recursive, over the whole input, and deciding each line by asking of
//! every prefix whether some ending could still make it valid. Slow, small, and sharing nothing with the real one.

use resp::{ErrorKind, Limits};

pub(crate) use super::grammar::Grammar;
use super::grammar::{digits, kind_of_fault};

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
    /// The beginning of an error line.
    TruncatedError(Vec<u8>),
    /// So many bytes that were not kept.
    Skipped(u64),
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
            (Self::TruncatedError(x), Self::TruncatedError(y)) => x == y,
            (Self::Skipped(x), Self::Skipped(y)) => x == y,
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

/// What stands where a value is expected.
enum Found {
    Value(Tree),
    /// A value that comes after the place at which its frame was truncated.
    NotKept,
    /// The `.` that ends the streamed aggregate around it.
    End,
}

/// A frame, and whether it is truncated.
pub(crate) type Told = (Tree, bool);

struct Twin<'a> {
    input: &'a [u8],
    at: usize,
    out: Vec<Told>,
    depth: usize,
    /// The frame being read is truncated.
    cut: bool,
    grammar: &'a Grammar,
    limits: Limits,
}

/// Every frame of the input, in the order in which they are told, and how it ends, with the default limits.
pub(crate) fn parse(input: &[u8], grammar: &Grammar) -> (Vec<Tree>, End) {
    let (frames, end) = parse_within(Limits::default(), input, grammar);
    (frames.into_iter().map(|(tree, _)| tree).collect(), end)
}

/// The same within other limits on depth, lines, blobs and aggregates. It knows no others.
pub(crate) fn parse_within(limits: Limits, input: &[u8], grammar: &Grammar) -> (Vec<Told>, End) {
    let mut twin = Twin { input, at: 0, out: Vec::new(), depth: 0, cut: false, grammar, limits };
    loop {
        let start = twin.at;
        if start == input.len() {
            return (twin.out, End::Clean);
        }
        twin.cut = false;
        match twin.value(false, None) {
            Ok(Found::Value(tree)) => twin.out.push((tree, twin.cut)),
            Ok(Found::NotKept | Found::End) => unreachable!("a frame has a root, and no end mark is allowed"),
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
                    if let Some(limit) = self.passed(kind, &text) {
                        return Err(Stop::Error(limit, self.at - text.len()));
                    }
                    if !self.grammar.possible(kind, &text) {
                        return Err(Stop::Error(kind_of_fault(kind, &text, false), self.at));
                    }
                    if text.len() as u64 > self.limits.line {
                        return Err(Stop::Error(ErrorKind::LineLimit, self.at - text.len()));
                    }
                    self.at += 1;
                }
            }
        }
    }

    /// The limit that a length or count passes, as far as it is read.
    fn passed(&self, kind: u8, text: &[u8]) -> Option<ErrorKind> {
        let number = text.iter().all(u8::is_ascii_digit);
        let too_much = |most| number && !matches!(digits(text), Some(n) if n <= most);
        let most = self.limits.aggregate;
        let passed = match kind {
            b'*' if (number || text == b"?") && self.depth >= self.limits.depth => ErrorKind::DepthLimit,
            b'$' | b'!' | b'=' | b';' if too_much(self.limits.blob) => ErrorKind::BlobLimit,
            b'*' | b'~' | b'>' if too_much(most) => ErrorKind::AggregateLimit,
            b'%' | b'|' if too_much(most / 2) => ErrorKind::AggregateLimit,
            _ => return None,
        };
        Some(if text.len() as u64 > self.limits.line { ErrorKind::LineLimit } else { passed })
    }

    /// Text as far as it is kept.
    fn kept(&self, kind: u8, text: Vec<u8>) -> Body {
        let over = text.len() as u64 > self.limits.skip_lines_over && b"+-(".contains(&kind);
        match kind {
            _ if self.cut => Body::Skipped(text.len() as u64),
            b'-' if over => {
                let head = usize::try_from(self.limits.skip_lines_over).expect("less than the text");
                Body::TruncatedError(text[..head].to_vec())
            }
            _ if over => Body::Skipped(text.len() as u64),
            _ => Body::Text(kind, text),
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

    /// A value, or the `.` that ends the streamed aggregate around it, which `end` allows: it says whether a key of a map
    /// waits for its value.
    fn value(&mut self, in_push: bool, end: Option<bool>) -> Parsed<Found> {
        let mut attributes = Vec::new();
        let mut described = false;
        loop {
            let at = self.at;
            let kind = self.peek()?;
            match kind {
                // Once it is known to begin a list, `*` is judged by its line: `*-1` is none.
                b'~' | b'%' | b'|' if self.depth >= self.limits.depth => {
                    return Err(Stop::Error(ErrorKind::DepthLimit, at));
                }
                b'+' | b'-' | b':' | b'$' | b'*' | b'_' | b',' | b'#' | b'(' | b'!' | b'=' | b'%' | b'~'
                | b'|' => {}
                b'>' if in_push => return Err(Stop::Error(ErrorKind::NestedPush, at)),
                b'>' if self.limits.depth == 0 => return Err(Stop::Error(ErrorKind::DepthLimit, at)),
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
            let depth = if kind == b'>' { 0 } else { self.depth };
            let opens = b"*~%|".contains(&kind) && !null;
            // What follows a place that is too deep is not kept; the root is, without its attributes.
            self.cut |= opens && depth >= self.limits.skip_depth_over;
            if self.cut {
                attributes.clear();
            }
            let is_kept = !self.cut || depth == 0;
            let body = match (kind, count) {
                (b'.', _) => return Ok(Found::End),
                _ if null => Body::Null,
                (b'|', Some(count)) => {
                    attributes.extend(self.pairs(count, in_push)?);
                    described = true;
                    continue;
                }
                (b'>', Some(count)) => {
                    let (outer_depth, outer_cut) = (self.depth, self.cut);
                    self.depth = 0;
                    self.cut = (outer_depth == 0 && outer_cut) || self.limits.skip_depth_over == 0;
                    let attributes = std::mem::take(&mut attributes);
                    let attributes = if self.cut { Vec::new() } else { attributes };
                    let items = self.items(count, true)?;
                    let push = Tree { attributes, streamed: false, body: Body::List(kind, items) };
                    described = false;
                    if outer_depth == 0 {
                        return Ok(Found::Value(push));
                    }
                    self.out.push((push, self.cut));
                    (self.depth, self.cut) = (outer_depth, outer_cut);
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
                    self.kept(b'$', whole)
                }
                (b'$' | b'!' | b'=', Some(len)) => {
                    let text = self.body(len, kind == b'=')?;
                    self.kept(kind, text)
                }
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
                _ => self.kept(kind, text),
            };
            let tree = Tree { attributes, streamed, body };
            return Ok(if is_kept { Found::Value(tree) } else { Found::NotKept });
        }
    }

    fn items(&mut self, count: usize, in_push: bool) -> Parsed<Vec<Tree>> {
        self.depth += 1;
        let mut items = Vec::new();
        for _ in 0..count {
            if let Found::Value(tree) = self.value(in_push, None)? {
                items.push(tree);
            }
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
        let mut count = 0;
        loop {
            match self.value(in_push, Some(map && count % 2 == 1))? {
                Found::Value(tree) => items.push(tree),
                Found::NotKept => {}
                Found::End => break,
            }
            count += 1;
        }
        self.depth -= 1;
        Ok(items)
    }
}
