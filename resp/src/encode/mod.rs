//! Frames to bytes.

mod argument;
mod buffer;
mod error;
mod value;

pub use argument::{Argument, Arguments};
pub use buffer::Buffer;
pub use error::EncodeError;

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::vec::Vec;

use crate::{Decoder, Limits};

/// Appends frames to a buffer: a `Vec<u8>`, or with the feature `bytes` a `BytesMut`.
///
/// ```
/// let mut out = Vec::new();
/// resp::Encoder::new(&mut out).command(["PUBLISH", "chat", "hello"]).command(("EXPIRE", "key", 60));
/// assert!(out.starts_with(b"*3\r\n$7\r\nPUBLISH\r\n$4\r\nchat\r\n$5\r\nhello\r\n"));
/// assert!(out.ends_with(b"*3\r\n$6\r\nEXPIRE\r\n$3\r\nkey\r\n$2\r\n60\r\n"));
/// ```
///
/// Each type of RESP has a method, for servers and for tests:
///
/// ```
/// use resp::{EncodeError, Encoder};
///
/// let mut out = Vec::new();
/// let mut encoder = Encoder::new(&mut out);
/// encoder.simple_string("OK")?.simple_error("ERR no")?.bulk_string(b"a\r\n").blob_error(b"ERR x").integer(-7);
/// encoder.double(0.5).boolean(true).big_number("123")?.verbatim_string(*b"txt", b"hi");
/// encoder.null().null_bulk_string().null_array(); // RESP3's, and the two of RESP2
/// encoder.attribute(1).bulk_string(b"ttl").integer(9).array(1).integer(1).set(1).integer(2);
/// encoder.push(1).bulk_string(b"news").map(1).bulk_string(b"key").integer(3);
/// encoder.streamed_string().chunk(b"he").chunk(b"llo").end_chunks();
/// encoder.streamed_array().integer(1).end_stream().streamed_set().end_stream();
/// encoder.streamed_map().bulk_string(b"key").integer(1).end_stream();
///
/// let mut decoder = resp::Decoder::new();
/// let (mut input, mut shown) = (&out[..], String::new());
/// while let Some(frame) = decoder.feed(&mut input).expect("valid") {
///     shown += &format!("{} ", frame.into_owned());
/// }
/// let scalars = "OK ERR no a\r\n ERR x -7 0.5 true 123 hi null null null ";
/// assert_eq!(shown, format!("{scalars}[1] [2] [news] {{key: 3}} hello [1] [] {{key: 1}} "));
/// # Ok::<(), EncodeError>(())
/// ```
///
/// An aggregate is written as its header, followed by its values. [`frame`](Self::frame) checks their number:
///
/// ```
/// use resp::{EncodeError, Encoder};
///
/// let mut out = Vec::new();
/// Encoder::new(&mut out).map(1).simple_string("server")?.bulk_string(b"redis");
/// assert_eq!(out, b"%1\r\n+server\r\n$5\r\nredis\r\n");
///
/// let written = out.len();
/// let mut encoder = Encoder::new(&mut out);
/// let result = encoder.frame(|encoder| {
///     encoder.array(2).integer(1);
///     Ok(())
/// });
/// assert_eq!(result.err(), Some(EncodeError::WrongCount));
/// assert_eq!(out.len(), written);
/// # Ok::<(), EncodeError>(())
/// ```
#[derive(Debug)]
pub struct Encoder<'a, B: Buffer = Vec<u8>> {
    out: &'a mut B,
}

impl<'a, B: Buffer> Encoder<'a, B> {
    /// An encoder that appends to `out`.
    pub fn new(out: &'a mut B) -> Self {
        Self { out }
    }

    /// A command, an array of bulk strings: of an array, a slice or a `Vec` of arguments of one type, or of a tuple of
    /// different ones.
    ///
    /// ```
    /// let mut out = Vec::new();
    /// resp::Encoder::new(&mut out).command(("SET", "key", &b"\xff\x00"[..], "PX", 1500));
    /// assert_eq!(out, b"*5\r\n$3\r\nSET\r\n$3\r\nkey\r\n$2\r\n\xff\x00\r\n$2\r\nPX\r\n$4\r\n1500\r\n");
    /// ```
    #[inline]
    pub fn command(&mut self, arguments: impl Arguments) -> &mut Self {
        arguments.write(self);
        self
    }

