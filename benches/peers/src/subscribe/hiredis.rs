//! A blocking hiredis context: `redisBufferRead`, then `redisGetReplyFromReader` until no complete reply is left.

use super::Meter;
use crate::error::Error;
use crate::hiredis::Subscriber;

pub(super) fn receive<M: Meter>(port: u16, protocol: u8, meter: &mut M) -> Result<(), Error> {
    let mut subscriber = Subscriber::connect(port, protocol)?;
    while subscriber.receive(meter)? {}
    Ok(())
}
