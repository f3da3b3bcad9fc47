//! Scripts of `benches/game/` in the stand-in host: their lines `= key number` go into the results.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::error::Error;
use crate::process::figures;
use crate::results::{OURS, Results};
use crate::settings::Settings;

/// A script, and how it is run.
struct Script {
    /// Its name in `benches/game/`.
    name: &'static str,
    /// Options of the host, before the script.
    options: &'static [&'static str],
    /// Arguments for figures to publish.
    full: &'static [&'static str],
    /// Arguments for a short run.
    quick: &'static [&'static str],
}

/// A server in another process, so that its work is not the host's.
const REAL: &[&str] = &["--server", "real"];

/// A new script needs only a row here. Each has its own rounds, and runs once.
const SCRIPTS: &[Script] = &[
    Script { name: "main_thread", options: &[], full: &[], quick: &["quick=1"] },
    Script { name: "hundred", options: REAL, full: &[], quick: &["quick=1"] },
    Script { name: "ticks", options: REAL, full: &[], quick: &["quick=1"] },
    Script { name: "memory", options: REAL, full: &[], quick: &["quick=1"] },
    Script { name: "growth", options: REAL, full: &[], quick: &["quick=1"] },
];

/// How long one script may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// All of them.
///
/// # Errors
///
/// The system's own; a script that fails.
pub(crate) fn run(settings: &Settings, host: &Path, results: &mut Results) -> Result<(), Error> {
    for script in SCRIPTS {
        let file = format!("benches/game/{}.lua", script.name);
        let mut command = Command::new(host);
        command.arg("--timeout").arg(PATIENCE.as_secs().to_string()).args(script.options).arg(&file);
        command.args(if settings.quick { script.quick } else { script.full });
        let group = format!("game/{}", script.name);
        for (key, value) in figures(command, PATIENCE)?.pairs {
            results.add(&group, OURS, &key, unit(&key), value);
        }
    }
    Ok(())
}

/// The unit that a key ends in, as in `deliver_ns` or `in_flight_bytes_each`.
fn unit(key: &str) -> &'static str {
    const UNITS: [(&str, &str); 7] = [
        ("ns", "ns"),
        ("us", "µs"),
        ("ms", "ms"),
        ("seconds", "s"),
        ("bytes", "B"),
        ("percent", "%"),
        ("ratio", "×"),
    ];
    let key = key.strip_suffix("_each").unwrap_or(key);
    let last = key.rsplit([' ', '_']).next().unwrap_or_default();
    UNITS.iter().find(|(name, _)| *name == last).map_or("", |(_, unit)| unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_ends_in_its_unit() {
        assert_eq!(unit("nothing_waits_ns"), "ns");
        assert_eq!(unit("in_flight_64b_heap_bytes_each"), "B");
        assert_eq!(unit("callbacks"), "");
    }
}
