// Its examples are tested in `tests/documents`, which adds the lines that readers need not see.
#![cfg_attr(not(doctest), doc = include_str!("../README.md"))]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![no_std]

extern crate alloc;
#[cfg(feature = "codec")]
extern crate std;

#[cfg(feature = "codec")]
pub mod codec;
mod debug;
mod decoder;
mod encode;
mod equality;
mod error;
mod frame;
mod items;
mod limits;
mod owned;
#[cfg(feature = "serde")]
mod serde;
mod tape;
mod value;

pub use decoder::Decoder;
pub use encode::{Argument, Arguments, Buffer, EncodeError, Encoder};
pub use error::{DecodeError, ErrorKind};
pub use frame::{Element, Frame};
pub use items::{Items, Pairs};
pub use limits::Limits;
pub use owned::{OwnedValue, WrongType};
pub use value::Value;
