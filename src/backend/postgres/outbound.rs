//! What is sent on each link, and when.

use std::time::Instant;

use super::connection::{Connection, Expectation, Link};
use super::encode::{Encoder, quoted};
use super::inbound::text;
use super::session::PostgresSession;
use super::statements::Statements;
use crate::backend::toolbox::{Batch, Operation};
use crate::model::{Args, RequestKind};

/// If this many bytes wait to be written, nothing more is encoded.
const ENOUGH: usize = 64 << 10;

impl PostgresSession {
    /// Encodes what the link for subscriptions should send.
    pub(super) fn send_subscriptions(&mut self, now: Instant) {
        let (needs_delivery, may_send) = (self.needs_delivery(), self.may_send());
        let Self { delivery, probe, encoder, subscriptions, .. } = self;
        let Some(Connection { pipeline, liveness, .. }) = subscriptions.up_mut() else { return };
        if needs_delivery && probe.subscribe() {
            let channel = String::from_utf8_lossy(probe.channel());
            pipeline.send(|out| {
                encoder.query(out, &format!("LISTEN {}", quoted(&channel)));
                Expectation::ProbeChannel
            });
        }
        // Until the first probe has come, nothing else is sent on this link. A pooler may deliver a
        // notification together with the answer to some other command, over any of its connections, so such a
        // delivery proves nothing.
        if !may_send {
            return;
        }
        while let Some(batch) = delivery.next_batch() {
            liveness.expect_confirmation(now);
            pipeline.send(|out| {
                encoder.query(out, &sql_of(&batch));
                Expectation::Batch(batch)
            });
        }
    }

    /// Encodes what the link for commands should send.
    pub(super) fn send_commands(&mut self, now: Instant) {
        if !self.may_send() || !matches!(self.cancel, Link::Idle) {
            return;
        }
        let Self { delivery, requests, encoder, commands, .. } = self;
        let Some(connection) = commands.up_mut() else { return };
        let Connection { pipeline, statements, has_published, is_blocked, .. } = connection;
        while !*is_blocked && pipeline.pending().len() < ENOUGH {
            let Some(request) = requests.next(delivery, now) else { return };
            pipeline.send_request(request, now, |kind, out| match kind {
                RequestKind::Command(args) => {
                    encoder.close(out, &statements.take_closed());
                    let is_new = statement(args, statements, encoder, out);
                    encoder.sync(out);
                    Expectation::Statement { is_new }
                }
                RequestKind::Transaction(all) => {
                    *is_blocked = true;
                    let is_new = !all.iter().any(|args| statements.has(text(args)));
                    encoder.close(out, &statements.take_closed());
                    encoder.transaction(out, "BEGIN");
                    for args in all {
                        statement(args, statements, encoder, out);
                    }
                    encoder.transaction(out, "COMMIT");
                    encoder.sync(out);
                    Expectation::Transaction { is_new }
                }
                RequestKind::Publish(args) | RequestKind::SPublish(args) => {
                    let [channel, message] = [0, 1].map(|n| args.get(n).unwrap_or_default());
                    let is_new = !std::mem::replace(has_published, true);
                    encoder.notify(out, channel, message, is_new);
                    Expectation::Publish { is_new }
                }
                RequestKind::Ping => {
                    encoder.sync(out);
                    Expectation::Ping
                }
            });
        }
    }
}

/// Encodes one statement. Returns whether the same message prepares it.
fn statement(args: &Args, statements: &mut Statements, encoder: &mut Encoder, out: &mut Vec<u8>) -> bool {
    let text = text(args);
    let prepared = statements.prepare(text);
    let new = prepared.is_new.then_some(text);
    encoder.statement(out, &prepared.name, new, args);
    prepared.is_new
}

/// The SQL of a batch.
fn sql_of(batch: &Batch) -> String {
    let word = match batch.operation() {
        Operation::Subscribe => "LISTEN",
        Operation::Unsubscribe => "UNLISTEN",
    };
    let names = batch.names().iter().map(|name| format!("{word} {}", quoted(&String::from_utf8_lossy(name))));
    names.collect::<Vec<_>>().join(";")
}
