//! The arguments of one command, in one buffer.

/// The arguments of one command, any bytes each, held in one buffer.
///
/// ```
/// use realtime::model::Args;
///
/// let args: Args = ["SET", "key", "a\0b"].iter().collect();
/// assert_eq!(args.len(), 3);
/// assert_eq!(args.get(2), Some(&b"a\0b"[..]));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Args {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Args {
    /// No arguments, with room for `count` of them and `bytes` bytes altogether.
    pub fn with_capacity(count: usize, bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), ends: Vec::with_capacity(count) }
    }

    /// Adds one argument behind the others.
    pub fn push(&mut self, arg: &[u8]) {
        self.bytes.extend_from_slice(arg);
        self.ends.push(self.bytes.len());
    }

    /// How many arguments there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no argument.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many bytes the arguments have altogether.
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    /// The argument at `index`, from 0.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)?;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        Some(&self.bytes[start..end])
    }

    /// The arguments in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |&end| &self.bytes[std::mem::replace(&mut start, end)..end])
    }
}

impl<T: AsRef<[u8]>> FromIterator<T> for Args {
    fn from_iter<I: IntoIterator<Item = T>>(iter: I) -> Self {
        let mut args = Self::default();
        for arg in iter {
            args.push(arg.as_ref());
        }
        args
    }
}
