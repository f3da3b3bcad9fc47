//! The game's database.

use crate::{ffi::Call, value::Value};

/// `sql_query(statements)`: a list of rows, each { name, value, name, value … }; or what is wrong, as a text.
pub(super) fn query(call: &Call<'_>) -> Result<Value, String> {
    let run = call.run();
    let file = run.options.game.is_some().then(|| run.folder.game().join("sv.db"));
    Ok(match run.sql.query(file.as_deref(), call.text(0)?) {
        Ok(rows) => Value::List(
            rows.into_iter()
                .map(|row| {
                    Value::List(
                        row.into_iter().flat_map(|(name, value)| [name.into(), value.into()]).collect(),
                    )
                })
                .collect(),
        ),
        Err(words) => words.into(),
    })
}
