//! Every function of the module, in one table.

use super::args::{Call, Fault};
use super::function::{Closed, Function, Prepare};
use super::module::Module;
use super::output::Output;
use super::{client, config_file, connect, crypto, json, library, requests};

const fn function(
    name: &'static str,
    run: fn(&mut Module, &mut Call<'_>) -> Result<Output, Fault>,
    closed: Closed,
) -> Function {
    Function { name, method: false, run, closed, prepare: Prepare::Nothing, is_idle: None }
}

const fn method(
    name: &'static str,
    run: fn(&mut Module, &mut Call<'_>) -> Result<Output, Fault>,
    closed: Closed,
) -> Function {
    Function { name, method: true, run, closed, prepare: Prepare::Nothing, is_idle: None }
}

/// A method whose first argument is a topic's name.
const fn topic_method(
    name: &'static str,
    run: fn(&mut Module, &mut Call<'_>) -> Result<Output, Fault>,
) -> Function {
    Function {
        name,
        method: true,
        run,
        closed: Closed::Raise,
        prepare: Prepare::TextArgument(2),
        is_idle: None,
    }
}

/// Functions and methods. The metamethod `__tostring` is a method of that name.
pub(super) static FUNCTIONS: [Function; 27] = [
    Function {
        name: "Connect",
        method: false,
        run: connect::connect,
        closed: Closed::Raise,
        prepare: Prepare::Client,
        is_idle: None,
    },
    Function {
        is_idle: Some(library::is_idle),
        ..function("ProcessEvents", library::process_events, Closed::Zero)
    },
    function("SetTickBudget", library::set_tick_budget, Closed::Nothing),
    function("Clients", library::clients, Closed::Empty),
    function("RandomToken", crypto::random_token, Closed::Raise),
    function("SHA256", crypto::sha256_of, Closed::Raise),
    function("HMAC", crypto::hmac_of, Closed::Raise),
    function("RestrictConfig", config_file::restrict_config, Closed::Raise),
    function("DecodeJson", json::decode_json, Closed::Raise),
    function("EncodeJson", json::encode_json, Closed::Raise),
    topic_method("Subscribe", client::subscribe),
    topic_method("PSubscribe", client::psubscribe),
    method("Unsubscribe", client::unsubscribe, Closed::Nothing),
    method("PUnsubscribe", client::punsubscribe, Closed::Nothing),
    method("On", client::on, Closed::Raise),
    method("Off", client::off, Closed::Nothing),
    method("Publish", requests::publish, Closed::Refuse),
    method("Command", requests::command, Closed::Refuse),
    method("Transaction", requests::transaction, Closed::Refuse),
    method("CommandSync", requests::command_sync, Closed::Error),
    method("Ping", requests::ping, Closed::Refuse),
    method("State", client::state, Closed::Text("closed")),
    method("IsConnected", client::is_connected, Closed::False),
    method("IsValid", client::is_valid, Closed::False),
    method("Stats", client::stats, Closed::Stats),
    method("Disconnect", client::disconnect, Closed::Nothing),
    method("__tostring", client::to_string, Closed::Text("RealtimeClient (closed)")),
];
