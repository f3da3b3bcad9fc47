//! Several servers side by side. Each is a process of this program, with its own folder and id, and all use one
//! Redis. Their output is shown line by line, after the number of the server. Typed lines go to one of them, or to
//! all.

use std::{
    cell::OnceCell,
    env, fmt, fs,
    io::{self, BufRead, BufReader, PipeReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver, Sender},
    thread,
    time::Duration,
};

use crate::{
    StartError,
    cli::Options,
    configured, ffi,
    folder::unused_folder,
    prompt::{self, Prompt, Typed},
    run::EXIT_FAILED,
    screen::{Screen, Stream, Style},
    server::BEFORE_A_LINE,
    servers::Server,
    tool,
};

/// One digit, so that all lines have the same prefix width.
pub(crate) const MOST: usize = 9;

/// How long the output must pause before typed input is checked.
const PAUSE: Duration = Duration::from_millis(10);

/// Messages from a server to the console.
enum News {
    /// A line, without its end.
    Line(usize, Vec<u8>),
    /// There is no more output.
    End(usize),
}

/// The target of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    /// The server at this index.
    One(usize),
    All,
}

/// A server's process.
struct Process {
    child: Child,
    /// None once nothing more is to be typed there.
    input: Option<ChildStdin>,
    code: Option<i32>,
}

/// A folder for the duration of the run.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // If it cannot be removed, it stays in the system's folder for temporary files.
        let _removed = fs::remove_dir_all(&self.0);
    }
}

/// Runs that many servers until all have ended. Returns their first exit code that is not 0.
///
/// # Errors
///
/// A server or its Redis does not start, or the terminal fails.
pub(crate) fn serve(options: &Options, count: usize) -> Result<i32, StartError> {
    ffi::end_on_interrupt();
    let screen = Screen::new(options.color);
    let prompt = OnceCell::new();
    let temporary = Temporary(unused_folder(&env::temp_dir())?);
    let (url, _redis) = redis(options, &temporary.0, &screen)?;
    let (tell, news) = mpsc::channel();
    let mut processes = Vec::new();
    let places: Vec<PathBuf> = (0..count)
        .map(|index| options.game.as_deref().unwrap_or(&temporary.0).join(name(options, index)))
        .collect();
    // A wrong file ends the run before any server has started.
    for (index, place) in places.iter().enumerate() {
        prepare(options, index, place)?;
    }
    for (index, place) in places.iter().enumerate() {
        processes.push(start(options, index, place, &url, &tell)?);
    }
    drop(tell);
    let (editor, terminal) = tool::edit(&screen, &prompt)?;
    if !options.quiet {
        let (first, second) = (name(options, 0), name(options, 1));
        say(
            &screen,
            format_args!(
                "type Lua, a command, or help for {first}; @2 LINE is for {second}, @all LINE for all; quit ends all"
            ),
        );
    }
    tool::read(&screen, &prompt, editor)?;
    Console {
        options,
        screen: &screen,
        prompt: &prompt,
        processes: &mut processes,
        target: Target::One(0),
        is_ending: false,
    }
    .run(&news);
    drop(terminal);
    Ok(processes.iter().filter_map(|process| process.code).find(|code| *code != 0).unwrap_or(0))
}

/// The id of a server, and the name of its folder.
fn name(options: &Options, index: usize) -> String {
    format!("{}-{}", options.id.as_deref().unwrap_or("server"), index + 1)
}

fn say(screen: &Screen, line: impl fmt::Display) {
    // If the stream does not work, there is no one to read it.
    let _written = screen.write(Stream::Err, Style::Host, format!("gmod-host: {line}\n").as_bytes());
}

