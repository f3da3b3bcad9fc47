//! Cuts the bytes from a server into messages.
//!
//! `postgres-protocol` can do that too, but it copies each message into a buffer of its own, and reserves as much as
//! the server announces. Here a message is borrowed from the read buffer, and takes memory only as it arrives.

/// Tag and length.
const HEADER: usize = 5;
/// The length includes its own four bytes, but not the tag.
const LENGTH: usize = 4;
/// The capacity that an empty buffer keeps.
const KEEP_BYTES: usize = 64 << 10;

/// One message from the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Message<'a> {
    /// The tag, and the bytes after the length.
    Whole(u8, &'a [u8]),
    /// The tag and the size of a message that is too long and is skipped.
    TooLarge(u8, usize),
}

/// The server broke the protocol, or speaks another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken(pub(super) &'static str);

/// Cuts the input into messages.
#[derive(Debug)]
pub(super) struct Decoder {
    /// The beginning of an incomplete message.
    partial: Vec<u8>,
    /// The message in `partial` was handed out.
    is_taken: bool,
    /// How many bytes of a message that is too long are still to come.
    skip: usize,
    /// The longest message to keep, in bytes.
    max: usize,
}

impl Decoder {
    pub(super) fn new(max: usize) -> Self {
        Self { partial: Vec::new(), is_taken: false, skip: 0, max }
    }

    /// Sets the longest message to keep.
    pub(super) fn set_max(&mut self, max: usize) {
        self.max = max;
    }

    /// Whether the input so far ends within a message.
    pub(super) fn is_within_message(&self) -> bool {
        self.skip > 0 || !self.partial.is_empty() && !self.is_taken
    }

    /// Takes the next message out of `input`. `None` if the rest was taken and is not a complete message.
    pub(super) fn next<'a, 'b: 'a>(
        &'a mut self,
        input: &mut &'b [u8],
    ) -> Result<Option<Message<'a>>, Broken> {
        if std::mem::take(&mut self.is_taken) {
            self.partial.clear();
            self.partial.shrink_to(KEEP_BYTES);
        }
        let skipped = self.skip.min(input.len());
        *input = &input[skipped..];
        self.skip -= skipped;
        if self.partial.is_empty() {
            if let Some((tag, len)) = header(input)? {
                if len > self.max {
                    self.skip = len - HEADER;
                    *input = &input[HEADER..];
                    return Ok(Some(Message::TooLarge(tag, len)));
                }
                if let Some((message, rest)) = input.split_at_checked(len) {
                    *input = rest;
                    return Ok(Some(Message::Whole(tag, &message[HEADER..])));
                }
            }
            self.partial.extend_from_slice(input);
            *input = &[];
            return Ok(None);
        }
        self.fill(HEADER, input);
        let Some((tag, len)) = header(&self.partial)? else { return Ok(None) };
        if len > self.max {
            self.skip = len - self.partial.len().min(len);
            self.is_taken = true;
            return Ok(Some(Message::TooLarge(tag, len)));
        }
        self.fill(len, input);
        self.is_taken = self.partial.len() == len;
        Ok(self.is_taken.then(|| Message::Whole(tag, &self.partial[HEADER..])))
    }

    /// Moves input into `partial` until it has `len` bytes.
    fn fill(&mut self, len: usize, input: &mut &[u8]) {
        let wanted = len.saturating_sub(self.partial.len()).min(input.len());
        let (bytes, rest) = input.split_at(wanted);
        self.partial.extend_from_slice(bytes);
        *input = rest;
    }
}

/// The tag and the total size of a message, if they have arrived.
fn header(bytes: &[u8]) -> Result<Option<(u8, usize)>, Broken> {
    let Some(&[tag, a, b, c, d]) = bytes.first_chunk::<HEADER>() else { return Ok(None) };
    let len = usize::try_from(i32::from_be_bytes([a, b, c, d])).ok().filter(|&len| len >= LENGTH);
    match len {
        Some(len) => Ok(Some((tag, len + HEADER - LENGTH))),
        None => Err(Broken("a message has no possible length")),
    }
}