    /// A command with name and arguments from an iterator.
    ///
    /// If the iterator's size hint is inexact or wrong, the bytes of the arguments are copied once more.
    ///
    /// ```
    /// let names = ["a", "", "b"];
    /// let mut out = Vec::new();
    /// resp::Encoder::new(&mut out).command_from(["DEL"].into_iter().chain(names.into_iter().filter(|name| !name.is_empty())));
    /// assert_eq!(out, b"*3\r\n$3\r\nDEL\r\n$1\r\na\r\n$1\r\nb\r\n");
    /// ```
    #[inline]
    pub fn command_from<I>(&mut self, arguments: I) -> &mut Self
    where
        I: IntoIterator,
        I::Item: Argument,
    {
        let arguments = arguments.into_iter();
        let start = self.out.bytes().len();
        let announced = arguments.size_hint().0;
        self.array(announced);
        let header = self.out.bytes().len() - start;
        let mut count = 0;
        for argument in arguments {
            self.bulk_string(argument.as_argument().as_ref());
            count += 1;
        }
        if count != announced {
            self.announce(start, header, count);
        }
        self
    }

    /// Replaces the header of the array at `start`, which has `header` bytes.
    #[cold]
    fn announce(&mut self, start: usize, header: usize, count: usize) {
        let arguments = self.out.bytes()[start + header..].to_vec();
        self.out.truncate(start);
        self.array(count);
        self.out.append(&arguments);
    }

