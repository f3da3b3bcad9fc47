//! Limits on the memory that a peer can make us use.

/// Bounds on what a [`Decoder`](crate::Decoder) accepts, and on what it keeps.
///
/// The first six are hard: input beyond them is an error. The last four are soft: larger values are skipped, and
/// decoding continues after them. A soft limit has an effect only if it is lower than the corresponding hard limit.
///
/// ```
/// use resp::{Decoder, Limits};
///
/// let mut limits = Limits::new().with_depth(8).with_aggregate(1000).with_elements(10_000).with_blob(64 << 10).with_line(1000);
/// limits = limits.with_frame(1 << 20).with_skip_blobs_over(4000).with_skip_lines_over(100).with_skip_depth_over(4);
/// limits = limits.with_skip_frames_over(64 << 10);
/// limits.depth = 9;
/// let decoder = Decoder::with_limits(limits);
/// assert_eq!(decoder.limits(), &limits);
/// let Limits { depth, aggregate, elements, blob, line, frame, .. } = limits;
/// assert_eq!((depth, aggregate, elements, blob, line, frame), (9, 1000, 10_000, 64 << 10, 1000, 1 << 20));
/// let Limits { skip_blobs_over, skip_lines_over, skip_depth_over, skip_frames_over, .. } = limits;
/// assert_eq!((skip_blobs_over, skip_lines_over, skip_depth_over, skip_frames_over), (4000, 100, 4, 64 << 10));
/// ```
///
/// The fields can be read and assigned. There may be more of them in a later version, so a value is made by
/// [`Limits::new`] and the methods that begin with `with_`, not by a struct expression.
///
/// A client of real servers also needs soft limits on lines and on depth, because a script on the server can answer
/// with either: `EVAL "return redis.status_reply(string.rep('s', 2000000))" 0` is a line of 2 MB, and a script may
/// nest lists as deep as it likes.
///
/// ```
/// use resp::{Decoder, Limits};
///
/// let limits =
///     Limits::new().with_line(512 << 20).with_skip_lines_over(1 << 20).with_depth(64 << 10).with_skip_depth_over(128);
/// let mut decoder = Decoder::with_limits(limits);
/// let mut input = b"*1\r\n".repeat(200);
/// input.extend_from_slice(b":1\r\n+next\r\n");
/// let mut input = &input[..];
/// assert!(decoder.feed(&mut input)?.is_some_and(|frame| frame.is_truncated()));
/// assert!(decoder.feed(&mut input)?.is_some_and(|frame| frame.value().as_bytes() == Some(b"next")));
/// # Ok::<(), resp::DecodeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Levels of nested aggregates and attributes. Default 128.
    pub depth: usize,
    /// Elements in one aggregate; a map's pair counts as two. Default 16 Mi.
    pub aggregate: u64,
    /// Values in one frame in total; those in attributes count, and each attribute counts as one more. Default 32 Mi.
    /// More than 4,294,967,293 are never accepted, because a frame's values are indexed with 32 bits.
    pub elements: u64,
    /// Bytes in one blob; also all chunks of a streamed one in total. Default 512 MiB.
    pub blob: u64,
    /// Bytes in one line, between its type byte and its CRLF. Default 1 MiB.
    pub line: u64,
    /// Bytes in one frame in total. Default 1 GiB.
    pub frame: u64,
    /// A blob longer than this many bytes is not kept: it appears as [`Value::Skipped`](crate::Value::Skipped). Default:
    /// none is skipped.
    pub skip_blobs_over: u64,
    /// A status or a big number longer than this many bytes is not kept: it appears as
    /// [`Value::Skipped`](crate::Value::Skipped). An error longer than this is cut to this many bytes: it appears as
    /// [`Value::TruncatedError`](crate::Value::TruncatedError). Other lines are numbers and lengths, for which only
    /// [`line`](Self::line) counts. Default: none is skipped.
    pub skip_lines_over: u64,
    /// A frame with more nested aggregates than this is not kept from that point on: it is delivered
    /// [truncated](crate::Frame::is_truncated), with at most this many levels. Default: no limit.
    pub skip_depth_over: usize,
    /// Once the bytes of a frame (skipped blobs and lines not counted), or 24 bytes of bookkeeping for each of
    /// its values, exceed this many, the rest of it is not kept: it is delivered
    /// [truncated](crate::Frame::is_truncated). Its outermost value is always there, though a blob or a line
    /// may appear as [`Value::Skipped`](crate::Value::Skipped). Attributes whose value was not kept are
    /// missing. Default: no limit.
    pub skip_frames_over: u64,
}

impl Limits {
    /// The defaults, which skip nothing.
    pub const fn new() -> Self {
        Self {
            depth: 128,
            aggregate: 16 << 20,
            elements: 32 << 20,
            blob: 512 << 20,
            line: 1 << 20,
            frame: 1 << 30,
            skip_blobs_over: u64::MAX,
            skip_lines_over: u64::MAX,
            skip_depth_over: usize::MAX,
            skip_frames_over: u64::MAX,
        }
    }

    /// With [`depth`](Self::depth) set to this many levels.
    #[must_use]
    pub const fn with_depth(mut self, levels: usize) -> Self {
        self.depth = levels;
        self
    }

    /// With [`aggregate`](Self::aggregate) set to this many elements.
    #[must_use]
    pub const fn with_aggregate(mut self, elements: u64) -> Self {
        self.aggregate = elements;
        self
    }

    /// With [`elements`](Self::elements) set to this many elements.
    #[must_use]
    pub const fn with_elements(mut self, elements: u64) -> Self {
        self.elements = elements;
        self
    }

    /// With [`blob`](Self::blob) set to this many bytes.
    #[must_use]
    pub const fn with_blob(mut self, bytes: u64) -> Self {
        self.blob = bytes;
        self
    }

    /// With [`line`](Self::line) set to this many bytes.
    #[must_use]
    pub const fn with_line(mut self, bytes: u64) -> Self {
        self.line = bytes;
        self
    }

    /// With [`frame`](Self::frame) set to this many bytes.
    #[must_use]
    pub const fn with_frame(mut self, bytes: u64) -> Self {
        self.frame = bytes;
        self
    }

    /// With [`skip_blobs_over`](Self::skip_blobs_over) set to this many bytes.
    #[must_use]
    pub const fn with_skip_blobs_over(mut self, bytes: u64) -> Self {
        self.skip_blobs_over = bytes;
        self
    }

    /// With [`skip_lines_over`](Self::skip_lines_over) set to this many bytes.
    #[must_use]
    pub const fn with_skip_lines_over(mut self, bytes: u64) -> Self {
        self.skip_lines_over = bytes;
        self
    }

    /// With [`skip_depth_over`](Self::skip_depth_over) set to this many levels.
    #[must_use]
    pub const fn with_skip_depth_over(mut self, levels: usize) -> Self {
        self.skip_depth_over = levels;
        self
    }

    /// With [`skip_frames_over`](Self::skip_frames_over) set to this many bytes.
    #[must_use]
    pub const fn with_skip_frames_over(mut self, bytes: u64) -> Self {
        self.skip_frames_over = bytes;
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}
