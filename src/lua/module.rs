//! The module's state in one Lua state.

use std::cell::Cell;
use std::collections::HashSet;
use std::ffi::{c_int, c_void};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::build::BuildState;
use super::complain;
use super::fixed::Fixed;
use super::handle::Handle;
use super::output::{Exit, Output};
use super::pulse::Pulse;
use super::refs::{Pool, Ref};
use super::spare::Spare;
use crate::backend::{OptionError, PrepareTls, Session, Tls};
use crate::crypto::Random;
use crate::dispatch::{Budget, Dispatcher, Reports};
use crate::model::{ClientSlot, Command, Join, MAX_EXACT, SessionId, Spawn};
use crate::queue::{Inbox, Order, Orders, Signal, orders};

/// What the worker thread runs for a client.
pub type Run = Box<dyn Session>;

/// How much time callbacks get in each tick, unless the script says otherwise.
pub(super) const DEFAULT_TICK_BUDGET: Duration = Duration::from_millis(2);

/// How long a closed client waits for answers.
pub(super) const DISCONNECT_FLUSH: Duration = Duration::from_secs(1);

/// How long the end of a Lua state waits until accepted commands are sent, over all clients.
const SHUTDOWN_FLUSH: Duration = Duration::from_millis(250);

/// How much longer it waits for the worker thread to end.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(250);

/// Everything that belongs to one Lua state. It holds Lua values, and so can't leave the main thread.
///
/// # Aliasing
///
/// A push can start a collection, a collection runs finalizers, and a finalizer may call any function of ours. That
/// function makes a `&mut Module` while an outer one is in the middle of its push. This is sound because:
///
/// - No reference to the module or into one of its fields is alive while Lua runs: functions keep the userdata, and
///   look the module up again after each call.
/// - Data that is being pushed lies outside of the module, in memory that only its maker changes or frees. An output
///   stays in its box until the function that made it returns. The bytes of a message in the arena of its batch, an
///   answer, an event or a document in the dispatcher's own box, and a line in its string stay until the next
///   [`Step`](crate::dispatch::Step). Only the current round takes a step, after the call that it pushed for, and no
///   second round begins meanwhile.
/// - Callbacks and names are copied out as numbers, and a number that is dropped meanwhile is not given out again
///   ([`Module::is_in_use`]).
/// - A module that is closed meanwhile stays where it is until the last of these functions returns (`anchor.rs`).
pub(super) struct Module {
    pub(super) pool: Rc<Pool>,
    pub(super) fixed: Fixed,
    pub(super) dispatcher: Dispatcher<Ref, Handle>,
    pub(super) signal: Signal,
    pub(super) worker: Option<Worker>,
    network: Box<dyn Network>,
    sessions: u32,
    /// The generator of `RandomToken`.
    pub(super) random: Random,
    /// The outputs that functions are about to push, innermost last: a collection that a push starts can call us
    /// again. A push that raised leaves its output behind, until [`enter`](Module::enter) finds it.
    pub(super) outputs: Vec<Held>,
    /// A box for the next one.
    spare_output: Option<Box<Output>>,
    /// The position of the running function on the thread's stack.
    pub(super) place: usize,
    /// Memory that functions for JSON left for the next one.
    pub(super) spare: Spare,
    /// A table that is made in slices.
    pub(super) partial: Option<PartialBuild>,
    /// A line that the running function wants on the console.
    pub(super) line: Option<String>,
    pub(super) tick_budget: Duration,
    /// The current round of callbacks.
    pub(super) round: Option<Round>,
    /// Errors of callbacks that are not reported one by one.
    pub(super) reports: Reports,
    /// Whether ticks still come.
    pub(super) pulse: Pulse,
    /// How many values the last round left for the next one.
    pub(super) carried: c_int,
    /// Ticks so far. Every call of `ProcessEvents` outside of a callback counts as one.
    pub(super) ticks: Cell<u64>,
    /// Places in scripts for which the hint about a second callback was printed.
    pub(super) hinted: HashSet<(String, i32)>,
    /// The function that a script registered for the end of the Lua state.
    pub(super) on_close: Option<Ref>,
    /// The client that the last method was called on, and the address of its table.
    pub(super) last_this: Cell<Option<(*const c_void, ClientSlot)>>,
}

/// An output that is being pushed, in a box: it must not move while inner calls come and go.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) output: Box<Output>,
    /// The position of the function that pushes it on the thread's stack.
    place: usize,
}

/// The state of a table that takes several slices.
#[derive(Debug)]
pub(super) struct PartialBuild {
    pub(super) state: Box<BuildState>,
    /// How many values the list at `Fixed::partial` holds for it, and the most that it ever held.
    pub(super) values: c_int,
    pub(super) most: c_int,
}

/// A round of callbacks.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) budget: Budget,
    pub(super) spent: bool,
    /// The message of the current callbacks is large.
    pub(super) is_large: bool,
    /// How many callbacks ran.
    pub(super) ran: u32,
    /// How many items reached no callback.
    pub(super) skipped: u32,
}

/// The services of a room that the module does not know: the worker thread, and TLS for its links.
pub trait Network: Spawn<Inbox<Run>> + PrepareTls {}

impl<T: Spawn<Inbox<Run>> + PrepareTls> Network for T {}

/// The worker thread.
pub(super) struct Worker {
    pub(super) orders: Orders<Run>,
    join: Box<dyn Join>,
}

