//! fred: a subscriber client over RESP3 and its broadcast receiver, with enough room that nothing is lost.

use fred::prelude::{Builder, ClientLike, Config, EventInterface, PubsubInterface};
use fred::types::RespVersion;
use tokio::sync::broadcast::error::RecvError;

use super::{CHANNEL, END, Meter};
use crate::error::Error;

/// A receiver that lags loses messages, and reports it. For that reason it also has two threads: on one thread, the
/// network's task fills any channel before it yields, and most messages are lost.
const ROOM: usize = 65_536;

pub(super) fn receive<M: Meter>(port: u16, meter: &mut M) -> Result<(), Error> {
    let peer = Error::peer("fred");
    let runtime = super::runtime(2)?;
    runtime.block_on(async {
        let mut config = Config::from_url(&format!("redis://127.0.0.1:{port}")).map_err(peer)?;
        config.version = RespVersion::RESP3;
        let client = Builder::from_config(config)
            .with_performance_config(|config| config.broadcast_channel_capacity = ROOM)
            .build_subscriber_client()
            .map_err(peer)?;
        client.init().await.map_err(peer)?;
        let mut messages = client.message_rx();
        client.subscribe(CHANNEL).await.map_err(peer)?;
        let mut lost = 0;
        loop {
            match messages.recv().await {
                Ok(message) => {
                    std::hint::black_box(&message.channel);
                    let Some(payload) = message.value.as_bytes() else { continue };
                    if payload == END {
                        break;
                    }
                    meter.message(payload);
                }
                Err(RecvError::Lagged(count)) => lost += count,
                Err(RecvError::Closed) => break,
            }
        }
        println!("= lost {lost}");
        Ok(())
    })
}
