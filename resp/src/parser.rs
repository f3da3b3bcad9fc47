//! The grammar, over a buffer that begins where the frame begins.
//!
//! The parser holds positions and the tape, never bytes. It reads each byte of the buffer once; where the buffer ends it
//! remembers its place and goes on when called with the same buffer grown longer.

use crate::error::ErrorKind;
use crate::limits::Limits;
use crate::line::{Fault, Line, LineReader};
use crate::node::{Kind, Node};

/// Why the parser stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The buffer is read to its end.
    More,
    /// A frame ends at the parser's position.
    Frame,
    /// A push inside an unfinished frame ends at the parser's position.
    Push,
    /// So many bytes at the parser's position are not wanted. [`Parser::skipped`] goes on behind them.
    Skip(u64),
    /// A streamed string has ended: its chunks must be moved together ([`Parser::chunks`]).
    Compact,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// A value, or what may stand in its place, begins.
    Value,
    /// Inside a line.
    Line(LineReader),
    /// The body of a blob, which ends before this position; its CRLF follows.
    Body { end: usize, verbatim: bool },
    /// A body is being skipped; the CRLF follows.
    Skipping,
    /// Behind a body that was skipped.
    SkippedEnd { end: usize },
}

/// An aggregate whose end has not come.
#[derive(Debug, Clone, Copy)]
struct Open {
    kind: Kind,
    /// Its entry, unless the frame is truncated.
    node: Option<usize>,
    /// Elements that are still to come; unused if streamed.
    left: u64,
    /// Elements so far.
    count: u64,
    streamed: bool,
    /// For an attribute: where the attributes of the value that it describes begin.
    mark: Option<Mark>,
}

/// Where a value begins: its first entry and its first byte, attributes included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    pub(crate) node: usize,
    pub(crate) at: usize,
}

/// A push inside an unfinished frame.
#[derive(Debug, Clone, Copy)]
struct Inner {
    mark: Mark,
    depth: usize,
    /// What the outer frame had counted.
    outer: Kept,
}

/// How much of the frame is kept.
#[derive(Debug, Clone, Copy, Default)]
struct Kept {
    bytes: u64,
    truncated: bool,
    /// If truncated: where that began in the buffer.
    garbage: usize,
}

/// A streamed string whose end has not come.
#[derive(Debug, Clone, Copy)]
struct Stream {
    node: Option<usize>,
    len: u64,
    /// If it is not kept: where that began in the buffer.
    skipping: Option<usize>,
}

/// What an entry of the tape, its header and its line end take, roughly, towards `skip_frames_over`.
const NODE_COST: u64 = 48;

#[derive(Debug)]
pub(crate) struct Parser {
    pub(crate) limits: Limits,
    pub(crate) nodes: Vec<Node>,
    /// The next byte to look at.
    pub(crate) at: usize,
    stack: Vec<Open>,
    state: State,
    /// Attributes that wait for the value they describe.
    mark: Option<Mark>,
    inner: Option<Inner>,
    stream: Option<Stream>,
    chunks: Vec<(usize, usize)>,
    elements: u64,
    kept: Kept,
    /// Bytes of this frame that were taken out of the buffer, before the present position.
    pub(crate) removed: u64,
}

