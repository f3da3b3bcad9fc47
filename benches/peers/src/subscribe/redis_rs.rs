//! redis-rs: the blocking connection over RESP3, which is its faster one, and the asynchronous pub/sub connection, which
//! speaks RESP2.

use futures_util::StreamExt;
use redis::{Client, Msg};

use super::{CHANNEL, END, Meter};
use crate::error::Error;

fn client(url: String) -> Result<Client, Error> {
    Client::open(url).map_err(Error::peer("redis-rs"))
}

/// Returns false at the end.
fn take<M: Meter>(message: &Msg, meter: &mut M) -> bool {
    std::hint::black_box(message.get_channel_name());
    let payload = message.get_payload_bytes();
    if payload == END {
        return false;
    }
    meter.message(payload);
    true
}

pub(super) fn blocking<M: Meter>(port: u16, meter: &mut M) -> Result<(), Error> {
    let peer = Error::peer("redis-rs");
    let mut connection =
        client(format!("redis://127.0.0.1:{port}/?protocol=resp3"))?.get_connection().map_err(peer)?;
    let mut subscriber = connection.as_pubsub();
    subscriber.subscribe(CHANNEL).map_err(peer)?;
    while take(&subscriber.get_message().map_err(peer)?, meter) {}
    // Its destructor would unsubscribe, and wait for the confirmation.
    std::mem::forget(subscriber);
    Ok(())
}

pub(super) fn asynchronous<M: Meter>(port: u16, meter: &mut M) -> Result<(), Error> {
    let peer = Error::peer("redis-rs");
    let runtime = super::runtime(1)?;
    runtime.block_on(async {
        let client = client(format!("redis://127.0.0.1:{port}/"))?;
        let (mut sink, mut stream) = client.get_async_pubsub().await.map_err(peer)?.split();
        sink.subscribe(CHANNEL).await.map_err(peer)?;
        while let Some(message) = stream.next().await {
            if !take(&message, meter) {
                return Ok(());
            }
        }
        Err(Error::peer("redis-rs")("the stream ended early"))
    })
}
