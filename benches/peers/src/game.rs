//! Scripts of `benches/game/` in the stand-in host: what they print as `= key number` goes into the results.

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
    /// What it is told for figures to show.
    full: &'static [&'static str],
    /// What it is told to end soon.
    quick: &'static [&'static str],
}

/// Adding a script is adding a row.
const SCRIPTS: &[Script] = &[];

/// How long one script may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// All of them in turn, round after round. Those that are not there are left out.
///
/// # Errors
///
/// The system's own; a script that fails.
pub(crate) fn run(settings: &Settings, host: &Path, results: &mut Results) -> Result<(), Error> {
    for _ in 0..settings.rounds {
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
    }
    Ok(())
}

/// The unit that a key ends in, as in `one event, ns` or `idle_bytes`.
fn unit(key: &str) -> &'static str {
    const UNITS: [(&str, &str); 9] = [
        ("ns", "ns"),
        ("us", "µs"),
        ("ms", "ms"),
        ("s", "s"),
        ("seconds", "s"),
        ("bytes", "B"),
        ("percent", "%"),
        ("syscalls", "system calls"),
        ("allocations", "allocations"),
    ];
    let last = key.rsplit([' ', '_']).next().unwrap_or_default();
    UNITS.iter().find(|(name, _)| *name == last).map_or("", |(_, unit)| unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_ends_in_its_unit() {
        assert_eq!(unit("nothing_waits_ns"), "ns");
        assert_eq!(unit("10,000 events in flight, bytes"), "B");
        assert_eq!(unit("callbacks"), "");
    }
}
