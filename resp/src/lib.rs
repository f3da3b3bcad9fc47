#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod debug;
mod decoder;
mod encode;
mod error;
mod frame;
mod limits;
mod tape;

pub use decoder::Decoder;
pub use encode::{EncodeError, Encoder};
pub use error::{DecodeError, ErrorKind};
pub use frame::{Element, Frame, Items, Pairs, Value};
pub use limits::Limits;
