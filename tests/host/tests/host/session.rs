//! An interactive host: its console through pipes, line by line.
#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot set itself up fails")]

use std::{
    fmt, fs,
    io::{self, BufRead, BufReader, Write},
    net::TcpStream,
    ops::Deref,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use crate::support;

/// Much longer than any line takes, on any machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Matches anything in an expected line.
const ANYTHING: char = '…';

/// A folder for the time of a test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(support::fresh_folder())
    }
}

impl Deref for Folder {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Another test does not need it.
        let _removed = fs::remove_dir_all(&self.0);
    }
}

/// A running host. Its output on both streams is one sequence of lines.
pub(crate) struct Session {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    seen: Vec<String>,
    temporary: Folder,
}

impl Session {
    /// Starts the host in a folder. Its first lines are not read yet.
    pub(crate) fn start(folder: &Path, options: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = support::command();
        command.args(options);
        Self::run(folder, command, environment)
    }

    /// Starts the host on a terminal; after it, `stty` prints the terminal's mode.
    pub(crate) fn in_terminal(folder: &Path) -> Self {
        let host = env!("CARGO_BIN_EXE_gmod-host");
        let run = format!("{host}; code=$?; echo \"the mode: $(stty -a | tr -s '\\n' ' ')\"; exit $code");
        let mut command = Command::new("script");
        command.args(["--quiet", "--return", "--command", &run, "/dev/null"]);
        command.env_remove("REDIS_URL").env_remove("REALTIME_URL").env("GMOD_HOST_SEED", "1");
        Self::run(folder, command, &[("TERM", "xterm")])
    }

