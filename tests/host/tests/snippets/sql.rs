//! Blocks of SQL: a PostgreSQL accepts them, page by page in order.

use std::path::Path;

use libtest_mimic::Failed;

use crate::markdown::{self, Block};

/// Whether a server is available or required.
pub(crate) fn is_expected() -> bool {
    cfg!(unix) && is_counted_on()
}

#[cfg(unix)]
fn is_counted_on() -> bool {
    real_postgres::is_expected()
}

#[cfg(not(unix))]
fn is_counted_on() -> bool {
    false
}

/// Runs the page's blocks up to this one.
#[cfg(unix)]
pub(crate) fn runs(root: &Path, name: &str, block: &Block) -> Result<(), Failed> {
    let server = real_postgres::RealPostgres::builder().start()?;
    let page = std::fs::read_to_string(root.join(name))?;
    for block in markdown::blocks(&page).iter().filter(|it| it.language == "sql" && it.line <= block.line) {
        // A statement outside of a transaction, like CREATE DATABASE, runs separately.
        let statements = if block.code.contains("$$") {
            vec![&*block.code]
        } else {
            block.code.split_inclusive(";\n").collect()
        };
        for sql in statements {
            server.psql(sql)?;
        }
    }
    Ok(())
}

#[cfg(not(unix))]
pub(crate) fn runs(_: &Path, _: &str, _: &Block) -> Result<(), Failed> {
    let _unused = markdown::blocks;
    Ok(())
}
