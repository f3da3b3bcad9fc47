//! The arguments of one command, in one buffer.

use std::fmt;

/// The arguments of one command, any bytes each or NULL, held in one buffer.
///
/// ```
/// use realtime::model::Args;
///
/// let args: Args = ["SET", "key", "a\0b"].iter().collect();
/// assert_eq!(args.len(), 3);
/// assert_eq!(args.get(2), Some(&b"a\0b"[..]));
/// assert_eq!(args.iter().next(), Some(Some(&b"SET"[..])));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Args {
    // The length of each argument, followed by the argument, so that a command is one piece of memory. NULL
    // is a length that no argument has.
    bytes: Vec<u8>,
    count: usize,
}

const LENGTH: usize = size_of::<usize>();
const NULL: usize = usize::MAX;

impl Args {
    /// No arguments, with room for `count` of them and `bytes` bytes in total.
    pub fn with_capacity(count: usize, bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(count.saturating_mul(LENGTH).saturating_add(bytes)), count: 0 }
    }

    /// Adds one argument after the others.
    pub fn push(&mut self, arg: &[u8]) {
        self.bytes.extend_from_slice(&arg.len().to_ne_bytes());
        self.bytes.extend_from_slice(arg);
        self.count += 1;
    }

    /// Adds a NULL after the others.
    pub fn push_null(&mut self) {
        self.bytes.extend_from_slice(&NULL.to_ne_bytes());
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

    /// How many bytes the arguments have in total.
    pub fn byte_len(&self) -> usize {
        self.bytes.len() - self.count * LENGTH
    }

    /// The argument at `index`, from 0, unless it is NULL. Walks over those before it.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        self.iter().nth(index).flatten()
    }

    /// The arguments in order; `None` for a NULL.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Option<&[u8]>> {
        Iter { bytes: &self.bytes, left: self.count }
    }
}

impl fmt::Debug for Args {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|arg| arg.map(<[u8]>::escape_ascii))).finish()
    }
}

struct Iter<'a> {
    bytes: &'a [u8],
    left: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        let (&length, rest) = self.bytes.split_first_chunk()?;
        let length = usize::from_ne_bytes(length);
        let (arg, rest) = if length == NULL {
            (None, rest)
        } else {
            rest.split_at_checked(length).map(|(arg, rest)| (Some(arg), rest))?
        };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_null_is_an_argument_of_no_bytes_and_no_empty_text() {
        let mut args = Args::with_capacity(4, 2);
        args.push(b"a");
        args.push_null();
        args.push(b"");
        args.push(b"b");
        assert_eq!((args.len(), args.byte_len()), (4, 2));
        let expected = [Some(&b"a"[..]), None, Some(b""), Some(b"b")];
        assert!(args.iter().eq(expected), "{args:?}");
        assert_eq!((args.get(1), args.get(2), args.get(3)), (None, Some(&b""[..]), Some(&b"b"[..])));
    }
}
