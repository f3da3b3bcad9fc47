//! The database of the game's `sql` library: SQLite, in the file `garrysmod/sv.db` of a folder that stays, or else in
//! memory.

use std::{cell::RefCell, path::Path};

use rusqlite::{Batch, Connection, Statement, fallible_iterator::FallibleIterator as _, types::ValueRef};

/// Each column's name and its value as text, in the order of the columns.
pub(crate) type Row = Vec<(String, Vec<u8>)>;

/// Opened at the first query, because most runs have none.
#[derive(Debug, Default)]
pub(crate) struct Database(RefCell<Option<Connection>>);

impl Database {
    /// Runs statements one after the other and returns the rows of all. Without a file the database is in memory.
    ///
    /// # Errors
    ///
    /// `SQLite`'s own words. Later statements have not run.
    pub(crate) fn query(&self, file: Option<&Path>, statements: &str) -> Result<Vec<Row>, String> {
        let mut connection = self.0.borrow_mut();
        let connection = match &mut *connection {
            Some(connection) => connection,
            none => {
                let opened = file.map_or_else(Connection::open_in_memory, Connection::open);
                none.insert(opened.map_err(words)?)
            }
        };
        let mut found = Vec::new();
        let mut batch = Batch::new(connection, statements);
        while let Some(mut statement) = batch.next().map_err(words)? {
            rows(connection, &mut statement, &mut found).map_err(words)?;
        }
        Ok(found)
    }
}

fn rows(
    connection: &Connection,
    statement: &mut Statement<'_>,
    found: &mut Vec<Row>,
) -> rusqlite::Result<()> {
    let names: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        let texts = names
            .iter()
            .enumerate()
            .map(|(column, name)| Ok((name.clone(), text(connection, row.get_ref(column)?)?)));
        found.push(texts.collect::<rusqlite::Result<_>>()?);
    }
    Ok(())
}

/// In the game every value is text, and null is the text "NULL".
fn text(connection: &Connection, value: ValueRef<'_>) -> rusqlite::Result<Vec<u8>> {
    Ok(match value {
        ValueRef::Null => b"NULL".to_vec(),
        ValueRef::Integer(number) => number.to_string().into_bytes(),
        // As SQLite writes it: 1.0, 1.0e+300.
        ValueRef::Real(number) => connection
            .query_row("SELECT CAST(? AS TEXT)", [number], |row| row.get::<_, String>(0))?
            .into_bytes(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.to_vec(),
    })
}

fn words(error: rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(words)) => words,
        rusqlite::Error::SqlInputError { msg, .. } => msg,
        other => other.to_string(),
    }
}
