//! Writes values as text.

use super::refusal::Refusal;
use super::string::push_escaped;
use super::{Limits, MAX_DEPTH, TABLE_ELEMENTS, number};

/// Writes a text value by value. It checks limits and numbers. The caller must write keys and values in turn.
///
/// ```
/// use realtime::json::{Encoder, Limits};
///
/// let mut encoder = Encoder::new(Vec::new(), Limits::default());
/// encoder.begin_object()?;
/// encoder.key(b"at")?;
/// encoder.begin_list()?;
/// encoder.number(1.0)?;
/// encoder.number(0.5)?;
/// encoder.end_list()?;
/// encoder.end_object()?;
/// assert_eq!(encoder.into_text(), br#"{"at":[1,0.5]}"#);
/// # Ok::<(), realtime::json::Refusal>(())
/// ```
#[derive(Debug)]
pub struct Encoder {
    out: Vec<u8>,
    limits: Limits,
    elements: usize,
    depth: usize,
    separator: Separator,
}

/// What to write before the next value or key.
#[derive(Debug, Clone, Copy)]
enum Separator {
    None,
    Comma,
    /// An object's brace is written with its first key, so that a mistake in that key is reported first.
    Brace,
}

impl Encoder {
    /// Writes into `out`, which is emptied first.
    pub fn new(mut out: Vec<u8>, limits: Limits) -> Self {
        out.clear();
        Self { out, limits, elements: 0, depth: 0, separator: Separator::None }
    }

    /// The text so far.
    pub fn text(&self) -> &[u8] {
        &self.out
    }

    /// The text.
    pub fn into_text(self) -> Vec<u8> {
        self.out
    }

    /// null.
    ///
    /// # Errors
    ///
    /// A limit is exceeded.
    pub fn null(&mut self) -> Result<(), Refusal> {
        self.start(1)?;
        self.append(b"null")
    }

    /// true or false.
    ///
    /// # Errors
    ///
    /// A limit is exceeded.
    pub fn boolean(&mut self, value: bool) -> Result<(), Refusal> {
        self.start(1)?;
        self.append(if value { b"true" } else { b"false" })
    }

    /// A number.
    ///
    /// # Errors
    ///
    /// JSON cannot express it, it is a whole number beyond 2^53, or a limit is exceeded.
    pub fn number(&mut self, value: f64) -> Result<(), Refusal> {
        self.start(1)?;
        number::push(value, &mut self.out)?;
        self.check_length()
    }

    /// A string of any bytes.
    ///
    /// # Errors
    ///
    /// A limit is exceeded.
    pub fn string(&mut self, value: &[u8]) -> Result<(), Refusal> {
        self.count(1)?;
        self.open_quote();
        self.quoted(value, b"\"")
    }

    /// Counts a value that the caller is about to refuse for its own reason.
    ///
    /// # Errors
    ///
    /// A limit is exceeded: report that instead.
    pub fn refused(&mut self) -> Result<(), Refusal> {
        self.start(1)
    }

    /// Begins a list. Its values come next.
    ///
    /// # Errors
    ///
    /// A limit is exceeded.
    pub fn begin_list(&mut self) -> Result<(), Refusal> {
        self.open()?;
        self.separator = Separator::None;
        self.append(b"[")
    }

    /// Ends a list.
    ///
    /// # Errors
    ///
    /// A limit is exceeded.
    pub fn end_list(&mut self) -> Result<(), Refusal> {
        self.close(b"]")
    }

    /// Begins an object. Its keys and values come next, at least one pair.
    ///
    /// # Errors
    ///
    /// A limit is exceeded.
    pub fn begin_object(&mut self) -> Result<(), Refusal> {
        self.open()?;
        self.separator = Separator::Brace;
        Ok(())
    }

    /// Writes a key. Its value comes next.
    ///
    /// # Errors
    ///
    /// A limit is exceeded.
    pub fn key(&mut self, key: &[u8]) -> Result<(), Refusal> {
        self.open_quote();
        self.separator = Separator::None;
        self.quoted(key, b"\":")
    }

    /// Ends an object.
    ///
    /// # Errors
    ///
    /// A limit is exceeded.
    pub fn end_object(&mut self) -> Result<(), Refusal> {
        self.close(b"}")
    }

    /// Writes the comma before a value, and counts the value.
    #[inline]
    fn start(&mut self, elements: usize) -> Result<(), Refusal> {
        self.count(elements)?;
        match self.separator {
            Separator::None => {}
            Separator::Comma => self.out.push(b','),
            Separator::Brace => self.out.push(b'{'),
        }
        self.separator = Separator::Comma;
        Ok(())
    }

    #[inline]
    fn count(&mut self, elements: usize) -> Result<(), Refusal> {
        // The comma that comes next may exceed the limit, too.
        let comma = usize::from(!matches!(self.separator, Separator::None));
        if self.out.len() + comma > self.limits.bytes {
            return Err(Refusal::TooLong(self.limits.bytes));
        }
        self.elements += elements;
        if self.elements > self.limits.elements {
            return Err(Refusal::TooManyElements(self.limits.elements));
        }
        Ok(())
    }

    /// Prepares for a string.
    #[inline]
    fn open_quote(&mut self) {
        match self.separator {
            Separator::None => self.out.push(b'"'),
            Separator::Comma => self.out.extend_from_slice(b",\""),
            Separator::Brace => self.out.extend_from_slice(b"{\""),
        }
        self.separator = Separator::Comma;
    }

    fn open(&mut self) -> Result<(), Refusal> {
        self.start(TABLE_ELEMENTS)?;
        if self.depth == MAX_DEPTH {
            return Err(Refusal::TooDeep);
        }
        self.depth += 1;
        Ok(())
    }

    fn close(&mut self, bracket: &[u8]) -> Result<(), Refusal> {
        self.depth = self.depth.saturating_sub(1);
        self.separator = Separator::Comma;
        self.append(bracket)
    }

    /// Writes the bytes of a string and what follows them.
    #[inline]
    fn quoted<const N: usize>(&mut self, text: &[u8], end: &[u8; N]) -> Result<(), Refusal> {
        // If it is too long without escapes, there is no need to copy it.
        if text.len() > self.limits.bytes.saturating_sub(self.out.len()) {
            return Err(Refusal::TooLong(self.limits.bytes));
        }
        push_escaped(text, &mut self.out);
        self.append(end)
    }

    #[inline]
    fn append(&mut self, piece: &[u8]) -> Result<(), Refusal> {
        self.out.extend_from_slice(piece);
        self.check_length()
    }

    #[inline]
    fn check_length(&self) -> Result<(), Refusal> {
        if self.out.len() > self.limits.bytes { Err(Refusal::TooLong(self.limits.bytes)) } else { Ok(()) }
    }
}