impl Module {
    /// A module with no client.
    pub(super) fn new(fixed: Fixed, pool: Rc<Pool>, network: Box<dyn Network>) -> Self {
        let signal = Signal::default();
        Self {
            pool,
            fixed,
            dispatcher: Dispatcher::new(Arc::clone(&signal)),
            signal,
            worker: None,
            network,
            sessions: 0,
            random: Random::new(),
            outputs: Vec::new(),
            spare_output: None,
            place: 0,
            spare: Spare::default(),
            partial: None,
            line: None,
            tick_budget: DEFAULT_TICK_BUDGET,
            round: None,
            reports: Reports::default(),
            pulse: Pulse::new(Instant::now()),
            carried: 0,
            ticks: Cell::new(0),
            hinted: HashSet::new(),
            on_close: None,
            last_this: Cell::new(None),
        }
    }

    /// The worker thread, started if this is the first time.
    ///
    /// # Errors
    ///
    /// The system refused to start it.
    pub(super) fn worker(&mut self) -> std::io::Result<&Worker> {
        match &mut self.worker {
            Some(worker) => Ok(worker),
            missing => {
                let (orders, inbox) = orders();
                let join = self.network.spawn(inbox)?;
                Ok(missing.insert(Worker { orders, join }))
            }
        }
    }

    /// Prepares the TLS settings of a client's links.
    ///
    /// # Errors
    ///
    /// An error in certificates or keys.
    pub(super) fn prepare_tls(&self, tls: &Arc<Tls>) -> Result<(), OptionError> {
        self.network.prepare_tls(tls)
    }

    /// The id of a new session.
    pub(super) fn session_id(&mut self) -> SessionId {
        self.sessions += 1;
        SessionId(self.sessions)
    }

    /// Passes a command to a session.
    pub(super) fn send(&self, session: SessionId, command: Command) {
        // There is a session, so there is a worker.
        if let Some(worker) = &self.worker {
            worker.orders.push(Order::Command { id: session, command });
        }
    }

    /// Makes an output safe to be alive where Lua may raise.
    pub(super) fn hold(&mut self, output: Output) -> Exit {
        match output {
            Output::Nothing => Exit::Nothing,
            Output::Boolean(value) => Exit::Boolean(value),
            Output::Number(value) => Exit::Number(value),
            Output::Static(text) => Exit::Static(text),
            Output::Kept(reference) => Exit::Kept(reference),
            Output::NeedsSlots(slots) => Exit::NeedsSlots(slots),
            Output::Run(run) => Exit::Run(run),
            held => {
                let mut output = self.spare_output.take().unwrap_or_else(|| Box::new(Output::Nothing));
                *output = held;
                self.outputs.push(Held { output, place: self.place });
                Exit::Held(self.outputs.len() - 1)
            }
        }
    }

    /// Drops the outputs from `depth` on, which were pushed.
    pub(super) fn release(&mut self, depth: usize) {
        while self.outputs.len() > depth
            && let Some(Held { mut output, .. }) = self.outputs.pop()
        {
            self.spare.take(std::mem::replace(&mut *output, Output::Nothing));
            self.spare_output = Some(output);
        }
    }

    /// A function begins at `place`. Drops the outputs whose pushes raised: a function that is still pushing has a
    /// higher place, because it called this one, perhaps through many others, and stacks grow downwards everywhere.
    pub(super) fn enter(&mut self, place: usize) {
        self.place = place;
        while self.outputs.last().is_some_and(|held| held.place <= place) {
            self.outputs.pop();
        }
    }

    /// Whether a function of ours that has not returned yet may still use this state: a callback can close the
    /// module, and so can any code that a push runs, because it may start a collection and so a finalizer.
    pub(super) fn is_in_use(&self) -> bool {
        self.round.is_some() || !self.outputs.is_empty()
    }

    /// Frees all events and callbacks, unless a round still uses them: a closed module may have to outlast a push.
    pub(super) fn forget_events(&mut self) {
        if self.round.is_none() {
            self.dispatcher = Dispatcher::new(Arc::clone(&self.signal));
        }
    }

    /// Ends everything: errors that were not reported are printed, accepted commands are still sent, for a bounded
    /// time.
    pub(super) fn shut_down(&mut self) {
        for line in self.reports.rest(Instant::now()) {
            complain(format_args!("{line}"));
        }
        for line in self.dispatcher.rest() {
            complain(format_args!("{}", line.trim_start_matches("[realtime] ")));
        }
        let Some(Worker { orders, join }) = self.worker.take() else { return };
        let deadline = Instant::now() + SHUTDOWN_FLUSH;
        orders.push(Order::Shutdown { deadline });
        if !join.join(deadline + SHUTDOWN_GRACE) {
            complain(format_args!("the worker thread did not end in time and is left running"));
        }
    }
}

/// The position of a function's own value on the thread's stack.
pub(super) fn place_on_stack<T>(own: &T) -> usize {
    (&raw const *own).addr()
}

/// A client's slot as the number in its table: 21 bits of place, 32 of generation, which a double can hold.
pub(super) fn pack(slot: ClientSlot) -> f64 {
    f64::from(slot.generation) * PLACES + f64::from(slot.index)
}

/// The slot in a client's table.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked, or nonsense that fits no slot"
)]
pub(super) fn unpack(number: f64) -> Option<ClientSlot> {
    if number.fract() != 0.0 || !(0.0..=MAX_EXACT).contains(&number) {
        return None;
    }
    Some(ClientSlot::new((number % PLACES) as u32, (number / PLACES) as u32))
}

/// How many places a packed slot can name. Far more than a process could hold.
const PLACES: f64 = 2_097_152.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_survives_being_a_number() {
        for (index, generation) in [(0, 0), (1, 0), (0, 1), (2_097_151, u32::MAX), (77, 4_000_000_000)] {
            let slot = ClientSlot::new(index, generation);
            assert_eq!(unpack(pack(slot)), Some(slot));
        }
        for nonsense in [-1.0, 0.5, f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(unpack(nonsense), None, "{nonsense}");
        }
    }
}
