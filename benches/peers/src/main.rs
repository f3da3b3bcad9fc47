//! The module and its parser beside their peers.

mod error;
mod firehose;
mod hiredis;
mod parse;
mod process;
mod results;
mod settings;
mod subscribe;
mod system;

use error::Error;
use results::Results;
use settings::Settings;
use subscribe::Subject;

pub(crate) const USAGE: &str = "";

fn main() -> Result<(), Error> {
    let mut results = Results::default();
    let args: Vec<String> = std::env::args().collect();
    let settings = if args.iter().any(|a| a == "--quick") { Settings::QUICK } else { Settings::FULL };
    match args[1].as_str() {
        "serve" => return firehose::serve(args[2].parse().unwrap()),
        "firehose" => return Subject::named(&args[2]).unwrap().firehose(args[3].parse().unwrap()),
        "parse" => parse::run(&settings, &mut results)?,
        "fire" => firehose::run(&settings, &mut results)?,
        _ => {}
    }
    print!("{}", results.table());
    Ok(())
}
