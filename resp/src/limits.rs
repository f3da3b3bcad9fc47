//! How much a peer may make us hold.

/// Bounds on what a [`Decoder`](crate::Decoder) accepts, and on what it keeps.
///
/// The first six are hard: input beyond them is an error. The last two are soft: what is larger streams by without being
/// kept, and the stream goes on behind it.
///
/// ```
/// use resp::{Decoder, Limits};
///
/// let decoder = Decoder::with_limits(Limits { depth: 8, blob: 64 * 1024, ..Limits::default() });
/// # let _ = decoder;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Aggregates inside each other. Default 128.
    pub depth: usize,
    /// Elements in one aggregate; a map's pair counts as two. Default 16 Mi.
    pub aggregate: u64,
    /// Values in one frame altogether; those in attributes count, and each attribute counts as one more. Default 32 Mi.
    pub elements: u64,
    /// Bytes in one blob; also all chunks of a streamed one together. Default 512 MiB.
    pub blob: u64,
    /// Bytes in one line, between its type byte and its CRLF. Default 1 MiB.
    pub line: u64,
    /// Bytes in one frame altogether. Default 1 GiB.
    pub frame: u64,
    /// A blob longer than this many bytes is not kept: it appears as [`Value::Skipped`](crate::Value::Skipped). Default:
    /// none is skipped.
    pub skip_blobs_over: u64,
    /// A frame is kept no further once its bytes, skipped blobs apart, or the 24 bytes of bookkeeping for each of its
    /// values come to more than this many: it is delivered [truncated](crate::Frame::is_truncated). Its outermost value
    /// is there in any case; attributes whose value was not kept are not. Default: none is.
    pub skip_frames_over: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 128,
            aggregate: 16 << 20,
            elements: 32 << 20,
            blob: 512 << 20,
            line: 1 << 20,
            frame: 1 << 30,
            skip_blobs_over: u64::MAX,
            skip_frames_over: u64::MAX,
        }
    }
}