    fn run(folder: &Path, mut command: Command, environment: &[(&str, &str)]) -> Self {
        let temporary = Folder::new();
        let (read, write) = io::pipe().expect("a pipe");
        let child = command
            .current_dir(folder)
            .env("TMPDIR", &*temporary)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(write.try_clone().expect("a descriptor"))
            .stderr(write)
            .spawn();
        let mut child = child.expect("the host starts");
        let (tell, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(read).split(b'\n') {
                let line = String::from_utf8_lossy(&line.expect("a pipe")).into_owned();
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        let input = child.stdin.take();
        Self { child, input, lines, seen: Vec::new(), temporary }
    }

    /// A host without addons, after its first lines.
    pub(crate) fn prompt(folder: &Path, options: &[&str]) -> Self {
        let mut session = Self::start(folder, options, &[]);
        session.next("gmod-host: the embedded Redis is at redis://127.0.0.1:…");
        session
            .next("gmod-host: publish from elsewhere: redis-cli -u redis://127.0.0.1:… PUBLISH test hello");
        session.next("gmod-host: type Lua, a command, or help; quit ends it");
        session
    }

    /// Types a line.
    pub(crate) fn line(&mut self, line: &str) -> &mut Self {
        self.seen.push(format!("> {line}"));
        let input = self.input.as_mut().expect("a console that still takes lines");
        writeln!(input, "{line}").expect("the host reads");
        self
    }

    /// Types into a terminal.
    pub(crate) fn keys(&mut self, keys: &str) -> &mut Self {
        self.seen.push(format!("> {keys:?}"));
        let input = self.input.as_mut().expect("a console that still takes lines");
        input.write_all(keys.as_bytes()).expect("a terminal");
        self
    }

    /// The very next line of the console must be this one.
    pub(crate) fn next(&mut self, expected: &str) -> String {
        let line = self.read(expected);
        assert!(matches(expected, &line), "expected {expected:?}\n{self:?}");
        line
    }

    /// The very next line of the console must be one of these; which one.
    pub(crate) fn next_of<'a>(&mut self, expected: &[&'a str]) -> &'a str {
        let line = self.read(expected.first().copied().unwrap_or_default());
        let found = expected.iter().find(|expected| matches(expected, &line));
        found.unwrap_or_else(|| panic!("expected one of {expected:?}\n{self:?}"))
    }

    /// This line must come; others may come before.
    pub(crate) fn until(&mut self, expected: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let line = self.read(expected);
            if matches(expected, &line) {
                return line;
            }
            assert!(Instant::now() < deadline, "{expected:?} does not come\n{self:?}");
        }
    }

    fn read(&mut self, expected: &str) -> String {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => {
                self.seen.push(line.clone());
                line
            }
            Err(RecvTimeoutError::Timeout) => panic!("{expected:?} does not come\n{self:?}"),
            Err(RecvTimeoutError::Disconnected) => {
                panic!("{expected:?} does not come before the end\n{self:?}")
            }
        }
    }

    /// The input ends, as by Ctrl-D.
    pub(crate) fn end_of_input(&mut self) -> &mut Self {
        self.input = None;
        self
    }

    pub(crate) fn signal(&mut self, name: &str) -> &mut Self {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(status.expect("kill").success());
        self
    }

    /// It ends abruptly, by one signal after the other, because two at once may count as one.
    pub(crate) fn is_killed_by(&mut self, name: &str) {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            self.signal(name);
            if let Some(status) = self.child.try_wait().expect("a child") {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not end\n{self:?}");
        };
        assert_eq!(status.code(), None, "{self:?}");
    }

    /// It ends on its own, with this code, after any output.
    pub(crate) fn ends_with_whatever(&mut self, code: i32) {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Timeout) => panic!("it does not end\n{self:?}"),
                Err(RecvTimeoutError::Disconnected) => return self.ends(code),
            }
        }
    }

    /// It ends on its own, with this code, without further output, and leaves nothing behind.
    pub(crate) fn ends(&mut self, code: i32) {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => panic!("there is more: {line:?}\n{self:?}"),
            Err(RecvTimeoutError::Timeout) => panic!("it does not end\n{self:?}"),
            Err(RecvTimeoutError::Disconnected) => {}
        }
        let status = self.child.wait().expect("a child");
        assert_eq!(status.code(), Some(code), "{self:?}");
        let left: Vec<_> = self.temporary.read_dir().expect("a folder").collect();
        assert!(left.is_empty(), "left behind: {left:?}\n{self:?}");
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // After a failed test it may still run, or have ended.
        let _killed = self.child.kill();
        let _waited = self.child.wait();
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "--- the console\n{}", self.seen.join("\n"))
    }
}

/// Whether a line is as expected, with any text for each `…`.
fn matches(expected: &str, line: &str) -> bool {
    let mut parts = expected.split(ANYTHING);
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Publishes from outside, with redis-cli if there is one; returns how many clients got it.
pub(crate) fn publish(url: &str, channel: &str, message: &str) -> u32 {
    if let Ok(output) = Command::new("redis-cli").args(["-u", url, "PUBLISH", channel, message]).output() {
        let count = String::from_utf8_lossy(&output.stdout).trim().parse();
        return count.unwrap_or_else(|_| panic!("{output:?}"));
    }
    let address = url.strip_prefix("redis://").expect("a URL").trim_end_matches('/');
    let mut server = TcpStream::connect(address).expect("a server");
    server.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let words = ["PUBLISH", channel, message].map(|word| format!("${}\r\n{word}\r\n", word.len()));
    server.write_all(format!("*3\r\n{}", words.concat()).as_bytes()).expect("a server that reads");
    let mut answer = String::new();
    BufReader::new(server).read_line(&mut answer).expect("an answer");
    answer.trim_end().strip_prefix(':').and_then(|count| count.parse().ok()).expect("a number")
}

#[test]
fn anything_matches_what_stands_for_it() {
    for (expected, line, does) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("a…", "ab", true),
        ("…b", "ab", true),
        ("a…c…e", "abcde", true),
        ("a…c…e", "abde", false),
        ("…", "", true),
        ("ab…ba", "aba", false),
    ] {
        assert_eq!(matches(expected, line), does, "{expected} {line}");
    }
}