/// The Redis of all servers: the environment's, or one that lives as long as the returned value.
fn redis(options: &Options, folder: &Path, screen: &Screen) -> Result<(String, Option<Server>), StartError> {
    let (url, server, publish) = match env::var("REDIS_URL") {
        Ok(url) => {
            let publish = configured::how_to_publish(&url);
            (url, None, publish)
        }
        Err(env::VarError::NotPresent) => {
            let server = Server::start(options.server, folder).map_err(StartError::Server)?;
            let url = server.url();
            if !options.quiet {
                say(screen, format_args!("{} is at {url}", options.server));
            }
            let publish = configured::how_to_publish(&url);
            (url, Some(server), publish)
        }
        Err(error @ env::VarError::NotUnicode(_)) => {
            return Err(StartError::Server(format!("REDIS_URL: {error}")));
        }
    };
    if !options.quiet {
        say(screen, publish);
    }
    Ok((url, server))
}

/// Makes the folder of a server, with its id.
fn prepare(options: &Options, index: usize, place: &Path) -> Result<(), StartError> {
    let settings = place.join("garrysmod").join(configured::FILE);
    if let Some(folder) = settings.parent() {
        fs::create_dir_all(folder)?;
    }
    // A server's folder that stays may have one already.
    if options.id.is_some() || !settings.exists() {
        configured::write_id(&settings, &name(options, index))?;
    }
    Ok(())
}

fn start(
    options: &Options,
    index: usize,
    place: &Path,
    url: &str,
    tell: &Sender<News>,
) -> Result<Process, StartError> {
    let (output, write) = io::pipe()?;
    let number = u32::try_from(index).unwrap_or(u32::MAX);
    let mut command = Command::new(env::current_exe()?);
    command.args(options.for_one(number)).arg("--game").arg(place).env("REDIS_URL", url);
    command.args(["--color", if Screen::new(options.color).has_colors() { "always" } else { "never" }]);
    let mut child = command.stdin(Stdio::piped()).stdout(write.try_clone()?).stderr(write).spawn()?;
    // The pipe ends with the server, so no one else may hold its other end.
    drop(command);
    let input = child.stdin.take();
    let tell = tell.clone();
    thread::Builder::new().name(name(options, index)).spawn(move || pass_on(index, output, &tell))?;
    Ok(Process { child, input, code: None })
}

/// Forwards the output of a server.
fn pass_on(index: usize, output: PipeReader, tell: &Sender<News>) {
    for line in BufReader::new(output).split(b'\n') {
        let Ok(line) = line else { break };
        if tell.send(News::Line(index, line)).is_err() {
            return;
        }
    }
    // If the receiver is gone, the run is over.
    let _sent = tell.send(News::End(index));
}

/// The console: its output and input.
struct Console<'run> {
    options: &'run Options,
    screen: &'run Screen,
    prompt: &'run OnceCell<Prompt>,
    processes: &'run mut Vec<Process>,
    /// The target of lines without `@`.
    target: Target,
    is_ending: bool,
}

