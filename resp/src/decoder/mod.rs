//! The decoder: its public interface, and the loop that feeds input to the fast path and to the state machine.
//!
//! A frame is its bytes and a tape. The tape has a node for each value, in the order of the wire. A node has its
//! kind, its number of elements or bytes, the position of its text among the frame's bytes, and its span: the number
//! of nodes of the value and everything inside it. So the next sibling is one addition away, and there are no
//! pointers.
//!
//! ```text
//! bytes   % 1 ␍␊ + n a m e ␍␊ * 2 ␍␊ : 7 ␍␊ $ 3 ␍␊ b o b ␍␊
//!                  ▲                               ▲
//!                  └──────────┐                    └──────────────────┐
//! tape    ┌───────────┬───────┴─────────┬───────────┬───────────┬─────┴──────────┐
//!         │ Map 1     │ SimpleString 4  │ Array 2   │ Integer 7 │ BulkString 3   │
//!         │ span 5    │ span 1          │ span 3    │ span 1    │ span 1         │
//!         └───────────┴─────────────────┴───────────┴───────────┴────────────────┘
//! ```
//!
//! The bytes are the input's, as long as the frame lies in one input: nothing is copied. If the frame continues in
//! the next input, its part in this one is copied to the carry, once, and later input is appended. Positions on the
//! tape are relative to the frame's own bytes, so they stay valid.
//!
//! ```text
//! input 1   ─ frame ─┬─ frame ─┬─ beginning of a frame ─┐
//!           borrowed │borrowed │                        └──► carry: beginning
//! input 2   ─ rest of it ─┬─ frame ─┬─ …                     carry: beginning, rest of it ──► the frame borrows the carry
//!                         │borrowed │                        carry: empty, its memory kept
//! ```
//!
//! A frame that begins like an earlier one reuses that frame's tape (`shape`).
//!
//! Bytes that are not kept never get into the carry: bodies of skipped blobs, headers of the chunks of
//! streamed strings, everything after the place at which a frame is truncated. A push in the middle of a
//! reply has its own tape and carry (`reply`), while those of the reply wait (`outer`).

mod blob;
mod carry;
mod digits;
mod fast;
mod line;
mod machine;
mod number;
mod reply;
mod shape;

use crate::tape::{Kind, Node};
use crate::{DecodeError, Frame, Limits};
use machine::{State, Streamed, Token};
use number::Double;
use reply::Reply;
use shape::Shape;

/// A resumable RESP2 and RESP3 decoder.
///
/// It takes all of its input, cut anywhere. A frame that lies wholly inside one input is borrowed from it; the
/// beginning of a frame that continues in later input is copied to the decoder, once. Once its buffers are warm, it
/// allocates nothing; memory of a large frame is freed.
///
/// ```
/// use resp::{Decoder, Value};
///
/// let mut decoder = Decoder::new();
/// let mut seen = Vec::new();
/// for mut input in [&b"+OK\r\n$5\r\nhe"[..], &b"llo\r\n:"[..], &b"42\r\n"[..]] {
///     while let Some(frame) = decoder.feed(&mut input)? {
///         seen.push(format!("{:?}", frame.value()));
///     }
/// }
/// assert_eq!(seen, [r#"SimpleString("OK")"#, r#"BulkString("hello")"#, "Integer(42)"]);
/// # Ok::<(), resp::DecodeError>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    fast: fast::Bounds,
    shape: Shape,
    /// The tape of a frame that is one plain value. Clearing and filling the vector would take 40 instructions more.
    single: Node,
    state: State,
    token: Token,
    streamed: Streamed,
    double: Double,
    /// The frame being read.
    reply: Reply,
    /// The reply that a push in its middle interrupts, if `interrupted`; otherwise spare buffers.
    outer: Reply,
    interrupted: bool,
    phase: Phase,
    /// Bytes taken.
    offset: u64,
    failed: Option<DecodeError>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No frame is begun, and `reply` is as new, except for nodes and for buffers of ordinary size.
    Between,
    /// A frame is begun, or may be.
    Within,
    /// The frame in `reply` was handed out. It ends with the next call.
    Delivered,
}

/// One call's input, and the position in it.
struct Cursor<'i> {
    input: &'i [u8],
    pos: usize,
    /// Where the part of the input begins that belongs to the frame's text and is not in its carry yet.
    kept_from: usize,
    /// Where the frame's part of the input begins.
    frame_from: usize,
}

