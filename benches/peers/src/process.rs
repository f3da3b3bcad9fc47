//! Child processes: bounded in time, ended together with this one, with figures read from their output.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::system;

/// How often a child is checked for its end.
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// A process that serves until this is dropped.
#[derive(Debug)]
pub(crate) struct Service {
    child: Child,
    /// The first line that it printed.
    pub(crate) said: String,
}

impl Service {
    /// Starts it, and waits for its first line.
    ///
    /// # Errors
    ///
    /// The system's own, or it ends without any output.
    pub(crate) fn start(mut command: Command) -> Result<Self, Error> {
        let told = told(&command);
        system::die_with_parent(&mut command);
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(Error::io(told.clone()))?;
        let mut said = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut said).map_err(Error::io(told))?;
        }
        Ok(Self { child, said: said.trim().to_owned() })
    }

    /// Starts a child without output that ends with this process.
    pub(crate) fn silent(mut command: Command) -> Result<Self, Error> {
        let told = told(&command);
        system::die_with_parent(&mut command);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().map_err(Error::io(told))?;
        Ok(Self { child, said: String::new() })
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Either it is gone already, or these succeed.
        let _killed = self.child.kill();
        let _waited = self.child.wait();
    }
}

/// The `= key number` lines of a child, in order.
#[derive(Debug)]
pub(crate) struct Figures {
    command: String,
    pub(crate) pairs: Vec<(String, f64)>,
}

impl Figures {
    /// One of them.
    ///
    /// # Errors
    ///
    /// It was not printed.
    pub(crate) fn get(&self, key: &'static str) -> Result<f64, Error> {
        let found = self.pairs.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| *value).ok_or_else(|| Error::Missing { command: self.command.clone(), key })
    }
}

/// Runs a child to its end and reads its figures.
///
/// # Errors
///
/// The system's own; the child ends badly, or not in time.
pub(crate) fn figures(mut command: Command, patience: Duration) -> Result<Figures, Error> {
    let told = told(&command);
    system::die_with_parent(&mut command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Error::io(told.clone()))?;
    // Read as it comes, so that no child blocks on a full pipe.
    let stdout = child.stdout.take().map(|pipe| thread::spawn(move || read(pipe)));
    let stderr = child.stderr.take().map(|pipe| thread::spawn(move || read(pipe)));
    let deadline = Instant::now() + patience;
    let status = loop {
        if let Some(status) = child.try_wait().map_err(Error::io(told.clone()))? {
            break Some(status);
        }
        if Instant::now() > deadline {
            // Either it is gone already, or these succeed.
            let _killed = child.kill();
            let _waited = child.wait();
            break None;
        }
        thread::sleep(BETWEEN_LOOKS);
    };
    let text = |reader: Option<thread::JoinHandle<String>>| {
        reader.and_then(|reader| reader.join().ok()).unwrap_or_default()
    };
    let (stdout, stderr) = (text(stdout), text(stderr));
    match status {
        None => Err(Error::Timeout { command: told, patience }),
        Some(status) if !status.success() => {
            Err(Error::Child { command: told, how: status.to_string(), said: stderr })
        }
        Some(_) => Ok(Figures { command: told, pairs: stdout.lines().filter_map(figure).collect() }),
    }
}

fn read(mut pipe: impl Read) -> String {
    let mut text = Vec::new();
    // The text before an error is used.
    let _read = pipe.read_to_end(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// `= key number`; the key may have spaces in it.
fn figure(line: &str) -> Option<(String, f64)> {
    let (key, number) = line.strip_prefix("= ")?.trim_end().rsplit_once(' ')?;
    Some((key.trim().to_owned(), number.parse().ok()?))
}

/// A command for people: the program's name and its arguments.
fn told(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words: Vec<_> =
        std::iter::once(program).chain(command.get_args()).map(OsStr::to_string_lossy).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_figures_are_told_from_others() {
        assert_eq!(figure("= seconds 1.5"), Some(("seconds".to_owned(), 1.5)));
        assert_eq!(figure("= tick of 10 events, ns 2e3"), Some(("tick of 10 events, ns".to_owned(), 2000.0)));
        assert_eq!(figure("seconds 1.5"), None);
        assert_eq!(figure("= seconds many"), None);
    }

    #[test]
    fn a_child_that_does_not_end_is_ended() {
        let mut command = Command::new("sleep");
        command.arg("60");
        assert!(matches!(figures(command, Duration::from_millis(20)), Err(Error::Timeout { .. })));
    }
}