impl Parser {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            nodes: Vec::new(),
            at: 0,
            stack: Vec::new(),
            state: State::Value,
            mark: None,
            inner: None,
            stream: None,
            chunks: Vec::new(),
            elements: 0,
            kept: Kept::default(),
            removed: 0,
        }
    }

    /// Forgets the frame, and gives back memory beyond `retain` bytes.
    #[inline]
    pub(crate) fn reset(&mut self, retain: usize) {
        self.nodes.clear();
        if self.nodes.capacity() > retain / size_of::<Node>() {
            self.nodes = Vec::new();
        }
        self.at = 0;
        self.elements = 0;
        self.kept = Kept::default();
        self.removed = 0;
        // A whole frame leaves the rest as it found it.
        if !self.stack.is_empty() || self.mark.is_some() || !matches!(self.state, State::Value) {
            self.stack.clear();
            self.mark = None;
            self.inner = None;
            self.stream = None;
            self.chunks = Vec::new();
            self.state = State::Value;
        }
    }

    /// Whether nothing of a frame was read yet.
    pub(crate) fn is_idle(&self) -> bool {
        self.at == 0 && self.removed == 0 && matches!(self.state, State::Value)
    }

    /// Whether what is being read is kept no further.
    pub(crate) fn is_truncated(&self) -> bool {
        self.kept.truncated
    }

    /// How many bytes the present body still wants, its line end included; `None` outside of one.
    pub(crate) fn wanted(&self, buffered: usize) -> Option<usize> {
        match self.state {
            State::Body { end, .. } => Some((end + 2).saturating_sub(buffered).max(1)),
            _ => None,
        }
    }

    /// Where the inner push that just ended begins. The parser goes on with the outer frame as if it had not been there.
    pub(crate) fn leave_push(&mut self) -> Option<Mark> {
        let inner = self.inner.take()?;
        self.kept = inner.outer;
        self.nodes.truncate(inner.mark.node);
        self.removed += (self.at - inner.mark.at) as u64;
        self.at = inner.mark.at;
        Some(inner.mark)
    }

    /// First entry of the frame that just ended.
    pub(crate) fn first(&self) -> usize {
        self.inner.map_or(0, |inner| inner.mark.node)
    }

    /// The body that [`Step::Skip`] named is gone: `gone` bytes of it were never in the buffer, the rest still is.
    pub(crate) fn skipped(&mut self, in_buffer: usize, gone: u64) {
        self.at += in_buffer;
        self.removed += gone;
        self.state = State::SkippedEnd { end: self.at };
    }

    /// The buffer lost `n` bytes before the present position.
    pub(crate) fn cut(&mut self, n: usize) {
        self.at -= n;
        self.removed += n as u64;
        match &mut self.state {
            State::Line(line) => {
                line.start -= n;
                line.scan -= n;
            }
            State::Body { end, .. } | State::SkippedEnd { end } => *end -= n,
            State::Value | State::Skipping => {}
        }
    }

    /// The ranges of a streamed string's chunks, to be moved together; the string begins where the first one does.
    pub(crate) fn chunks(&mut self, mut each: impl FnMut(usize, usize, usize)) -> Step {
        if let Some(Stream { node: Some(node), skipping: None, .. }) = self.stream {
            let start = self.nodes[node].start();
            let mut to = start;
            for &(from, len) in &self.chunks {
                each(from, len, to);
                to += len;
            }
            self.nodes[node] = Node::bytes(Kind::BulkString, start, to - start).streamed();
        }
        self.stream = None;
        self.chunks.clear();
        self.complete()
    }

    /// Reads on in `buffer`, which begins where the frame begins.
    #[inline]
    pub(crate) fn advance(&mut self, buffer: &[u8]) -> Result<Step, Fault> {
        loop {
            match self.state {
                State::Value => {
                    let Some(&byte) = buffer.get(self.at) else { return Ok(Step::More) };
                    match self.short_cut(byte, buffer)? {
                        Some(Step::More) => {}
                        Some(step) => return Ok(step),
                        None => self.begin(byte)?,
                    }
                }
                State::Line(mut line) => {
                    let done = line.read(buffer, &self.limits);
                    // Of two limits the one that is reached first counts, however the input was cut.
                    let seen = match &done {
                        Ok(_) => line.scan,
                        Err(fault) if fault.kind == ErrorKind::LineLimit => usize::try_from(self.limits.line)
                            .map_or(usize::MAX, |most| line.start.saturating_add(most + 2)),
                        Err(fault) => fault.at,
                    };
                    self.check_size(seen, line.start)?;
                    let Some(value) = done? else {
                        self.state = State::Line(line);
                        return Ok(Step::More);
                    };
                    self.at = line.scan;
                    match self.line(line, value)? {
                        Step::More => {}
                        step => return Ok(step),
                    }
                }
                State::Body { end, verbatim } => {
                    if verbatim {
                        let colon = self.at + 3;
                        if buffer.get(colon).is_some_and(|&byte| byte != b':') {
                            return Err(Fault { kind: ErrorKind::BadVerbatim, at: colon });
                        }
                    }
                    if !body_ends(buffer, end)? {
                        return Ok(Step::More);
                    }
                    self.at = end + 2;
                    self.state = State::Value;
                    if self.stream.is_none() {
                        match self.complete() {
                            Step::More => {}
                            step => return Ok(step),
                        }
                    }
                }
                State::Skipping => return Ok(Step::More),
                State::SkippedEnd { end } => {
                    if !body_ends(buffer, end)? {
                        return Ok(Step::More);
                    }
                    self.at = end + 2;
                    self.state = State::Value;
                    if self.stream.is_none() {
                        match self.complete() {
                            Step::More => {}
                            step => return Ok(step),
                        }
                    }
                }
            }
        }
    }

    /// What nearly all values are: a short number or length whose line is all there, and a body that is all there, within
    /// every limit. Anything else is left to the careful path, which begins again at the same byte.
    #[inline]
    fn short_cut(&mut self, byte: u8, buffer: &[u8]) -> Result<Option<Step>, Fault> {
        let start = self.at;
        if !matches!(byte, b'$' | b'*' | b'>' | b'%' | b'~' | b':') || self.stream.is_some() {
            return Ok(None);
        }
        let Some((number, next)) = short_number(buffer, start + 1) else { return Ok(None) };
        let body = if byte == b'$' { number + 2 } else { 0 };
        if (next + body) as u64 + self.removed > self.limits.frame {
            return Ok(None);
        }
        if byte == b'$' {
            let cost = self.kept.bytes + number as u64 + NODE_COST;
            let keeps = number as u64 <= self.limits.blob.min(self.limits.skip_blobs_over)
                && cost <= self.limits.skip_frames_over
                && !self.kept.truncated;
            if !keeps || buffer.get(next + number..next + number + 2) != Some(b"\r\n") {
                return Ok(None);
            }
            self.element(start)?;
            self.mark = None;
            self.kept.bytes = cost;
            self.nodes.push(Node::bytes(Kind::BulkString, next, number));
            self.at = next + body;
            return Ok(Some(self.complete()));
        }
        if byte == b':' {
            self.element(start)?;
            self.mark = None;
            self.at = next;
            self.keep(start, 0, Node::scalar(Kind::Integer, number as u64));
            return Ok(Some(self.complete()));
        }
        let nested = byte == b'>' && !self.stack.is_empty();
        if nested || number as u64 > self.limits.aggregate / 2 {
            return Ok(None);
        }
        if byte != b'>' {
            self.element(start)?;
        }
        self.at = next;
        self.aggregate(byte, start, Some(number as u64)).map(Some)
    }

    /// A type byte.
    fn begin(&mut self, byte: u8) -> Result<(), Fault> {
        let at = self.at;
        let fault = |kind| Err(Fault { kind, at });
        if self.stream.is_some() && byte != b';' {
            return fault(ErrorKind::ExpectedChunk);
        }
        match byte {
            b'+' | b'-' | b':' | b'$' | b'*' | b'_' | b',' | b'#' | b'(' | b'!' | b'=' | b'%' | b'~'
            | b'|' => {}
            b'>' => {
                if self.stack.iter().any(|open| open.kind == Kind::Push) {
                    return fault(ErrorKind::NestedPush);
                }
            }
            b';' => {
                if self.stream.is_none() {
                    return fault(ErrorKind::UnexpectedChunk);
                }
            }
            b'.' => match self.stack.last() {
                Some(open) if open.streamed => {
                    if self.mark.is_some() {
                        return fault(ErrorKind::DanglingAttribute);
                    }
                    if open.kind == Kind::Map && open.count % 2 == 1 {
                        return fault(ErrorKind::OddMap);
                    }
                }
                _ => return fault(ErrorKind::UnexpectedEnd),
            },
            _ => return fault(ErrorKind::UnknownType(byte)),
        }
        self.state = State::Line(LineReader::new(byte, at));
        Ok(())
    }

    /// A finished line.
    fn line(&mut self, line: LineReader, value: Line) -> Result<Step, Fault> {
        let LineReader { kind, start, .. } = line;
        self.state = State::Value;
        match (kind, value) {
            (b'.', _) => return Ok(self.close()),
            (b';', Line::Length(len)) => return self.chunk(start, len),
            _ => {}
        }
        if kind != b'>' {
            self.element(start)?;
        }
        let scalar = match (kind, value) {
            (b'$' | b'!' | b'=', Line::Length(len)) => return self.blob(kind, start, len),
            (b'$', Line::Streamed) => return Ok(self.begin_stream(start)),
            (_, Line::Length(count)) => return self.aggregate(kind, start, Some(count)),
            (_, Line::Streamed) => return self.aggregate(kind, start, None),
            (_, Line::Text { end }) => {
                let kind = match kind {
                    b'+' => Kind::SimpleString,
                    b'-' => Kind::SimpleError,
                    _ => Kind::BigNumber,
                };
                Node::bytes(kind, start + 1, end - start - 1)
            }
            (_, Line::Integer(n)) => Node::scalar(Kind::Integer, n.cast_unsigned()),
            (_, Line::Double(n)) => Node::scalar(Kind::Double, n.to_bits()),
            (_, Line::Boolean(b)) => Node::scalar(Kind::Boolean, u64::from(b)),
            (_, Line::Null | Line::End) => Node::scalar(Kind::Null, 0),
        };
        let size = if matches!(value, Line::Text { .. }) { scalar.len() as u64 } else { 0 };
        self.mark = None;
        self.keep(start, size, scalar);
        Ok(self.complete())
    }

    /// Counts an element whose header begins at `start`.
    #[inline]
    fn element(&mut self, start: usize) -> Result<(), Fault> {
        self.elements += 1;
        if self.elements > self.limits.elements {
            return Err(Fault { kind: ErrorKind::ElementsLimit, at: start });
        }
        if let Some(open) = self.stack.last()
            && open.streamed
            && self.mark.is_none()
            && open.count >= self.limits.aggregate
        {
            return Err(Fault { kind: ErrorKind::AggregateLimit, at: start });
        }
        Ok(())
    }

    /// Puts an entry on the tape, if the frame is still kept; tells which one it is.
    #[inline]
    fn keep(&mut self, start: usize, size: u64, node: Node) -> Option<usize> {
        self.kept.bytes = self.kept.bytes.saturating_add(size).saturating_add(NODE_COST);
        if self.kept.truncated || self.kept.bytes > self.limits.skip_frames_over {
            self.discard_from(start);
            return None;
        }
        self.nodes.push(node);
        Some(self.nodes.len() - 1)
    }

    /// The frame is too large to be kept: what begins at `start` and all that follows is not wanted.
    fn discard_from(&mut self, start: usize) {
        if !self.kept.truncated {
            self.kept.truncated = true;
            self.kept.garbage = start;
        }
    }

    /// Fails if the frame has more bytes than allowed, at the header that began at `start`.
    fn check_size(&self, end: usize, start: usize) -> Result<(), Fault> {
        if (end as u64).saturating_add(self.removed) > self.limits.frame {
            return Err(Fault { kind: ErrorKind::FrameLimit, at: start });
        }
        Ok(())
    }

    fn blob(&mut self, kind: u8, start: usize, len: u64) -> Result<Step, Fault> {
        let behind = (self.at as u64).saturating_add(len).saturating_add(2);
        if behind.saturating_add(self.removed) > self.limits.frame {
            return Err(Fault { kind: ErrorKind::FrameLimit, at: start });
        }
        self.mark = None;
        if len > self.limits.skip_blobs_over {
            self.keep(start, 0, Node::scalar(Kind::Skipped, len));
            self.state = State::Skipping;
            return Ok(Step::Skip(len));
        }
        let node = match kind {
            b'$' => Kind::BulkString,
            b'!' => Kind::BlobError,
            _ => Kind::Verbatim,
        };
        // What is kept fits the address space: a blob that does not can only be skipped.
        let kept = match usize::try_from(len).ok().and_then(|len| Some((len, self.at.checked_add(len)?))) {
            Some((len, end)) => self.keep(start, len as u64, Node::bytes(node, self.at, len)).map(|_| end),
            None => None,
        };
        match kept {
            Some(end) => {
                self.state = State::Body { end, verbatim: kind == b'=' };
                Ok(Step::More)
            }
            None => {
                self.state = State::Skipping;
                Ok(Step::Skip(len))
            }
        }
    }

    fn begin_stream(&mut self, start: usize) -> Step {
        self.mark = None;
        let node = self.keep(start, 0, Node::bytes(Kind::BulkString, self.at, 0));
        self.stream = Some(Stream { node, len: 0, skipping: node.is_none().then_some(start) });
        Step::More
    }

    fn chunk(&mut self, start: usize, len: u64) -> Result<Step, Fault> {
        let Some(stream) = &mut self.stream else {
            return Err(Fault { kind: ErrorKind::UnexpectedChunk, at: start });
        };
        if len == 0 {
            return Ok(Step::Compact);
        }
        stream.len = stream.len.saturating_add(len);
        if stream.len > self.limits.blob {
            return Err(Fault { kind: ErrorKind::BlobLimit, at: start });
        }
        let behind = (self.at as u64).saturating_add(len).saturating_add(2);
        if behind.saturating_add(self.removed) > self.limits.frame {
            return Err(Fault { kind: ErrorKind::FrameLimit, at: start });
        }
        self.elements += 1;
        if self.elements > self.limits.elements {
            return Err(Fault { kind: ErrorKind::ElementsLimit, at: start });
        }
        if stream.skipping.is_none() {
            self.kept.bytes = self.kept.bytes.saturating_add(len).saturating_add(NODE_COST);
            let over = self.kept.bytes > self.limits.skip_frames_over;
            if over || stream.len > self.limits.skip_blobs_over {
                stream.skipping = Some(start);
                self.chunks = Vec::new();
            }
            if over && !self.kept.truncated {
                self.kept.truncated = true;
                self.kept.garbage = start;
            }
        }
        if stream.skipping.is_some() {
            if let Some(node) = stream.node {
                self.nodes[node] = Node::scalar(Kind::Skipped, stream.len).streamed();
            }
            self.state = State::Skipping;
            return Ok(Step::Skip(len));
        }
        // A chunk that is kept is shorter than the blob limit, and its body has to fit the address space to arrive.
        let len = usize::try_from(len).unwrap_or(usize::MAX - self.at - 2);
        self.chunks.push((self.at, len));
        self.state = State::Body { end: self.at + len, verbatim: false };
        Ok(Step::More)
    }

    /// Bytes of the buffer that are understood and not wanted, as a range that may be taken out ([`Parser::cut`]).
    pub(crate) fn garbage(&self) -> Option<(usize, usize)> {
        let from = match self.stream {
            _ if self.kept.truncated => self.kept.garbage,
            Some(Stream { skipping: Some(from), .. }) => from,
            _ => return None,
        };
        let to = match self.state {
            State::Line(line) => line.start,
            _ => self.at,
        };
        (from < to).then_some((from, to))
    }

    /// Whether an open streamed string is kept.
    pub(crate) fn keeps_stream(&self) -> bool {
        self.stream.is_some_and(|stream| stream.skipping.is_none())
    }

    fn aggregate(&mut self, kind: u8, start: usize, count: Option<u64>) -> Result<Step, Fault> {
        let (kind, each) = match kind {
            b'*' => (Kind::Array, 1),
            b'~' => (Kind::Set, 1),
            b'>' => (Kind::Push, 1),
            b'%' => (Kind::Map, 2),
            _ => (Kind::Attribute, 2),
        };
        if self.stack.len() >= self.limits.depth {
            return Err(Fault { kind: ErrorKind::DepthLimit, at: start });
        }
        let left = count.unwrap_or(0).saturating_mul(each);
        if self.elements.saturating_add(left) > self.limits.elements {
            return Err(Fault { kind: ErrorKind::ElementsLimit, at: start });
        }
        let mark = self.mark.take().unwrap_or(Mark { node: self.nodes.len(), at: start });
        if kind == Kind::Push && !self.stack.is_empty() {
            self.inner = Some(Inner { mark, depth: self.stack.len(), outer: self.kept });
            // The push is a frame of its own, kept or not for its own size.
            self.kept = Kept::default();
        }
        let node = self.keep(start, 0, Node::aggregate(kind, count.is_none()));
        let mark = (kind == Kind::Attribute).then_some(mark);
        self.stack.push(Open { kind, node, left, count: 0, streamed: count.is_none(), mark });
        if count == Some(0) { Ok(self.close()) } else { Ok(Step::More) }
    }

    /// A value is complete: its parent has one more, and may be complete by it.
    #[inline]
    fn complete(&mut self) -> Step {
        let Some(open) = self.stack.last_mut() else { return Step::Frame };
        open.count += 1;
        if open.streamed {
            return Step::More;
        }
        open.left -= 1;
        if open.left > 0 {
            return Step::More;
        }
        self.close()
    }

    /// The innermost aggregate is complete.
    #[inline]
    fn close(&mut self) -> Step {
        while let Some(open) = self.stack.pop() {
            if let Some(node) = open.node {
                let end = self.nodes.len();
                self.nodes[node].close(open.count, end);
            }
            if open.kind == Kind::Attribute {
                // It counts as no element; the value it describes comes next.
                self.mark = open.mark;
                return Step::More;
            }
            if let Some(inner) = self.inner
                && inner.depth == self.stack.len()
            {
                return Step::Push;
            }
            let Some(parent) = self.stack.last_mut() else { return Step::Frame };
            parent.count += 1;
            if parent.streamed {
                return Step::More;
            }
            parent.left -= 1;
            if parent.left > 0 {
                return Step::More;
            }
        }
        Step::Frame
    }
}

/// Whether the CRLF behind a body is there.
#[inline]
fn body_ends(buffer: &[u8], end: usize) -> Result<bool, Fault> {
    for (at, expected) in [(end, b'\r'), (end + 1, b'\n')] {
        match buffer.get(at) {
            None => return Ok(false),
            Some(&byte) if byte != expected => return Err(Fault { kind: ErrorKind::BadBlobEnd, at }),
            Some(_) => {}
        }
    }
    Ok(true)
}

/// A number of at most seven digits at `at`, and where its line ends, if all of it is there.
#[inline]
fn short_number(buffer: &[u8], at: usize) -> Option<(usize, usize)> {
    let digits = buffer.get(at..)?;
    let mut number = 0;
    for (i, &byte) in digits.iter().take(8).enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            number = number * 10 + usize::from(digit);
        } else {
            let complete = i > 0 && byte == b'\r' && digits.get(i + 1) == Some(&b'\n');
            return complete.then_some((number, at + i + 2));
        }
    }
    None
}
