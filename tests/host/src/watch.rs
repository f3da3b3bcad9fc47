//! Lua files that have run, and which of them have changed on disk: the game's autorefresh.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

/// How often files are checked. A changed file runs when two checks in a row saw the same content: an editor may
/// still be writing during the first.
const INTERVAL: Duration = Duration::from_millis(200);

/// All files that ran in this Lua state.
#[derive(Debug)]
pub(crate) struct Watch {
    files: RefCell<BTreeMap<PathBuf, File>>,
    next_look: Cell<Instant>,
}

#[derive(Debug)]
struct File {
    /// The name of its chunk.
    name: String,
    ran: Vec<u8>,
    /// The stamp of the content that ran, once a check has seen it.
    stamp: Option<Stamp>,
    /// Other content, seen by the last check.
    seen: Option<Vec<u8>>,
}

type Stamp = (SystemTime, u64);

/// A file that is to run again.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Changed {
    pub(crate) name: String,
    pub(crate) source: Vec<u8>,
}

impl Watch {
    pub(crate) fn new() -> Self {
        Self { files: RefCell::default(), next_look: Cell::new(Instant::now()) }
    }

    /// A file runs, with this chunk name and this content.
    pub(crate) fn runs(&self, file: &Path, name: &str, contents: &[u8]) {
        // However it was reached, it is one file.
        let file = file.canonicalize().unwrap_or_else(|_| file.to_path_buf());
        let fresh = File { name: name.to_owned(), ran: contents.to_vec(), stamp: None, seen: None };
        self.files.borrow_mut().insert(file, fresh);
    }

    /// A new Lua state has run nothing.
    pub(crate) fn forget(&self) {
        self.files.borrow_mut().clear();
    }

    /// The files that should run again, if a check is due.
    pub(crate) fn changed(&self, now: Instant) -> Vec<Changed> {
        if now < self.next_look.get() {
            return Vec::new();
        }
        self.next_look.set(now + INTERVAL);
        self.look()
    }

    fn look(&self) -> Vec<Changed> {
        self.files.borrow_mut().iter_mut().filter_map(|(path, file)| file.look(path)).collect()
    }
}

impl File {
    fn look(&mut self, path: &Path) -> Option<Changed> {
        // While an editor replaces a file it may be missing.
        let stamp = stamp(path)?;
        if self.stamp == Some(stamp) {
            return None;
        }
        let contents = fs::read(path).ok()?;
        if contents == self.ran {
            self.stamp = Some(stamp);
            self.seen = None;
            return None;
        }
        if self.seen.as_ref() != Some(&contents) {
            self.seen = Some(contents);
            return None;
        }
        self.stamp = Some(stamp);
        self.seen = None;
        self.ran.clone_from(&contents);
        Some(Changed { name: self.name.clone(), source: contents })
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

#[cfg(test)]
mod tests {
    use std::env;

    use super::*;

    /// A file that ran with these contents.
    fn ran(name: &str, contents: &str) -> (Watch, PathBuf) {
        let folder = env::temp_dir().join(format!("gmod-host-watch-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("file.lua");
        fs::write(&file, contents).unwrap();
        let watch = Watch::new();
        watch.runs(&file, "file.lua", contents.as_bytes());
        (watch, file)
    }

    fn gone(file: &Path) {
        fs::remove_dir_all(file.parent().unwrap()).unwrap();
    }

    #[test]
    fn a_change_runs_once_when_two_looks_saw_it() {
        let (watch, file) = ran("change", "one");
        assert_eq!(watch.look(), []);
        assert_eq!(watch.look(), []);
        fs::write(&file, "two, longer").unwrap();
        assert_eq!(watch.look(), []);
        let changed = Changed { name: "file.lua".to_owned(), source: b"two, longer".to_vec() };
        assert_eq!(watch.look(), [changed]);
        assert_eq!(watch.look(), []);
        gone(&file);
    }

    #[test]
    fn what_is_half_written_does_not_run() {
        let (watch, file) = ran("half", "one");
        assert_eq!(watch.look(), []);
        fs::write(&file, "hal").unwrap();
        assert_eq!(watch.look(), []);
        fs::write(&file, "half, and the rest").unwrap();
        assert_eq!(watch.look(), []);
        fs::remove_file(&file).unwrap();
        assert_eq!(watch.look(), []);
        fs::write(&file, "half, and the rest").unwrap();
        assert_eq!(watch.look().len(), 1);
        gone(&file);
    }

    #[test]
    fn a_file_that_is_written_as_it_was_does_not_run() {
        let (watch, file) = ran("same", "one");
        assert_eq!(watch.look(), []);
        fs::write(&file, "two").unwrap();
        assert_eq!(watch.look(), []);
        fs::write(&file, "one").unwrap();
        assert_eq!(watch.look(), []);
        assert_eq!(watch.look(), []);
        gone(&file);
    }

    #[test]
    fn a_file_has_one_name_and_a_fresh_state_none() {
        let (watch, file) = ran("names", "one");
        watch.runs(
            &file.parent().unwrap().join("../").join(file.parent().unwrap()).join("file.lua"),
            "x",
            b"one",
        );
        fs::write(&file, "two!").unwrap();
        assert_eq!(watch.look(), []);
        assert_eq!(watch.look().len(), 1);
        watch.forget();
        fs::write(&file, "three").unwrap();
        assert_eq!(watch.look(), []);
        assert_eq!(watch.look(), []);
        gone(&file);
    }
}
