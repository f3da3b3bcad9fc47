//! Handles the server's messages after the handshake. Answers come in the order of the commands.

use std::time::Instant;

use super::advice;
use super::cancel::QUERY_CANCELED;
use super::check::{self, PROBE_PREFIX};
use super::connection::{Expectation, SUBSCRIPTIONS};
use super::reply::Reply;
use super::server_error::ServerError;
use super::session::PostgresSession;
use super::wire::{Message, Parts};
use crate::backend::toolbox::{Batch, Operation, PendingRequest, RefusalKind};
use crate::model::{Code, DropReason, Error, Event, LinkId, RequestKind, Sink, Topic, TopicKind, Value};

/// The prefix of the SQLSTATEs by which a server ends connections.
const OPERATOR_INTERVENTION: &str = "57P";

/// The state of the transaction, as the server reports it with each answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transaction {
    /// There is no transaction.
    None,
    /// A transaction is open.
    Open,
    /// A transaction has failed, and waits for its rollback.
    Failed,
}

impl PostgresSession {
    /// Handles a message on a link that is ready for commands.
    pub(super) fn message(
        &mut self,
        link: LinkId,
        message: Message<'_>,
        now: Instant,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        if let Message::Whole(b'A', body) = message {
            if link == SUBSCRIPTIONS {
                self.notification(body, now, sink)
                    .ok_or_else(|| advice::protocol("a malformed notification"))?;
            }
            return Ok(());
        }
        let max = self.config.max_message_bytes;
        let Some(connection) = self.link_mut(link).connection_mut() else { return Ok(()) };
        let is_expected = connection.pipeline.front().is_some();
        let reply = &mut connection.reply;
        let broken = |what: &'static str| move || advice::protocol(what);
        match message {
            Message::Whole(b'S', body) => {
                let mut parts = Parts(body);
                // PostgreSQL 14 and newer report it when a standby is promoted.
                if let (Some(b"in_hot_standby"), Some(value)) = (parts.text(), parts.text()) {
                    self.set_role(value == b"on");
                }
            }
            Message::Whole(b'N', body) => {
                let notice = ServerError::read(body);
                // In an immediate shutdown the server sends a notice instead of an error.
                if notice.code.starts_with(OPERATOR_INTERVENTION) {
                    connection.last_words = Some(notice);
                }
            }
            // No command waits for these.
            Message::TooLarge(b'N' | b'S', _) => {}
            Message::Whole(b'E', body) => {
                let error = ServerError::read(body);
                if error.is_fatal || !is_expected {
                    connection.last_words = Some(error);
                } else {
                    reply.error.get_or_insert(error);
                }
            }
            _ if !is_expected => return Err(advice::protocol("an answer without a request")),
            // ParseComplete, BindComplete, CloseComplete, NoData, ParameterDescription, PortalSuspended.
            Message::Whole(b'1' | b'2' | b'3' | b'n' | b't' | b's', _) => {}
            Message::Whole(b'T', body) => {
                reply.describe(body, max).ok_or_else(broken("malformed columns"))?;
            }
            Message::Whole(b'D', body) => reply.row(body, max).ok_or_else(broken("a malformed row"))?,
            Message::Whole(b'C' | b'I', body) => reply.complete(Parts(body).text().unwrap_or_default(), max),
            Message::Whole(b'Z', body) => {
                let transaction = match body {
                    b"I" => Transaction::None,
                    b"T" => Transaction::Open,
                    b"E" => Transaction::Failed,
                    _ => return Err(advice::protocol("an unknown state of a transaction")),
                };
                let reply = std::mem::take(reply);
                connection.liveness.answered(now);
                return self.answered(link, reply, transaction, now, sink);
            }
            // A DataRow or a RowDescription.
            Message::TooLarge(b'D' | b'T', _) => reply.skip_row(),
            Message::TooLarge(b'E', bytes) => {
                reply.error.get_or_insert(ServerError::too_large(bytes));
            }
            Message::TooLarge(..) => return Err(advice::protocol("a message that is too long")),
            Message::Whole(b'G' | b'H' | b'W', _) => {
                return Err(Error::sent(
                    Code::Unsupported,
                    "a statement began a COPY, which this client does not support",
                ));
            }
            Message::Whole(..) => return Err(advice::protocol("a message of an unknown kind")),
        }
        Ok(())
    }

