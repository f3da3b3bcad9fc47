//! hiredis, through `c/receive.c`.
#![allow(unsafe_code, reason = "a C library")]

use std::ffi::{c_char, c_int, c_long, c_void};
use std::marker::PhantomData;
use std::ptr::NonNull;

use crate::error::Error;
use crate::subscribe::{CHANNEL_C, Meter};

/// The version of the sources that this was built with.
pub(crate) const VERSION: &str = env!("HIREDIS_VERSION");

#[repr(C)]
struct RawReader {
    _opaque: [u8; 0],
}

#[repr(C)]
struct RawContext {
    _opaque: [u8; 0],
}

type Each = unsafe extern "C" fn(*mut c_void, *const c_char, usize);

unsafe extern "C" {
    fn peers_reader_new() -> *mut RawReader;
    fn peers_reader_free(reader: *mut RawReader);
    fn peers_reader_feed(reader: *mut RawReader, piece: *const c_char, len: usize) -> c_long;
    fn peers_subscribe(port: c_int, protocol: c_int, channel: *const c_char) -> *mut RawContext;
    fn peers_disconnect(context: *mut RawContext);
    fn peers_receive(
        context: *mut RawContext,
        ended: *mut c_int,
        each: Option<Each>,
        data: *mut c_void,
    ) -> c_long;
}

fn failed(message: &str) -> Error {
    Error::Peer { peer: "hiredis", message: message.to_owned() }
}

/// A `redisReader` with the default reply objects.
#[derive(Debug)]
pub(crate) struct Reader(NonNull<RawReader>);

impl Reader {
    pub(crate) fn new() -> Result<Self, Error> {
        // SAFETY: it has no conditions.
        let reader = unsafe { peers_reader_new() };
        NonNull::new(reader).map(Self).ok_or_else(|| failed("no memory"))
    }

    /// Feeds one piece, and makes, reads and frees the replies that it completes. Returns how many.
    pub(crate) fn feed(&mut self, piece: &[u8]) -> Result<usize, Error> {
        // SAFETY: the reader is ours alone, and the piece is copied before the call returns.
        let replies = unsafe { peers_reader_feed(self.0.as_ptr(), piece.as_ptr().cast(), piece.len()) };
        usize::try_from(replies).map_err(|_| failed("it refuses the bytes"))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // SAFETY: made by peers_reader_new, and freed only here.
        unsafe { peers_reader_free(self.0.as_ptr()) };
    }
}

/// A blocking connection that is subscribed.
#[derive(Debug)]
pub(crate) struct Subscriber {
    context: NonNull<RawContext>,
    // One thread at a time.
    _not_sync: PhantomData<*mut ()>,
}

impl Subscriber {
    pub(crate) fn connect(port: u16, protocol: u8) -> Result<Self, Error> {
        // SAFETY: the channel's name is a C string.
        let context = unsafe { peers_subscribe(port.into(), protocol.into(), CHANNEL_C.as_ptr()) };
        let context = NonNull::new(context).ok_or_else(|| failed("it does not connect"))?;
        Ok(Self { context, _not_sync: PhantomData })
    }

    /// Reads once. Returns false after the message that says "end".
    pub(crate) fn receive<M: Meter>(&mut self, meter: &mut M) -> Result<bool, Error> {
        let mut ended = 0;
        let each: Option<Each> = if M::LOOKS { Some(each::<M>) } else { None };
        // SAFETY: `each` gets `meter` with its own type; it outlives the call, and nothing else uses it.
        let messages = unsafe {
            peers_receive(self.context.as_ptr(), &raw mut ended, each, std::ptr::from_mut(meter).cast())
        };
        let messages = usize::try_from(messages).map_err(|_| failed("the connection broke"))?;
        if !M::LOOKS {
            meter.count(messages);
        }
        Ok(ended == 0)
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        // SAFETY: made by peers_subscribe, and freed only here.
        unsafe { peers_disconnect(self.context.as_ptr()) };
    }
}

unsafe extern "C" fn each<M: Meter>(meter: *mut c_void, payload: *const c_char, len: usize) {
    // SAFETY: peers_receive passes on the pointer from `receive`, and `len` bytes that live as long as this call.
    let (meter, payload) =
        unsafe { (&mut *meter.cast::<M>(), std::slice::from_raw_parts(payload.cast::<u8>(), len)) };
    meter.message(payload);
}
