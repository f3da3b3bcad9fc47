//! Every function of the module, in one table.

use std::borrow::Cow;

use super::args::{Call, Fault};
use super::function::{Function, nothing};
use super::module::Module;
use super::output::Output;
use super::{client, config_file, connect, crypto, library, requests};
use crate::model::{Code, Error};

const CLOSED: &str = "realtime was closed with the map it was loaded on";
const RAISE: Output = Output::Raise(Cow::Borrowed(CLOSED));
const ERROR: Error = Error { code: Code::Closed, message: Cow::Borrowed(CLOSED), sent: false, remedy: None };
const REFUSE: Output = Output::Refused(ERROR);

type Run = fn(&mut Module, &mut Call<'_>) -> Result<Output, Fault>;

const fn function(name: &'static str, run: Run, closed: Output) -> Function {
    Function { name, method: false, run, closed, prepare: nothing, is_idle: None }
}

const fn method(name: &'static str, run: Run, closed: Output) -> Function {
    Function { name, method: true, run, closed, prepare: nothing, is_idle: None }
}

/// A method whose first argument is a topic's name.
const fn topic_method(name: &'static str, run: Run) -> Function {
    Function { name, method: true, run, closed: RAISE, prepare: client::prepare_topic, is_idle: None }
}

/// Functions and methods. The metamethod `__tostring` is a method of that name.
pub(super) static FUNCTIONS: [Function; 25] = [
    Function {
        name: "Connect",
        method: false,
        run: connect::connect,
        closed: RAISE,
        prepare: connect::prepare_client,
        is_idle: None,
    },
    Function {
        name: "ProcessEvents",
        method: false,
        run: library::process_events,
        closed: Output::Number(0.0),
        prepare: nothing,
        is_idle: Some(library::is_idle),
    },
    function("SetTickBudget", library::set_tick_budget, Output::Nothing),
    function("Clients", library::clients, Output::List(Vec::new())),
    function("RandomToken", crypto::random_token, RAISE),
    function("SHA256", crypto::sha256_of, RAISE),
    function("HMAC", crypto::hmac_of, RAISE),
    function("RestrictConfig", config_file::restrict_config, RAISE),
    topic_method("Subscribe", client::subscribe),
    topic_method("PSubscribe", client::psubscribe),
    method("Unsubscribe", client::unsubscribe, Output::Nothing),
    method("PUnsubscribe", client::punsubscribe, Output::Nothing),
    method("On", client::on, RAISE),
    method("Off", client::off, Output::Nothing),
    method("Publish", requests::publish, REFUSE),
    method("Command", requests::command, REFUSE),
    method("Transaction", requests::transaction, REFUSE),
    method("CommandSync", requests::command_sync, Output::Answer(Err(ERROR))),
    method("Ping", requests::ping, REFUSE),
    method("State", client::state, Output::Static("closed")),
    method("IsConnected", client::is_connected, Output::Boolean(false)),
    method("IsValid", client::is_valid, Output::Boolean(false)),
    method("Stats", client::stats, Output::Stats(None)),
    method("Disconnect", client::disconnect, Output::Nothing),
    method("__tostring", client::to_string, Output::Static("RealtimeClient (closed)")),
];