    /// Handles a message or a probe.
    fn notification(&mut self, body: &[u8], now: Instant, sink: &mut dyn Sink) -> Option<()> {
        let mut parts = Parts(body);
        parts.i32()?;
        let (channel, text) = (parts.text()?, parts.text()?);
        let is_probe = channel.starts_with(PROBE_PREFIX);
        let is_ours = channel == self.probe.channel() && text == self.proof().as_bytes();
        // A pooler also passes on notifications of other clients and of earlier connections.
        if !is_ours && (is_probe || !self.may_send()) {
            return Some(());
        }
        self.probe.delivered(now);
        self.is_proved = true;
        if is_probe {
            return Some(());
        }
        if let Some(slot) = self.delivery.slot(TopicKind::Channel, channel) {
            if let Some(connection) = self.subscriptions.connection_mut() {
                connection.liveness.brings_messages();
            }
            self.delivery.tell_gaps(now, sink);
            if text.len() > self.config.max_message_bytes {
                sink.dropped(text.len() as u64, DropReason::TooLarge);
            } else {
                sink.message(slot, None, text);
            }
        }
        Some(())
    }

    /// The oldest command is answered. If it left a transaction open, that is rolled back.
    fn answered(
        &mut self,
        link: LinkId,
        mut reply: Reply,
        transaction: Transaction,
        now: Instant,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        let config = std::sync::Arc::clone(&self.config);
        if let Some(error) = &mut reply.error {
            error.text = config.without_password(std::mem::take(&mut error.text));
        }
        let Self { encoder, commands, subscriptions, .. } = self;
        let connection = if link == SUBSCRIPTIONS { subscriptions } else { commands };
        let Some(connection) = connection.connection_mut() else { return Ok(()) };
        let Some(command) = connection.pipeline.pop_front() else { return Ok(()) };
        connection.answered += 1;
        let is_canceled = reply.error.as_ref().is_some_and(|error| &*error.code == QUERY_CANCELED);
        let is_stale = reply.error.as_ref().is_some_and(|error| error.is_stale);
        // The request to cancel was meant for the statement before, but hit this one.
        let is_by_mistake = is_canceled && connection.cancelled.take().is_some();
        if transaction == Transaction::Open {
            reply.error.get_or_insert_with(ServerError::of_open_transaction);
        }
        if transaction != Transaction::None {
            if matches!(command.expectation, Expectation::Rollback) {
                return Err(advice::protocol("a transaction that does not end"));
            }
            connection.pipeline.send(|out| {
                encoder.query(out, "ROLLBACK");
                Expectation::Rollback
            });
        }
        match command.expectation {
            Expectation::Batch(batch) => self.batch_answered(batch, reply.error, now, sink),
            Expectation::ProbeChannel => match reply.error {
                None => {
                    self.probe.confirmed(now);
                    self.owes_probe = !self.is_proved;
                }
                Some(error) => {
                    // Sending need not wait for a probe: the subscriptions either fail with the same error,
                    // or they work.
                    self.is_proved = true;
                    let error = error.into_error();
                    if self.probe.channel_refused(&error, RefusalKind::Passing, now) && config.verify_delivery
                    {
                        let name = self.probe.channel().into();
                        let topic = Topic { kind: TopicKind::Channel, name };
                        sink.event(Event::SubscribeFailed { topic, error });
                    }
                }
            },
            Expectation::Probe => match reply.error {
                None => self.probe.taken(now),
                Some(error) => {
                    self.is_proved = true;
                    let error = error.into_error();
                    if self.probe.refused(&error, RefusalKind::Passing, now) && config.verify_delivery {
                        let channel = Some(self.probe.channel().into());
                        sink.event(Event::RequestFailed { command: (*b"NOTIFY").into(), channel, error });
                    }
                }
            },
            Expectation::Ping => {
                connection.liveness.pong();
                if let Some(request) = command.request {
                    let took = now.saturating_duration_since(request.since());
                    self.counters.set_round_trip(took);
                    self.requests.answer(request, Ok(Value::Double(took.as_secs_f64())), sink);
                }
            }
            Expectation::Publish { is_new } => {
                let is_to_repeat = is_stale && !is_new || is_by_mistake;
                let result = match reply.error {
                    Some(error) => Err(error.into_error()),
                    None if reply.count_complete() == 0 => Err(unfinished()),
                    None => Ok(Value::Null),
                };
                if result.is_ok() {
                    self.counters.published();
                } else {
                    // Preparing the statement may be what failed.
                    connection.has_published = false;
                }
                match command.request {
                    Some(request) if is_to_repeat => self.requests.put_back(vec![request]),
                    Some(request) => self.requests.answer(request, result, sink),
                    None => {}
                }
            }
            Expectation::Statement { is_new } => {
                let text = command.request.as_ref().and_then(|request| text_of(request.kind()));
                if let (Some(text), true) = (text, is_stale || is_new && reply.error.is_some()) {
                    connection.statements.forget(text);
                }
                let is_undone = is_by_mistake && text.is_some_and(check::is_all_or_nothing);
                match command.request {
                    // The statement was not run: it is prepared again, and sent before all later requests.
                    Some(request) if is_stale && !is_new || is_undone => {
                        self.requests.put_back(vec![request]);
                    }
                    Some(request) => {
                        let result = statement_result(reply, config.max_message_bytes);
                        self.requests.answer(request, result, sink);
                    }
                    None => {}
                }
            }
            Expectation::Transaction { is_new } => {
                connection.is_blocked = transaction != Transaction::None;
                if let Some(request) = command.request {
                    if let (RequestKind::Transaction(statements), Some(_)) = (request.kind(), &reply.error) {
                        for args in statements {
                            connection.statements.forget(text(args));
                        }
                    }
                    // The transaction changed nothing.
                    if is_stale && !is_new || is_by_mistake {
                        self.requests.put_back(vec![request]);
                        return Ok(());
                    }
                    let result = transaction_result(&request, reply, config.max_message_bytes);
                    self.requests.answer(request, result, sink);
                }
            }
            Expectation::Rollback => connection.is_blocked = false,
        }
        Ok(())
    }

