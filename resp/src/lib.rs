//! Bytes and RESP frames.
#![forbid(unsafe_code)]
