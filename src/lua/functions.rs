//! Every function of the module, in one table.

use std::borrow::Cow;

use super::args::{Call, Fault};
use super::fixed::Fixed;
use super::function::{Function, nothing};
use super::module::Module;
use super::output::Output;
use super::raw::Lua;
use super::{client, closing, config_file, connect, crypto, json, library, requests};
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
    let mut function = function(name, run, closed);
    function.method = true;
    function
}

impl Function {
    const fn prepared(mut self, prepare: unsafe fn(Lua, Fixed)) -> Self {
        self.prepare = prepare;
        self
    }

    const fn idle(mut self, is_idle: fn(&Module) -> bool) -> Self {
        self.is_idle = Some(is_idle);
        self
    }
}

/// Functions and methods. The metamethod `__tostring` is a method of that name.
pub(super) static FUNCTIONS: [Function; 32] = [
    function("Connect", connect::connect, RAISE).prepared(connect::prepare_client),
    function("ProcessEvents", library::process_events, Output::Number(0.0)).idle(library::is_idle),
    function("SetTickBudget", library::set_tick_budget, Output::Nothing),
    function("Clients", library::clients, Output::List(Vec::new())),
    function("OnClose", closing::on_close, RAISE),
    function("RandomToken", crypto::random_token, RAISE),
    function("SHA256", crypto::sha256_of, RAISE),
    function("HMAC", crypto::hmac_of, RAISE),
    function("RestrictConfig", config_file::restrict_config, RAISE),
    function("DecodeJson", json::decode_json, RAISE),
    function("EncodeJson", json::encode_json, RAISE),
    method("Subscribe", client::subscribe, RAISE).prepared(client::prepare_topic),
    method("PSubscribe", client::psubscribe, RAISE).prepared(client::prepare_topic),
    method("SSubscribe", client::ssubscribe, RAISE).prepared(client::prepare_topic),
    method("Unsubscribe", client::unsubscribe, Output::Nothing),
    method("PUnsubscribe", client::punsubscribe, Output::Nothing),
    method("SUnsubscribe", client::sunsubscribe, Output::Nothing),
    method("On", client::on, RAISE),
    method("Off", client::off, Output::Nothing),
    method("Publish", requests::publish, REFUSE),
    method("SPublish", requests::spublish, REFUSE),
    method("Command", requests::command, REFUSE),
    method("Transaction", requests::transaction, REFUSE),
    method("CommandSync", requests::command_sync, Output::Answer(Err(ERROR))),
    method("Ping", requests::ping, REFUSE),
    method("State", client::state, Output::Static("closed")),
    method("IsConnected", client::is_connected, Output::Boolean(false)),
    method("IsValid", client::is_valid, Output::Boolean(false)),
    method("Stats", client::stats, Output::Stats(None)),
    method("Subscriptions", client::subscriptions, Output::List(Vec::new())),
    method("Disconnect", client::disconnect, Output::Nothing),
    method("__tostring", client::to_string, Output::Static("RealtimeClient (closed)")),
];