    /// One whole frame. The output of `write` is read again: if it is not exactly one frame, it is removed.
    ///
    /// ```
    /// let mut out = Vec::new();
    /// resp::Encoder::new(&mut out).frame(|encoder| {
    ///     encoder.array(2).integer(1).bulk_string(b"two");
    ///     Ok(())
    /// })?;
    /// assert_eq!(out, b"*2\r\n:1\r\n$3\r\ntwo\r\n");
    /// # Ok::<(), resp::EncodeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`EncodeError::WrongCount`]: `write` has written less or more than one frame. Also any error of
    /// `write`. In both cases nothing stays in the output.
    pub fn frame(
        &mut self,
        write: impl FnOnce(&mut Encoder<'_, B>) -> Result<(), EncodeError>,
    ) -> Result<&mut Self, EncodeError> {
        let start = self.out.bytes().len();
        let written = write(&mut Encoder { out: &mut *self.out });
        if let Err(error) = written.and_then(|()| one_frame(&self.out.bytes()[start..])) {
            self.out.truncate(start);
            return Err(error);
        }
        Ok(self)
    }

    /// `+text`
    ///
    /// # Errors
    ///
    /// [`EncodeError::LineBreak`]: the text has a CR or LF.
    pub fn simple_string(&mut self, text: impl AsRef<[u8]>) -> Result<&mut Self, EncodeError> {
        self.line(b'+', text.as_ref())
    }

    /// `-text`
    ///
    /// # Errors
    ///
    /// [`EncodeError::LineBreak`]: the text has a CR or LF.
    pub fn simple_error(&mut self, text: impl AsRef<[u8]>) -> Result<&mut Self, EncodeError> {
        self.line(b'-', text.as_ref())
    }

    /// `:number`
    pub fn integer(&mut self, number: i64) -> &mut Self {
        let digits = number.unsigned_abs();
        if number < 0 {
            self.out.append(b":");
            self.header(b'-', digits)
        } else {
            self.header(b':', digits)
        }
    }

    /// `$length`, bytes
    #[inline]
    pub fn bulk_string(&mut self, bytes: &[u8]) -> &mut Self {
        self.blob(b'$', bytes)
    }

    /// `!length`, bytes
    pub fn blob_error(&mut self, bytes: &[u8]) -> &mut Self {
        self.blob(b'!', bytes)
    }

    /// `=length`, format, colon, bytes
    pub fn verbatim_string(&mut self, format: [u8; 3], text: &[u8]) -> &mut Self {
        self.header(b'=', (text.len() + format.len() + 1) as u64);
        self.out.append(&format);
        self.out.append(b":");
        self.out.append(text);
        self.end()
    }

    /// `,number`, as the shortest text that reads back the same
    pub fn double(&mut self, number: f64) -> &mut Self {
        self.out.append(b",");
        let text = if number.is_nan() { "nan".to_owned() } else { format!("{number:?}") };
        self.out.append(text.as_bytes());
        self.end()
    }

    /// `#t` or `#f`
    pub fn boolean(&mut self, boolean: bool) -> &mut Self {
        self.out.append(if boolean { b"#t\r\n" } else { b"#f\r\n" });
        self
    }

    /// `(number`, any number of digits
    ///
    /// # Errors
    ///
    /// [`EncodeError::NotANumber`]: `digits` has other characters than an optional sign and digits.
    pub fn big_number(&mut self, digits: impl AsRef<[u8]>) -> Result<&mut Self, EncodeError> {
        let digits = digits.as_ref();
        let sign = usize::from(matches!(digits.first(), Some(b'+' | b'-')));
        let wrong = digits[sign..].iter().position(|byte| !byte.is_ascii_digit());
        if wrong.is_some() || digits.len() == sign {
            return Err(EncodeError::NotANumber { at: sign + wrong.unwrap_or(0) });
        }
        self.line(b'(', digits)
    }

    /// `_`, RESP3's null
    pub fn null(&mut self) -> &mut Self {
        self.out.append(b"_\r\n");
        self
    }

    /// `$-1`, RESP2's null in place of a string
    pub fn null_bulk_string(&mut self) -> &mut Self {
        self.out.append(b"$-1\r\n");
        self
    }

    /// `*-1`, RESP2's null in place of an array
    pub fn null_array(&mut self) -> &mut Self {
        self.out.append(b"*-1\r\n");
        self
    }

    /// `*count`; as many values follow.
    pub fn array(&mut self, count: usize) -> &mut Self {
        self.header(b'*', count as u64)
    }

    /// `~count`; as many values follow.
    pub fn set(&mut self, count: usize) -> &mut Self {
        self.header(b'~', count as u64)
    }

    /// `>count`; as many values follow.
    pub fn push(&mut self, count: usize) -> &mut Self {
        self.header(b'>', count as u64)
    }

    /// `%count`; as many pairs follow.
    pub fn map(&mut self, count: usize) -> &mut Self {
        self.header(b'%', count as u64)
    }

    /// `|count`; as many pairs follow, then the value that they describe.
    pub fn attribute(&mut self, count: usize) -> &mut Self {
        self.header(b'|', count as u64)
    }

    /// `$?`; chunks follow, then [`Encoder::end_chunks`].
    pub fn streamed_string(&mut self) -> &mut Self {
        self.out.append(b"$?\r\n");
        self
    }

    /// A piece of a streamed string. An empty one would end the string, so it is left out.
    pub fn chunk(&mut self, bytes: &[u8]) -> &mut Self {
        if bytes.is_empty() { self } else { self.blob(b';', bytes) }
    }

    /// Ends a streamed string.
    pub fn end_chunks(&mut self) -> &mut Self {
        self.out.append(b";0\r\n");
        self
    }

    /// `*?`; values follow, then [`Encoder::end_stream`].
    pub fn streamed_array(&mut self) -> &mut Self {
        self.out.append(b"*?\r\n");
        self
    }

    /// `~?`; values follow, then [`Encoder::end_stream`].
    pub fn streamed_set(&mut self) -> &mut Self {
        self.out.append(b"~?\r\n");
        self
    }

    /// `%?`; pairs follow, then [`Encoder::end_stream`].
    pub fn streamed_map(&mut self) -> &mut Self {
        self.out.append(b"%?\r\n");
        self
    }

    /// Ends a streamed aggregate.
    pub fn end_stream(&mut self) -> &mut Self {
        self.out.append(b".\r\n");
        self
    }

    fn line(&mut self, kind: u8, text: &[u8]) -> Result<&mut Self, EncodeError> {
        if let Some(at) = memchr::memchr2(b'\r', b'\n', text) {
            return Err(EncodeError::LineBreak { at });
        }
        self.out.append(&[kind]);
        self.out.append(text);
        Ok(self.end())
    }

    #[inline]
    fn blob(&mut self, kind: u8, bytes: &[u8]) -> &mut Self {
        self.header(kind, bytes.len() as u64);
        self.out.append(bytes);
        self.end()
    }

    /// The kind, the number in decimal digits, and the end of the line. Written in one piece and without the
    /// formatting machinery, because each argument of each command has one.
    #[inline]
    fn header(&mut self, kind: u8, mut number: u64) -> &mut Self {
        let mut header = *b"\0--------------------\r\n";
        let mut at = header.len() - b"\r\n".len();
        loop {
            at -= 1;
            // A remainder of ten fits a byte.
            header[at] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        at -= 1;
        header[at] = kind;
        self.out.append(&header[at..]);
        self
    }

    #[inline]
    fn end(&mut self) -> &mut Self {
        self.out.append(b"\r\n");
        self
    }
}

/// Whether these bytes are one whole frame.
fn one_frame(mut bytes: &[u8]) -> Result<(), EncodeError> {
    let all = u64::MAX;
    let limits =
        Limits::new().with_aggregate(all).with_elements(all).with_blob(all).with_line(all).with_frame(all);
    let mut decoder = Decoder::with_limits(limits.with_depth(usize::MAX));
    match decoder.feed(&mut bytes) {
        Ok(Some(_)) if bytes.is_empty() => Ok(()),
        _ => Err(EncodeError::WrongCount),
    }
}
