//! Replies of every type, and of no type at all.

use crate::commands::{Call, Command, Outcome, lower};
use crate::failure::Failure;
use crate::reply::Protocol;

pub(super) const COMMANDS: &[Command] = &[
    Command::new("debug", -2, "dangerous", debug).without_data(),
    // This server's own command: the reply is the argument, byte by byte.
    Command::new("fake.reply", 2, "fake", raw_reply).without_data(),
];

fn debug(call: &mut Call<'_>) -> Outcome {
    let subcommand = &call.args[1];
    match (subcommand.to_ascii_lowercase().as_slice(), call.args.get(2)) {
        (b"protocol", Some(kind)) if call.args.len() == 3 => protocol(call, &lower(kind)),
        _ => {
            let mut text = b"ERR unknown subcommand or wrong number of arguments for '".to_vec();
            text.extend_from_slice(subcommand);
            text.extend_from_slice(b"'. Try DEBUG HELP.");
            Err(Failure::quoting(text))
        }
    }
}

/// The answers of Redis 7.0's `DEBUG PROTOCOL`.
fn protocol(call: &mut Call<'_>, kind: &str) -> Outcome {
    let resp2 = call.session().protocol == Protocol::Resp2;
    let mut reply = call.reply();
    match kind {
        "string" => reply.bulk("Hello World"),
        "integer" => reply.integer(12345),
        #[expect(clippy::approx_constant, reason = "the number that Redis says")]
        "double" => reply.double(3.141),
        "null" => reply.null(),
        "array" => {
            reply.array(3);
            (0..3).for_each(|number| reply.integer(number));
        }
        "set" => {
            reply.set(3);
            (0..3).for_each(|number| reply.integer(number));
        }
        "map" => {
            reply.map(3);
            for number in 0..3 {
                reply.integer(number);
                reply.boolean(number == 1);
            }
        }
        "attrib" => {
            if reply.attribute(1) {
                reply.bulk("key-popularity");
                reply.array(2);
                reply.bulk("key:123");
                reply.integer(90);
            }
            reply.bulk("Some real reply following the attribute");
        }
        "push" if resp2 => return Err(Failure::of("ERR RESP2 is not supported by this command")),
        "push" => {
            reply.push(2);
            reply.bulk("server-cpu-usage");
            reply.integer(42);
            reply.bulk("Some real reply following the push reply");
        }
        "true" => reply.boolean(true),
        "false" => reply.boolean(false),
        "verbatim" => reply.verbatim("This is a verbatim\nstring"),
        "bignum" => reply.big_number("1234567999999999999999999999999999999"),
        _ => {
            return Err(Failure::of(
                "ERR Wrong protocol type name. Please use one of the following: \
                 string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
            ));
        }
    }
    Ok(())
}

fn raw_reply(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    call.reply().raw(&args[1]);
    Ok(())
}
