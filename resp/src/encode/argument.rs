//! Arguments of commands.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{Buffer, Encoder};

/// An argument of a command: text, bytes, or a number, which is sent in decimal.
///
/// Implemented for the usual types, and for references to them; for a type of your own, implement the bytes that are
/// sent:
///
/// ```
/// use resp::{Argument, Encoder};
///
/// struct PlayerId(u32);
///
/// impl Argument for PlayerId {
///     fn as_argument(&self) -> impl AsRef<[u8]> {
///         format!("player:{}", self.0)
///     }
/// }
///
/// let mut out = Vec::new();
/// Encoder::new(&mut out).command(("GET", PlayerId(7)));
/// assert_eq!(out, b"*2\r\n$3\r\nGET\r\n$8\r\nplayer:7\r\n");
/// ```
pub trait Argument {
    /// The bytes to send.
    fn as_argument(&self) -> impl AsRef<[u8]>;
}

impl<T: Argument + ?Sized> Argument for &T {
    #[inline]
    fn as_argument(&self) -> impl AsRef<[u8]> {
        (**self).as_argument()
    }
}

impl Argument for [u8] {
    #[inline]
    fn as_argument(&self) -> impl AsRef<[u8]> {
        self
    }
}

impl<const N: usize> Argument for [u8; N] {
    #[inline]
    fn as_argument(&self) -> impl AsRef<[u8]> {
        self
    }
}

/// The types that hold text or bytes.
macro_rules! text {
    ($($type:ty),*) => {$(
        impl Argument for $type {
            #[inline]
            fn as_argument(&self) -> impl AsRef<[u8]> {
                let bytes: &[u8] = self.as_ref();
                bytes
            }
        }
    )*};
}

text!(str, String, Vec<u8>, Box<[u8]>, Arc<[u8]>);

impl Argument for Cow<'_, str> {
    #[inline]
    fn as_argument(&self) -> impl AsRef<[u8]> {
        self.as_bytes()
    }
}

impl Argument for Cow<'_, [u8]> {
    #[inline]
    fn as_argument(&self) -> impl AsRef<[u8]> {
        &**self
    }
}

macro_rules! unsigned {
    ($($type:ty),*) => {$(
        impl Argument for $type {
            #[inline]
            fn as_argument(&self) -> impl AsRef<[u8]> {
                decimal(false, u64::from(*self))
            }
        }
    )*};
}

unsigned!(u8, u16, u32, u64);

macro_rules! signed {
    ($($type:ty),*) => {$(
        impl Argument for $type {
            #[inline]
            fn as_argument(&self) -> impl AsRef<[u8]> {
                decimal(*self < 0, u64::from(self.unsigned_abs()))
            }
        }
    )*};
}

signed!(i8, i16, i32, i64);

impl Argument for usize {
    #[inline]
    fn as_argument(&self) -> impl AsRef<[u8]> {
        decimal(false, *self as u64)
    }
}

/// Sent as the shortest text that reads back the same. Redis accepts `inf` and `-inf`, and no `NaN`.
impl Argument for f64 {
    fn as_argument(&self) -> impl AsRef<[u8]> {
        format!("{self:?}").into_bytes()
    }
}

/// The arguments of a command, its name first: an array, a slice or a `Vec` of one type, or a tuple of up to twelve.
///
/// An iterator is for [`Encoder::command_from`].
pub trait Arguments: sealed::Sealed {
    #[doc(hidden)]
    fn write<B: Buffer>(self, encoder: &mut Encoder<'_, B>);
}

mod sealed {
    pub trait Sealed {}
}

impl<T: Argument> sealed::Sealed for &[T] {}

impl<T: Argument> Arguments for &[T] {
    #[inline]
    fn write<B: Buffer>(self, encoder: &mut Encoder<'_, B>) {
        encoder.array(self.len());
        for argument in self {
            encoder.bulk_string(argument.as_argument().as_ref());
        }
    }
}

impl<T: Argument, const N: usize> sealed::Sealed for [T; N] {}

impl<T: Argument, const N: usize> Arguments for [T; N] {
    #[inline]
    fn write<B: Buffer>(self, encoder: &mut Encoder<'_, B>) {
        self.as_slice().write(encoder);
    }
}

impl<T: Argument, const N: usize> sealed::Sealed for &[T; N] {}

impl<T: Argument, const N: usize> Arguments for &[T; N] {
    #[inline]
    fn write<B: Buffer>(self, encoder: &mut Encoder<'_, B>) {
        self.as_slice().write(encoder);
    }
}

impl<T: Argument> sealed::Sealed for Vec<T> {}

impl<T: Argument> Arguments for Vec<T> {
    #[inline]
    fn write<B: Buffer>(self, encoder: &mut Encoder<'_, B>) {
        self.as_slice().write(encoder);
    }
}

impl<T: Argument> sealed::Sealed for &Vec<T> {}

impl<T: Argument> Arguments for &Vec<T> {
    #[inline]
    fn write<B: Buffer>(self, encoder: &mut Encoder<'_, B>) {
        self.as_slice().write(encoder);
    }
}

macro_rules! tuple {
    ($count:literal: $($name:ident)*) => {
        impl<$($name: Argument),*> sealed::Sealed for ($($name,)*) {}

        #[allow(non_snake_case, reason = "a type's name is that of its value, too")]
        impl<$($name: Argument),*> Arguments for ($($name,)*) {
            #[inline]
            fn write<Out: Buffer>(self, encoder: &mut Encoder<'_, Out>) {
                let ($($name,)*) = self;
                encoder.array($count);
                $(encoder.bulk_string($name.as_argument().as_ref());)*
            }
        }
    };
}

tuple!(1: A);
tuple!(2: A B);
tuple!(3: A B C);
tuple!(4: A B C D);
tuple!(5: A B C D E);
tuple!(6: A B C D E F);
tuple!(7: A B C D E F G);
tuple!(8: A B C D E F G H);
tuple!(9: A B C D E F G H I);
tuple!(10: A B C D E F G H I J);
tuple!(11: A B C D E F G H I J K);
tuple!(12: A B C D E F G H I J K L);

/// A number in decimal digits.
struct Decimal {
    /// The most digits that `u64` has, and a sign.
    digits: [u8; 21],
    start: usize,
}

impl AsRef<[u8]> for Decimal {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        &self.digits[self.start..]
    }
}

#[inline]
fn decimal(negative: bool, mut number: u64) -> Decimal {
    let mut digits = [b'-'; 21];
    let mut start = digits.len();
    loop {
        start -= 1;
        // A remainder of ten fits a byte.
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    Decimal { digits, start: start - usize::from(negative) }
}
