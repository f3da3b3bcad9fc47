//! Transactions.

use crate::commands::{Call, Command, Outcome, lookup, run};
use crate::connection::{Transaction, Watched};
use crate::failure::Failure;

pub(super) const COMMANDS: &[Command] = &[
    Command::new("multi", 1, "transaction", multi).without_data().never_queued(),
    Command::new("exec", 1, "transaction", exec).without_data().never_queued(),
    Command::new("discard", 1, "transaction", discard).without_data().never_queued(),
    Command::new("watch", -2, "transaction", watch).without_data().never_queued(),
    Command::new("unwatch", 1, "transaction", unwatch).without_data(),
];

fn multi(call: &mut Call<'_>) -> Outcome {
    let transaction = &mut call.session().transaction;
    if transaction.is_some() {
        return Err(Failure::of("ERR MULTI calls can not be nested"));
    }
    *transaction = Some(Transaction::default());
    call.reply().ok();
    Ok(())
}

fn exec(call: &mut Call<'_>) -> Outcome {
    let Some(transaction) = call.session().transaction.take() else {
        return Err(Failure::of("ERR EXEC without MULTI"));
    };
    let watched = std::mem::take(&mut call.session().watched);
    if transaction.spoiled {
        return Err(Failure::EXEC_ABORTED);
    }
    let databases = &mut call.state.databases;
    if watched.iter().any(|key| databases[key.db].version_of(&key.key) != key.version) {
        call.reply().null_array();
        return Ok(());
    }
    call.reply().array(transaction.queue.len());
    for request in transaction.queue {
        match lookup(&request, call.state) {
            Ok(command) => run(call.state, call.id, &request, command),
            // It was found when it was queued; the settings may have changed since.
            Err(failure) => call.reply().error(&failure),
        }
    }
    Ok(())
}

fn discard(call: &mut Call<'_>) -> Outcome {
    let session = call.session();
    if session.transaction.take().is_none() {
        return Err(Failure::of("ERR DISCARD without MULTI"));
    }
    session.watched.clear();
    call.reply().ok();
    Ok(())
}

fn watch(call: &mut Call<'_>) -> Outcome {
    if call.session().transaction.is_some() {
        return Err(Failure::of("ERR WATCH inside MULTI is not allowed"));
    }
    let db = call.session().db;
    for key in &call.args[1..] {
        let version = call.database().version_of(key);
        call.session().watched.push(Watched { db, key: key.clone(), version });
    }
    call.reply().ok();
    Ok(())
}

fn unwatch(call: &mut Call<'_>) -> Outcome {
    call.session().watched.clear();
    call.reply().ok();
    Ok(())
}