    /// The server confirmed all names of a batch, or none.
    fn batch_answered(
        &mut self,
        mut batch: Batch,
        error: Option<ServerError>,
        now: Instant,
        sink: &mut dyn Sink,
    ) {
        if let Some(error) = error {
            let kind = if &*error.code == "42501" { RefusalKind::Forbidden } else { RefusalKind::Passing };
            for event in self.delivery.refuse(batch, &error.into_error(), kind, now) {
                sink.event(event);
            }
        } else {
            let operation: Operation = batch.operation();
            // A hot standby refuses LISTEN, so it was promoted. PostgreSQL 13 and older do not report that.
            if operation == Operation::Subscribe {
                self.set_role(false);
            }
            for name in batch.names().to_vec() {
                batch.tick_off(operation, batch.kind(), &name);
                if let Some(event) = self.delivery.confirm(&batch, &name) {
                    sink.event(event);
                }
            }
        }
        let owes_more = self.delivery.awaits_confirmation();
        if let Some(connection) = self.subscriptions.connection_mut() {
            connection.liveness.confirmed(now, owes_more);
        }
    }
}

/// The text of a request's statement.
fn text_of(kind: &RequestKind) -> Option<&str> {
    match kind {
        RequestKind::Command(args) => Some(text(args)),
        _ => None,
    }
}

/// The text of a statement. The call has checked that it is UTF-8.
pub(super) fn text(args: &crate::model::Args) -> &str {
    args.get(0).and_then(|sql| std::str::from_utf8(sql).ok()).unwrap_or_default()
}

fn too_large(max: usize) -> Error {
    let text = format!(
        "the answer is larger than max_message_bytes ({max}); the statement has run: ask for fewer rows with LIMIT"
    );
    Error::sent(Code::TooLarge, text)
}

/// The server reported neither success nor failure of a statement before it was ready for the next.
fn unfinished() -> Error {
    advice::protocol("a statement without an end")
}

fn statement_result(reply: Reply, max: usize) -> Result<Value, Error> {
    match reply.error {
        Some(error) => Err(error.into_error()),
        None if reply.count_complete() == 0 => Err(unfinished()),
        None if reply.is_too_large => Err(too_large(max)),
        None => Ok(reply.into_one()),
    }
}

fn transaction_result(request: &PendingRequest, reply: Reply, max: usize) -> Result<Value, Error> {
    let count = match request.kind() {
        RequestKind::Transaction(statements) => statements.len(),
        _ => 0,
    };
    // The first completed statement is BEGIN.
    let which = match reply.count_complete() {
        0 => "BEGIN".to_owned(),
        n if n > count => "COMMIT".to_owned(),
        n => format!("statement {n} of {count}"),
    };
    match reply.error {
        Some(mut error) => {
            error.text = format!("{which} failed, and nothing of the transaction was done: {}", error.text);
            Err(error.into_error())
        }
        None if reply.count_complete() < count + 2 => Err(unfinished()),
        None if reply.is_too_large => Err(too_large(max)),
        None => Ok(reply.into_transaction()),
    }
}
