//! The module and its parser beside their peers.

mod error;
mod hiredis;
mod parse;
mod results;
mod settings;
mod subscribe;
mod system;

pub(crate) const USAGE: &str = "";

fn main() -> Result<(), error::Error> {
    let mut results = results::Results::default();
    let quick = std::env::args().any(|arg| arg == "--quick");
    let settings = if quick { settings::Settings::QUICK } else { settings::Settings::FULL };
    parse::run(&settings, &mut results)?;
    print!("{}", results.table());
    Ok(())
}
