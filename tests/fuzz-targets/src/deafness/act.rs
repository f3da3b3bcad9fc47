//! Events of a client and its server, encoded as bytes: each act is its number and its few operands, so that a
//! fuzzer's mutations are meaningful, and any bytes are a script.

use std::time::Duration;

use arbitrary::{Arbitrary, Result, Unstructured};

/// The settings of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Profile {
    /// RESP2 is requested; otherwise the protocol is "auto".
    pub(super) resp2: bool,
    /// The option verify_delivery.
    pub(super) verify: bool,
    /// Both hosts have separate addresses, and the client has both; otherwise one address leads to one or the other.
    pub(super) several: bool,
    /// Seed of the session's random numbers.
    pub(super) seed: u8,
}

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// Time passes.
    Wait(Duration),
    /// The client subscribes to the topic with this number.
    Subscribe(usize),
    /// It unsubscribes.
    Unsubscribe(usize),
    /// It publishes.
    Publish(usize),
    /// It sends a command.
    Get,
    /// It sends a transaction.
    Transaction,
    /// Its main thread runs no callback for this long: the queue is full.
    Stall(Duration),
    /// The server refuses to subscribe to the topics of this mask, with this error, for this long.
    Refuse(u8, usize, Duration),
    /// It refuses every UNSUBSCRIBE.
    RefuseEnds(usize, Duration),
    /// It runs a script for this long, and refuses everything except logins.
    Busy(Duration),
    /// It has no data to serve for this long. A master was restarted; a replica synchronizes, or has lost its master
    /// if the flag is set.
    Load(bool, Duration),
    /// The master becomes a replica. The flags: whether the address leads to the new master from now on, and whether
    /// messages published there reach the replica.
    Demote { moves: bool, linked: bool },
    /// It becomes a master again.
    Promote,
    /// How HELLO is answered from now on.
    Hello(usize),
    /// It answers, but delivers no message for this long.
    Swallow(Duration),
    /// It closes the connections of this mask.
    HangUp(u8),
    /// It stands still for this long.
    Freeze(Duration),
    /// The current connections are dead, and no peer is informed.
    Die,
    /// Connections fail for this long: they are refused, or hang.
    Away { hangs: bool, time: Duration },
    /// EXEC is refused for this long.
    RefuseExec(Duration),
    /// A PING is answered by `+PONG`, whatever its argument.
    ShortPong(bool),
    /// The delay of answers.
    Lag(Duration),
    /// Another node has the hash slots for this long.
    Move(Duration),
}

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Script {
    pub(super) profile: Profile,
    pub(super) acts: Vec<Act>,
}

impl<'a> Arbitrary<'a> for Script {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let (bits, seed) = (u8::arbitrary(u)?, u8::arbitrary(u)?);
        let profile = Profile { resp2: bits & 3 == 0, verify: bits & 4 != 0, several: bits & 8 != 0, seed };
        let mut acts = Vec::new();
        while !u.is_empty() {
            acts.push(act(u)?);
        }
        Ok(Self { profile, acts })
    }
}

/// From nothing to five and a half minutes, short times more often.
fn time(u: &mut Unstructured<'_>) -> Result<Duration> {
    let n = u32::from(u8::arbitrary(u)?);
    Ok(Duration::from_millis(u64::from(n * n * 5)))
}

fn act(u: &mut Unstructured<'_>) -> Result<Act> {
    let kind = u8::arbitrary(u)? % 40;
    let number = |u: &mut Unstructured<'_>| u8::arbitrary(u).map(usize::from);
    let bit = |u: &mut Unstructured<'_>| u8::arbitrary(u).map(|byte| byte & 1 == 1);
    Ok(match kind {
        0..10 => Act::Wait(time(u)?),
        10..14 => Act::Subscribe(number(u)?),
        14..16 => Act::Unsubscribe(number(u)?),
        16 => Act::Publish(number(u)?),
        17 => Act::Get,
        18 => Act::Transaction,
        19..21 => Act::Stall(time(u)? / 4),
        21..24 => Act::Refuse(u8::arbitrary(u)?, number(u)?, time(u)?),
        24 => Act::RefuseEnds(number(u)?, time(u)?),
        25 => Act::Busy(time(u)?),
        26..28 => Act::Load(bit(u)?, time(u)?),
        28..30 => {
            let bits = u8::arbitrary(u)?;
            Act::Demote { moves: bits & 1 != 0, linked: bits & 2 != 0 }
        }
        30 => Act::Promote,
        31 => Act::Hello(number(u)?),
        32 => Act::Swallow(time(u)?),
        33..35 => Act::HangUp(u8::arbitrary(u)?),
        35 => Act::Freeze(time(u)? / 4),
        36 => Act::Die,
        37 => Act::Away { hangs: bit(u)?, time: time(u)? },
        38 => Act::RefuseExec(time(u)?),
        _ => match u8::arbitrary(u)? % 8 {
            0 => Act::ShortPong(false),
            1 => Act::ShortPong(true),
            4..8 => Act::Move(time(u)?),
            n => Act::Lag(Duration::from_millis(u64::from(n - 2) * 700)),
        },
    })
}
