//! Functions of the global `realtime`.

use std::time::Instant;

use super::args::{Call, Fault};
use super::module::{Module, Round};
use super::output::Output;
use super::rounds;
use crate::dispatch::Budget;

/// `realtime.ProcessEvents([seconds])` → how many callbacks ran
pub(super) fn process_events(module: &mut Module, call: &mut Call<'_>) -> Result<Output, Fault> {
    let limit = if call.kind(1).is_absent() { Some(module.tick_budget) } else { call.budget(1)? };
    // References that were dropped are released by now.
    if is_idle(module) {
        return Ok(Output::Number(0.0));
    }
    module.dispatcher.begin();
    module.round = Some(Round {
        budget: Budget::new(Instant::now(), limit),
        spent: false,
        is_large: false,
        ran: 0,
        skipped: 0,
    });
    Ok(Output::Run(rounds::run))
}

/// Whether no callback waits, no line for the console is due, and nothing has to be released; or callbacks are
/// running, and one of them called us.
pub(super) fn is_idle(module: &Module) -> bool {
    if module.round.is_some() {
        return true;
    }
    module.ticks.set(module.ticks.get() + 1);
    !(module.dispatcher.has_work()
        || module.pool.has_dropped()
        || module.reports.is_due(Instant::now)
        || module.dispatcher.has_line(Instant::now))
}

/// `realtime.SetTickBudget(seconds)`
pub(super) fn set_tick_budget(module: &mut Module, call: &mut Call<'_>) -> Result<Output, Fault> {
    // An infinite budget could make one tick last for ever.
    module.tick_budget = call.budget(1)?.ok_or_else(|| call.expected(1, "seconds", "finite number"))?;
    Ok(Output::Nothing)
}

/// `realtime.Clients()` → a sequence of the open clients
pub(super) fn clients(module: &mut Module, _call: &mut Call<'_>) -> Result<Output, Fault> {
    Ok(Output::List(module.dispatcher.open().map(|(_, client)| client.data.table.index()).collect()))
}