/// How a call ended.
enum Progress {
    /// All input is taken and the frame, if any, is incomplete.
    More,
    /// A frame ends at `end`; its bytes are the input's from `start` on.
    InInput { start: usize, end: usize },
    /// A frame ends at `end`; its bytes are in the carry: all of them, or all except those that were not kept.
    InCarry { end: usize, whole: bool },
}

impl Decoder {
    /// A decoder with the default [`Limits`], which skips nothing.
    pub fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    /// A decoder with limits of your own.
    pub fn with_limits(limits: Limits) -> Self {
        Self {
            limits,
            fast: fast::Bounds::new(&limits),
            shape: Shape::new(),
            single: Node::scalar(Kind::Null, 0),
            state: State::Value,
            token: Token::default(),
            streamed: Streamed::default(),
            double: Double::default(),
            reply: Reply::new(),
            outer: Reply::new(),
            interrupted: false,
            phase: Phase::Between,
            offset: 0,
            failed: None,
        }
    }

    /// Takes input up to the end of the next frame, and advances `input` past it.
    ///
    /// With a frame, there may be more in the rest of `input`. With `None`, all of it was taken: the decoder keeps
    /// the bytes that it needs of an unfinished frame, and expects only the bytes that follow. (With httparse, and
    /// with a decoder of tokio-util, the caller keeps the bytes of an unfinished frame.) So one loop takes it all:
    ///
    /// ```
    /// # let mut decoder = resp::Decoder::new();
    /// # let bytes = b":1\r\n:2\r\n";
    /// let mut input: &[u8] = bytes;
    /// while let Some(frame) = decoder.feed(&mut input)? {
    ///     println!("{frame:?}");
    /// }
    /// # Ok::<(), resp::DecodeError>(())
    /// ```
    ///
    /// A push in the middle of another reply comes out first, as a frame of its own.
    ///
    /// The frame borrows the decoder until the next call. A function cannot return it out of such a loop, because the
    /// compiler considers the decoder borrowed in the other iterations, too:
    ///
    /// ```compile_fail,E0499
    /// # use resp::{Decoder, Frame};
    /// fn next<'a>(decoder: &'a mut Decoder, mut read: impl FnMut() -> &'a [u8]) -> Frame<'a> {
    ///     loop {
    ///         let mut input = read();
    ///         if let Ok(Some(frame)) = decoder.feed(&mut input) {
    ///             return frame;
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// Return [an owned copy](Frame::into_owned), or take a function that is called with each frame:
    ///
    /// ```
    /// # use resp::{Decoder, OwnedValue};
    /// fn next<'a>(decoder: &mut Decoder, mut read: impl FnMut() -> &'a [u8]) -> OwnedValue {
    ///     loop {
    ///         let mut input = read();
    ///         if let Ok(Some(frame)) = decoder.feed(&mut input) {
    ///             return frame.into_owned();
    ///         }
    ///     }
    /// }
    /// # assert_eq!(next(&mut Decoder::new(), || b":1\r\n"), OwnedValue::Integer(1));
    /// ```
    ///
    /// # Errors
    ///
    /// As soon as the bytes read can't be the beginning of valid input within the limits. `input` is then left as it
    /// was, and every further call returns the same error until [`reset`](Self::reset).
    #[inline(always)]
    pub fn feed<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Result<Option<Frame<'s>>, DecodeError> {
        let all = *input;
        if self.phase == Phase::Delivered {
            self.next_frame();
        }
        let mut from = 0;
        if self.phase == Phase::Between {
            if self.shape.fits(all) {
                if let Some(end) = self.shape.read(all, &self.fast) {
                    self.offset += end as u64;
                    *input = &all[end..];
                    return Ok(Some(Frame::new(&all[..end], self.shape.nodes(), false, true)));
                }
            }
            if fast::is_single(all) {
                if let Some(end) = self.single_frame(all) {
                    *input = &all[end..];
                    let nodes = core::slice::from_ref(&self.single);
                    return Ok(Some(Frame::new(&all[..end], nodes, false, true)));
                }
            }
            match self.flat_frame(all) {
                Ok(end) => {
                    *input = &all[end..];
                    return Ok(Some(Frame::new(&all[..end], &self.reply.nodes, false, true)));
                }
                Err(end) => from = end,
            }
        }
        let (bytes, end, whole): (&[u8], usize, bool) = match self.run(all, from)? {
            Progress::InInput { start, end } => (&all[start..end], end, true),
            Progress::InCarry { end, whole } => (&self.reply.carry, end, whole),
            Progress::More => {
                *input = &[];
                return Ok(None);
            }
        };
        *input = &all[end..];
        Ok(Some(Frame::new(bytes, &self.reply.nodes, self.reply.truncated, whole)))
    }

    /// Where the incomplete frame began, attributes included; `None` between frames. While a push interrupts
    /// a reply, this is where the reply began.
    pub fn frame_start(&self) -> Option<u64> {
        if self.interrupted {
            Some(self.outer.start)
        } else if self.phase == Phase::Within && self.offset > self.reply.start {
            Some(self.reply.start)
        } else {
            None
        }
    }

    /// Bytes taken since the decoder was made or reset.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Bytes that the decoder holds for unfinished frames.
    pub fn buffered(&self) -> usize {
        let outer = if self.interrupted { self.outer.carry.len() } else { 0 };
        let own = if self.phase == Phase::Delivered { 0 } else { self.reply.carry.len() };
        outer + own
    }

    /// The limits in force.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Sets other limits, for everything read from now on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
        self.fast = fast::Bounds::new(&limits);
        self.shape = Shape::new();
    }

    /// Forgets everything read, errors included, for a new stream. Hard and soft limits stay.
    pub fn reset(&mut self) {
        self.reply.release();
        self.outer.release();
        self.shape = Shape::new();
        self.reply.restart(0);
        self.outer.restart(0);
        self.state = State::Value;
        self.interrupted = false;
        self.phase = Phase::Between;
        self.offset = 0;
        self.failed = None;
    }

    /// Continues in `input` at `from`.
    #[inline(never)]
    fn run(&mut self, input: &[u8], from: usize) -> Result<Progress, DecodeError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        // The call that ends a loop over the frames of an input. The next input can begin on the fast paths.
        if input.is_empty() && self.phase == Phase::Between {
            return Ok(Progress::More);
        }
        self.phase = Phase::Within;
        let mut cursor = Cursor { input, pos: from, kept_from: 0, frame_from: 0 };
        match self.advance(&mut cursor) {
            Ok(true) => Ok(self.deliver(&cursor)),
            Ok(false) => {
                self.put_by(&cursor);
                Ok(Progress::More)
            }
            Err(error) => {
                self.failed = Some(error);
                Err(error)
            }
        }
    }

    /// Prepares for the frame after the one that was handed out.
    #[inline(never)]
    fn next_frame(&mut self) {
        self.reply.restart(self.offset);
        self.phase = if self.reply.is_large() { Phase::Within } else { Phase::Between };
        if self.interrupted {
            core::mem::swap(&mut self.reply, &mut self.outer);
            // It may be long until the next push interrupts a reply.
            self.outer.release();
            self.interrupted = false;
            self.phase = Phase::Within;
        }
    }

    /// Reads until the frame is complete (true) or the input ends (false).
    #[inline]
    fn advance(&mut self, cursor: &mut Cursor<'_>) -> Result<bool, DecodeError> {
        loop {
            if matches!(self.state, State::Value) && self.fast_values(cursor) {
                return Ok(true);
            }
            if cursor.pos == cursor.input.len() {
                return Ok(false);
            }
            if self.step_within(cursor)? {
                return Ok(true);
            }
        }
    }

    /// Bytes of the frame that were read.
    #[inline]
    fn wire(&self, cursor: &Cursor<'_>) -> u64 {
        self.reply.wire + (cursor.pos - cursor.frame_from) as u64
    }

    #[inline]
    fn offset_at(&self, cursor: &Cursor<'_>) -> u64 {
        self.offset + cursor.pos as u64
    }

    #[inline]
    fn deliver(&mut self, cursor: &Cursor<'_>) -> Progress {
        self.phase = Phase::Delivered;
        self.offset += cursor.pos as u64;
        let end = cursor.pos;
        if self.reply.truncated {
            Progress::InCarry { end, whole: false }
        } else if self.reply.carry.is_empty() {
            Progress::InInput { start: cursor.kept_from, end }
        } else {
            self.reply.keep(&cursor.input[cursor.kept_from..end], self.limits.skip_frames_over);
            Progress::InCarry { end, whole: self.reply.carry.len() as u64 == self.wire(cursor) }
        }
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}
