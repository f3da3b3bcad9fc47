//! Frames to bytes.

/// What cannot be written without breaking the frame it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// A simple string or simple error with CR or LF in it.
    #[error(
        "a simple string or error must not contain CR or LF (byte {at}); use a bulk string or blob error"
    )]
    LineBreak {
        /// Position of the offending byte.
        at: usize,
    },
    /// A big number with something other than an optional sign and digits.
    #[error("a big number must be an optional sign and digits (byte {at})")]
    NotANumber {
        /// Position of the offending byte.
        at: usize,
    },
}

/// Appends frames to a buffer.
///
/// ```
/// let mut out = Vec::new();
/// resp::Encoder::new(&mut out).command([&b"PUBLISH"[..], b"chat", b"hello"]);
/// assert_eq!(out, b"*3\r\n$7\r\nPUBLISH\r\n$4\r\nchat\r\n$5\r\nhello\r\n");
/// ```
///
/// Aggregates are written as their header, followed by as many values as it says:
///
/// ```
/// let mut out = Vec::new();
/// resp::Encoder::new(&mut out).map(1).simple_string("server")?.bulk_string(b"redis");
/// assert_eq!(out, b"%1\r\n+server\r\n$5\r\nredis\r\n");
/// # Ok::<(), resp::EncodeError>(())
/// ```
#[derive(Debug)]
pub struct Encoder<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Encoder<'a> {
    /// An encoder that appends to `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    /// A command: an array of bulk strings.
    pub fn command<I>(&mut self, args: I) -> &mut Self
    where
        I: IntoIterator<IntoIter: ExactSizeIterator>,
        I::Item: AsRef<[u8]>,
    {
        let args = args.into_iter();
        self.array(args.len());
        for arg in args {
            self.bulk_string(arg.as_ref());
        }
        self
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
            self.out.push(b':');
            self.header(b'-', digits)
        } else {
            self.header(b':', digits)
        }
    }

    /// `$length`, bytes
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
        self.out.extend_from_slice(&format);
        self.out.push(b':');
        self.out.extend_from_slice(text);
        self.end()
    }

    /// `,number`, as the shortest text that reads back the same
    pub fn double(&mut self, number: f64) -> &mut Self {
        self.out.push(b',');
        let text = if number.is_nan() { "nan".to_owned() } else { format!("{number:?}") };
        self.out.extend_from_slice(text.as_bytes());
        self.end()
    }

    /// `#t` or `#f`
    pub fn boolean(&mut self, boolean: bool) -> &mut Self {
        self.out.extend_from_slice(if boolean { b"#t\r\n" } else { b"#f\r\n" });
        self
    }

    /// `(number`, any number of digits
    ///
    /// # Errors
    ///
    /// [`EncodeError::NotANumber`]: `digits` has something other than an optional sign and digits.
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
        self.out.extend_from_slice(b"_\r\n");
        self
    }

    /// `$-1`, RESP2's null in place of a string
    pub fn null_bulk_string(&mut self) -> &mut Self {
        self.out.extend_from_slice(b"$-1\r\n");
        self
    }

    /// `*-1`, RESP2's null in place of an array
    pub fn null_array(&mut self) -> &mut Self {
        self.out.extend_from_slice(b"*-1\r\n");
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
        self.out.extend_from_slice(b"$?\r\n");
        self
    }

    /// A piece of a streamed string. An empty one would end the string, so it is left out.
    pub fn chunk(&mut self, bytes: &[u8]) -> &mut Self {
        if bytes.is_empty() { self } else { self.blob(b';', bytes) }
    }

    /// Ends a streamed string.
    pub fn end_chunks(&mut self) -> &mut Self {
        self.out.extend_from_slice(b";0\r\n");
        self
    }

    /// `*?`; values follow, then [`Encoder::end_stream`].
    pub fn streamed_array(&mut self) -> &mut Self {
        self.out.extend_from_slice(b"*?\r\n");
        self
    }

    /// `~?`; values follow, then [`Encoder::end_stream`].
    pub fn streamed_set(&mut self) -> &mut Self {
        self.out.extend_from_slice(b"~?\r\n");
        self
    }

    /// `%?`; pairs follow, then [`Encoder::end_stream`].
    pub fn streamed_map(&mut self) -> &mut Self {
        self.out.extend_from_slice(b"%?\r\n");
        self
    }

    /// Ends a streamed aggregate.
    pub fn end_stream(&mut self) -> &mut Self {
        self.out.extend_from_slice(b".\r\n");
        self
    }

    fn line(&mut self, kind: u8, text: &[u8]) -> Result<&mut Self, EncodeError> {
        if let Some(at) = memchr::memchr2(b'\r', b'\n', text) {
            return Err(EncodeError::LineBreak { at });
        }
        self.out.push(kind);
        self.out.extend_from_slice(text);
        Ok(self.end())
    }

    #[inline]
    fn blob(&mut self, kind: u8, bytes: &[u8]) -> &mut Self {
        self.header(kind, bytes.len() as u64);
        self.out.extend_from_slice(bytes);
        self.end()
    }

    /// The kind, the number in decimal digits, and the end of the line. In one piece and without the formatting machinery,
    /// because one is written for every argument of every command.
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
        self.out.extend_from_slice(&header[at..]);
        self
    }

    #[inline]
    fn end(&mut self) -> &mut Self {
        self.out.extend_from_slice(b"\r\n");
        self
    }
}