impl Console<'_> {
    fn run(&mut self, news: &Receiver<News>) {
        while self.processes.iter().any(|process| process.code.is_none()) {
            if let Ok(first) = news.recv_timeout(PAUSE) {
                for told in std::iter::once(first).chain(news.try_iter()) {
                    self.show(told);
                }
            }
            if ffi::interrupted() {
                self.end();
            }
            if !self.is_ending {
                self.take_typed();
            }
        }
    }

    fn show(&mut self, told: News) {
        match told {
            News::Line(index, line) => {
                let line = [format!("{}| ", index + 1).as_bytes(), &line, b"\n"].concat();
                // As in `say`.
                let _written = self.screen.write(Stream::Out, Style::Plain, &line);
            }
            News::End(index) => {
                let process = &mut self.processes[index];
                process.input = None;
                let status = process.child.wait();
                let code = status.as_ref().ok().and_then(ExitStatus::code).unwrap_or(EXIT_FAILED);
                process.code = Some(code);
                if !self.is_ending {
                    let end = match status {
                        Ok(status) => how_it_ended(status),
                        Err(error) => format!("has ended, and its code is not known: {error}"),
                    };
                    say(self.screen, format_args!("{} {end}", name(self.options, index)));
                }
            }
        }
    }

    /// Input has ended: each server ends as at the end of its own input.
    fn end(&mut self) {
        self.is_ending = true;
        for process in self.processes.iter_mut() {
            process.input = None;
        }
    }

    fn take_typed(&mut self) {
        let Some(prompt) = self.prompt.get() else { return };
        match prompt.take() {
            Typed::Nothing => {}
            Typed::Text => {
                self.typed(&prompt.text());
                // No line may be half typed when the terminal is restored.
                if !self.is_ending {
                    self.screen.settle(BEFORE_A_LINE);
                    prompt.done();
                }
            }
            Typed::End { .. } => self.end(),
            Typed::Failed(why) => {
                say(self.screen, format_args!("the standard input: {why}"));
                self.end();
            }
        }
    }

    fn typed(&mut self, text: &[u8]) {
        if matches!(text.trim_ascii(), b"quit" | b"exit") {
            return self.end();
        }
        let (target, line) = match addressed(text, self.processes.len()) {
            Ok(None) => (self.target, text),
            Ok(Some((target, b""))) => {
                self.target = target;
                let whom = match target {
                    Target::One(index) => name(self.options, index),
                    Target::All => "all".to_owned(),
                };
                return say(self.screen, format_args!("lines without a number are for {whom} from now on"));
            }
            Ok(Some(addressed)) => addressed,
            Err(wrong) => return say(self.screen, wrong),
        };
        let line = prompt::as_one_piece(line);
        for (index, process) in self.processes.iter_mut().enumerate() {
            if target != Target::All && target != Target::One(index) {
                continue;
            }
            let written = process.input.as_mut().map(|input| input.write_all(&line));
            if !matches!(written, Some(Ok(()))) {
                say(
                    self.screen,
                    format_args!("{} has ended: it does not read this line", name(self.options, index)),
                );
            }
        }
    }
}

/// The target of a line that begins with `@`, and the rest of it; none if the line has no target.
fn addressed(text: &[u8], count: usize) -> Result<Option<(Target, &[u8])>, String> {
    let Some(rest) = text.strip_prefix(b"@") else { return Ok(None) };
    let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
    let (whom, line) = (String::from_utf8_lossy(&rest[..end]), rest[end..].trim_ascii());
    if whom == "all" {
        return Ok(Some((Target::All, line)));
    }
    match whom.parse::<usize>() {
        Ok(number) if (1..=count).contains(&number) => Ok(Some((Target::One(number - 1), line))),
        _ => Err(format!("@{whom} is nobody: the servers are @1 to @{count}, and @all is all of them")),
    }
}

/// How a server's process ended, for the console.
fn how_it_ended(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return format!("was killed by signal {signal}");
    }
    match status.code() {
        Some(code) => format!("has ended, with code {code}"),
        None => "has ended without a code".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_server_that_was_killed_has_no_code() {
        use std::os::unix::process::ExitStatusExt;
        assert_eq!(how_it_ended(ExitStatus::from_raw(9)), "was killed by signal 9");
        assert_eq!(how_it_ended(ExitStatus::from_raw(3 << 8)), "has ended, with code 3");
    }

    #[test]
    fn a_line_says_where_it_goes() {
        let one = |index, line: &'static str| Ok(Some((Target::One(index), line.as_bytes())));
        for (text, wanted) in [
            ("print(1)", Ok(None)),
            (" @2", Ok(None)),
            ("@2 print('@1')", one(1, "print('@1')")),
            ("@1\tchat  hello ", one(0, "chat  hello")),
            ("@2", one(1, "")),
            ("@all status", Ok(Some((Target::All, b"status".as_slice())))),
        ] {
            assert_eq!(addressed(text.as_bytes(), 2), wanted, "{text}");
        }
        for wrong in ["@0 x", "@3 x", "@everyone x", "@ x", "@-1"] {
            assert!(addressed(wrong.as_bytes(), 2).is_err(), "{wrong}");
        }
    }
}
