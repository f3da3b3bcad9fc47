//! The arguments of one command, in one buffer.

use std::fmt;

/// The arguments of one command, any bytes each, held in one buffer.
///
/// ```
/// use realtime::model::Args;
///
/// let args: Args = ["SET", "key", "a\0b"].iter().collect();
/// assert_eq!(args.len(), 3);
/// assert_eq!(args.get(2), Some(&b"a\0b"[..]));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Args {
    // Each argument behind its length, so that a command is one piece of memory.
    bytes: Vec<u8>,
    count: usize,
}

const LENGTH: usize = size_of::<usize>();

impl Args {
    /// No arguments, with room for `count` of them and `bytes` bytes altogether.
    pub fn with_capacity(count: usize, bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(count.saturating_mul(LENGTH).saturating_add(bytes)), count: 0 }
    }

    /// Adds one argument behind the others.
    pub fn push(&mut self, arg: &[u8]) {
        self.bytes.extend_from_slice(&arg.len().to_ne_bytes());
        self.bytes.extend_from_slice(arg);
        self.count += 1;
    }

    /// How many arguments there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is no argument.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many bytes the arguments have altogether.
    pub fn byte_len(&self) -> usize {
        self.bytes.len() - self.count * LENGTH
    }

    /// The argument at `index`, from 0. Looks at those before it.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        self.iter().nth(index)
    }

    /// The arguments in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        Iter { bytes: &self.bytes, left: self.count }
    }
}

impl fmt::Debug for Args {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(<[u8]>::escape_ascii)).finish()
    }
}

struct Iter<'a> {
    bytes: &'a [u8],
    left: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (&length, rest) = self.bytes.split_first_chunk()?;
        let (arg, rest) = rest.split_at_checked(usize::from_ne_bytes(length))?;
        self.bytes = rest;
        self.left -= 1;
        Some(arg)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl<T: AsRef<[u8]>> FromIterator<T> for Args {
    fn from_iter<I: IntoIterator<Item = T>>(iter: I) -> Self {
        let mut args = Self::default();
        for arg in iter {
            args.push(arg.as_ref());
        }
        args
    }
}
