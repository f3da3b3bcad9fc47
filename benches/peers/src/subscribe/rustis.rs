//! rustis: a separate client for pub/sub, with an unbounded queue, so that nothing is lost.

use futures_util::StreamExt;
use rustis::client::{Client, Config, IntoConfig};
use rustis::commands::PubSubCommands;

use super::{CHANNEL, END, Meter};
use crate::error::Error;

pub(super) fn receive<M: Meter>(port: u16, meter: &mut M) -> Result<(), Error> {
    let peer = Error::peer("rustis");
    let runtime = super::runtime(1)?;
    runtime.block_on(async {
        let mut config: Config = format!("redis://127.0.0.1:{port}").into_config().map_err(peer)?;
        config.backpressure.max_pubsub_bytes = 0;
        let client = Client::connect(config).await.map_err(peer)?;
        let mut messages = client.subscribe(CHANNEL).await.map_err(peer)?;
        while let Some(message) = messages.next().await {
            let message = message.map_err(peer)?;
            std::hint::black_box(message.channel());
            if message.payload() == END {
                break;
            }
            meter.message(message.payload());
        }
        println!("= lost {}", messages.dropped_messages());
        // Its destructor would unsubscribe.
        std::mem::forget(messages);
        Ok(())
    })
}
