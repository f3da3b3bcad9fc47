//! Runs the host on a script in a separate folder.
#![expect(clippy::expect_used, reason = "a test that cannot set itself up fails")]

use std::{
    env, fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::atomic::{AtomicU32, Ordering},
};

/// A module that counts how often it was opened and closed: `c/probe.c`.
pub(crate) const PROBE: &str = env!("GMOD_HOST_PROBE");

/// Much longer than any of these scripts takes, on any machine.
const TIMEOUT_SECONDS: &str = "30";

/// A script and its settings.
pub(crate) struct Script {
    folder: PathBuf,
    options: Vec<String>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Script {
    pub(crate) fn new(source: &str) -> Self {
        let script = Self {
            folder: fresh_folder(),
            options: vec!["--timeout".to_owned(), TIMEOUT_SECONDS.to_owned()],
            arguments: Vec::new(),
            environment: Vec::new(),
        };
        script.file("script.lua", source)
    }

    /// Another file beside the script.
    pub(crate) fn file(self, path: &str, contents: &str) -> Self {
        write(&self.folder.join(path), contents);
        self
    }

    /// A file of an addon named `addon`.
    pub(crate) fn addon_file(mut self, path: &str, contents: &str) -> Self {
        let addon = self.folder.join("addon");
        if !addon.exists() {
            self = self.options(&["--addon", addon.to_str().expect("UTF-8")]);
        }
        write(&addon.join(path), contents);
        self
    }

    pub(crate) fn options(mut self, options: &[&str]) -> Self {
        self.options.extend(options.iter().map(ToString::to_string));
        self
    }

    pub(crate) fn arguments(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(ToString::to_string));
        self
    }

    pub(crate) fn module(self, file: &str) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
        self.options(&["--module", file.to_str().expect("UTF-8")])
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Runs it to its end. The host must leave nothing behind.
    pub(crate) fn run(&self) -> Outcome {
        let temporary = self.folder.join("tmp");
        fs::create_dir(&temporary).expect("a folder");
        let output = command()
            .current_dir(&self.folder)
            .env("TMPDIR", &temporary)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .args(&self.options)
            .arg("script.lua")
            .args(&self.arguments)
            .output()
            .expect("the host starts");
        let outcome = Outcome(output);
        if outcome.0.status.code().is_some() {
            let left: Vec<_> = fs::read_dir(&temporary).expect("the folder").collect();
            assert!(left.is_empty(), "left behind: {left:?}\n{outcome:?}");
        }
        outcome
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).expect("the script's folder");
    }
}

/// The host with options only.
pub(crate) fn host(options: &[&str]) -> Outcome {
    Outcome(command().args(options).output().expect("the host starts"))
}

pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gmod-host"));
    command.env_remove("REDIS_URL").env_remove("REALTIME_URL").env_remove("HOST_PROTOCOL");
    command.env("GMOD_HOST_SEED", "1");
    command
}

pub(crate) fn fresh_folder() -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("host-{}-{number}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

pub(crate) fn write(path: &Path, contents: &str) {
    fs::create_dir_all(path.parent().expect("in a folder")).expect("a folder");
    fs::write(path, contents).expect("a file");
}

/// The result. Each check shows everything when it fails.
pub(crate) struct Outcome(Output);

impl Outcome {
    pub(crate) fn code(&self, code: i32) -> &Self {
        assert_eq!(self.0.status.code(), Some(code), "{self:?}");
        self
    }

    pub(crate) fn killed_by(&self, signal: i32) -> &Self {
        assert_eq!(self.0.status.signal(), Some(signal), "{self:?}");
        self
    }

    pub(crate) fn stdout(&self, part: &str) -> &Self {
        assert!(
            String::from_utf8_lossy(&self.0.stdout).contains(part),
            "no {part:?} in the output of {self:?}"
        );
        self
    }

    pub(crate) fn no_stdout(&self, part: &str) -> &Self {
        assert!(
            !String::from_utf8_lossy(&self.0.stdout).contains(part),
            "{part:?} in the output of {self:?}"
        );
        self
    }

    pub(crate) fn stderr(&self, part: &str) -> &Self {
        assert!(self.stderr_text().contains(part), "no {part:?} in the errors of {self:?}");
        self
    }

    pub(crate) fn no_stderr(&self, part: &str) -> &Self {
        assert!(!self.stderr_text().contains(part), "{part:?} in the errors of {self:?}");
        self
    }

    pub(crate) fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    pub(crate) fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }
}

impl std::fmt::Debug for Outcome {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(formatter, "a run that ended with {}", self.0.status)?;
        writeln!(formatter, "--- stdout\n{}", String::from_utf8_lossy(&self.0.stdout))?;
        writeln!(formatter, "--- stderr\n{}", self.stderr_text())
    }
}
