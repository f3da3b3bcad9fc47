//! The buffers of an encoder.

use alloc::vec::Vec;

/// A buffer that an [`Encoder`](crate::Encoder) appends to: `Vec<u8>`, and with the feature `bytes` `BytesMut`.
///
/// Both can remove a half-written frame. For another `BufMut`, encode into one of these and put that.
pub trait Buffer: sealed::Sealed {
    #[doc(hidden)]
    fn append(&mut self, bytes: &[u8]);

    #[doc(hidden)]
    fn bytes(&self) -> &[u8];

    #[doc(hidden)]
    fn truncate(&mut self, len: usize);
}

mod sealed {
    pub trait Sealed {}
}

impl sealed::Sealed for Vec<u8> {}

impl Buffer for Vec<u8> {
    #[inline]
    fn append(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        self
    }

    #[inline]
    fn truncate(&mut self, len: usize) {
        self.truncate(len);
    }
}

#[cfg(feature = "bytes")]
impl sealed::Sealed for bytes::BytesMut {}

#[cfg(feature = "bytes")]
impl Buffer for bytes::BytesMut {
    #[inline]
    fn append(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        self
    }

    #[inline]
    fn truncate(&mut self, len: usize) {
        self.truncate(len);
    }
}
