//! An upper bound for every subscriber: a loop around `read`.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use super::{CHANNEL, END, Meter};
use crate::error::Error;
use crate::firehose::FRAME;

/// Counts bytes, and divides.
pub(super) fn receive<M: Meter>(port: u16, meter: &mut M) -> Result<(), Error> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map_err(Error::io("connect"))?;
    let hello = format!("HELLO 3\r\nSUBSCRIBE {CHANNEL}\r\n");
    stream.write_all(hello.as_bytes()).map_err(Error::io("subscribe"))?;
    let mut buffer = vec![0; 64 * 1024];
    let mut total = 0;
    loop {
        let len = stream.read(&mut buffer).map_err(Error::io("read"))?;
        meter.count(0);
        total += len;
        let last = &buffer[..len];
        if len == 0 || last.strip_suffix(b"\r\n").is_some_and(|last| last.ends_with(END)) {
            meter.count(total / FRAME);
            return Ok(());
        }
    }
}