/// Reads the parts of a message in order. `None` if too few bytes are left.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts<'a>(pub(super) &'a [u8]);

impl<'a> Parts<'a> {
    pub(super) fn u8(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        let (&bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u16::from_be_bytes(bytes))
    }

    pub(super) fn i32(&mut self) -> Option<i32> {
        let (&bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(i32::from_be_bytes(bytes))
    }

    pub(super) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    /// A text that ends with a zero byte.
    pub(super) fn text(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|&byte| byte == 0)?;
        let text = &self.0[..end];
        self.0 = &self.0[end + 1..];
        Some(text)
    }

    /// A value of a row: its length and its bytes, or NULL.
    pub(super) fn value(&mut self) -> Option<Option<&'a [u8]>> {
        match self.i32()? {
            -1 => Some(None),
            len => self.bytes(usize::try_from(len).ok()?).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &[u8] = b"A\0\0\0\x0eabcdefghij";
    const DONE: &[u8] = b"Z\0\0\0\x05I";

    /// A message: its tag, and its bytes, or its size if it was too long.
    type Found = (u8, Result<Vec<u8>, usize>);

    /// All messages of `bytes`, fed in pieces of `size`.
    fn decode(bytes: &[u8], size: usize, max: usize) -> Result<Vec<Found>, Broken> {
        let (mut decoder, mut found) = (Decoder::new(max), Vec::new());
        for mut piece in bytes.chunks(size) {
            while let Some(message) = decoder.next(&mut piece)? {
                found.push(match message {
                    Message::Whole(tag, body) => (tag, Ok(body.to_vec())),
                    Message::TooLarge(tag, len) => (tag, Err(len)),
                });
            }
            assert!(piece.is_empty(), "all of a piece is taken");
        }
        Ok(found)
    }

    #[test]
    fn messages_come_out_whole_however_they_are_cut() {
        let bytes = [HELLO, DONE, HELLO].concat();
        let hello = (b'A', Ok(b"abcdefghij".to_vec()));
        for size in 1..=bytes.len() {
            let expected = [hello.clone(), (b'Z', Ok(b"I".to_vec())), hello.clone()];
            assert_eq!(decode(&bytes, size, 100), Ok(expected.into()), "{size}");
        }
    }

    #[test]
    fn a_message_that_is_too_large_is_skipped_and_the_next_one_read() {
        let bytes = [DONE, HELLO, DONE].concat();
        let done = (b'Z', Ok(b"I".to_vec()));
        for size in 1..=bytes.len() {
            let expected = [done.clone(), (b'A', Err(15)), done.clone()];
            assert_eq!(decode(&bytes, size, 14), Ok(expected.into()), "{size}");
        }
    }

    #[test]
    fn a_length_that_cannot_be_ends_it_and_a_large_one_allocates_nothing() {
        for length in [b"\0\0\0\x03", b"\xff\xff\xff\xff", b"\x80\0\0\0"] {
            assert!(decode(&[&b"A"[..], length].concat(), 9, 100).is_err());
        }
        let mut decoder = Decoder::new(usize::MAX);
        assert_eq!(decoder.next(&mut &b"D\x7f\xff\xff\xffabc"[..]), Ok(None));
        assert!(decoder.partial.capacity() < 100 && decoder.is_within_message());
    }

    #[test]
    fn parts_end_where_the_message_does() {
        let mut parts = Parts(b"a\0\0\x02\0\0\0\x01x\xff\xff\xff\xff\0\0\0\x09y");
        assert_eq!((parts.text(), parts.u16()), (Some(&b"a"[..]), Some(2)));
        assert_eq!((parts.value(), parts.value()), (Some(Some(&b"x"[..])), Some(None)));
        assert_eq!((parts.value(), parts.text()), (None, None));
        assert_eq!(Parts(b"\xff\xff\xff\xfe").value(), None, "a length below that of NULL");
    }
}
