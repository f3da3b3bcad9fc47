//! The lines typed into the console: read on a separate thread, while the server ticks.

use std::{
    cell::{Cell, RefCell},
    io::{self, BufRead, IsTerminal},
    sync::mpsc::{self, Receiver, Sender, TryRecvError},
    thread,
};

use rustyline::{Config, DefaultEditor, ExternalPrinter, error::ReadlineError};

use crate::printer::Printer;

/// What a terminal sends before and after pasted text: it is one piece, with its line ends.
const PASTE: (&[u8], &[u8]) = (b"\x1b[200~", b"\x1b[201~");

const PROMPT: &str = "> ";
/// The prompt within a chunk of Lua.
const PROMPT_MORE: &str = ">> ";

/// Messages of the reading thread.
#[derive(Debug)]
enum Input {
    Line(Vec<u8>),
    /// Ctrl-C, in the line editor.
    Interrupted,
    End,
    Failed(String),
}

/// The main thread's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Fresh,
    /// The chunk of Lua goes on.
    More,
}

/// What to do in this tick.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    Nothing,
    /// A line waits in [`Prompt::text`]. [`Prompt::done`] follows it.
    Text,
    /// The end of input, and an incomplete chunk of Lua.
    End {
        unfinished: Vec<u8>,
    },
    Failed(String),
}

/// Reads lines.
#[derive(Debug)]
pub(crate) struct Prompt {
    input: Receiver<Input>,
    wanted: Sender<Wanted>,
    text: RefCell<Vec<u8>>,
    more: RefCell<Vec<u8>>,
    is_reading: Cell<bool>,
}

/// The line editor of a terminal.
pub(crate) struct Editor(DefaultEditor);

impl Editor {
    /// An editor, and the way to print above its line; `None` unless a person sits at both ends.
    ///
    /// # Errors
    ///
    /// The system cannot start a thread.
    pub(crate) fn new() -> Result<Option<(Self, Printer)>, ReadlineError> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Ok(None);
        }
        let mut editor = DefaultEditor::with_config(Config::builder().auto_add_history(true).build())?;
        let mut printer = editor.create_external_printer()?;
        let above = Printer::start(move |text| printer.print(text).map_err(io::Error::other))?;
        Ok(Some((Self(editor), above)))
    }
}

impl Prompt {
    /// Reads from now on: with the editor, or the plain lines of the standard input.
    ///
    /// # Errors
    ///
    /// The system cannot start a thread.
    pub(crate) fn start(editor: Option<Editor>) -> io::Result<Self> {
        let (tell, input) = mpsc::channel();
        let (wanted, asked) = mpsc::channel();
        thread::Builder::new().name("prompt".to_owned()).spawn(move || match editor {
            Some(Editor(editor)) => read_edited(editor, &tell, &asked),
            None => read_plain(&tell, &asked),
        })?;
        let prompt = Self {
            input,
            wanted,
            text: RefCell::default(),
            more: RefCell::default(),
            is_reading: Cell::new(false),
        };
        prompt.want(Wanted::Fresh);
        Ok(prompt)
    }

    /// The input since the last call, one line at most.
    pub(crate) fn take(&self) -> Typed {
        let input = self.input.try_recv();
        self.is_reading.set(matches!(input, Err(TryRecvError::Empty)) && self.is_reading.get());
        match input {
            Err(TryRecvError::Empty) => Typed::Nothing,
            Ok(Input::Line(line)) => {
                let mut text = self.more.take();
                if !text.is_empty() {
                    text.push(b'\n');
                }
                text.extend_from_slice(&line);
                *self.text.borrow_mut() = text;
                Typed::Text
            }
            Ok(Input::Interrupted) if !self.more.borrow().is_empty() => {
                self.more.take();
                self.want(Wanted::Fresh);
                Typed::Nothing
            }
            Ok(Input::Failed(why)) => Typed::Failed(why),
            Ok(Input::Interrupted | Input::End) | Err(TryRecvError::Disconnected) => {
                Typed::End { unfinished: self.more.take() }
            }
        }
    }

    /// The line, after the lines that it continues.
    pub(crate) fn text(&self) -> Vec<u8> {
        self.text.borrow().clone()
    }

    /// The text is not a complete chunk of Lua: the next line continues it.
    pub(crate) fn go_on(&self) {
        self.more.replace(self.text.take());
    }

    /// The line has been handled: the next one may be read.
    pub(crate) fn done(&self) {
        self.want(if self.more.borrow().is_empty() { Wanted::Fresh } else { Wanted::More });
    }

    /// Whether a line is being read, and perhaps half typed.
    pub(crate) fn is_reading(&self) -> bool {
        self.is_reading.get()
    }

    fn want(&self, wanted: Wanted) {
        self.is_reading.set(true);
        // If the thread is gone, its last message waits in `input`.
        let _sent = self.wanted.send(wanted);
    }
}

/// A text for the plain input of another host, where it is read at once.
pub(crate) fn as_one_piece(text: &[u8]) -> Vec<u8> {
    if text.contains(&b'\n') { [PASTE.0, text, PASTE.1, b"\n"].concat() } else { [text, b"\n"].concat() }
}

/// Ends when there is no more input, or no receiver.
fn read_edited(mut editor: DefaultEditor, tell: &Sender<Input>, asked: &Receiver<Wanted>) {
    while let Ok(wanted) = asked.recv() {
        let prompt = if wanted == Wanted::More { PROMPT_MORE } else { PROMPT };
        let input = loop {
            break match editor.readline(prompt) {
                Ok(line) => Input::Line(line.into_bytes()),
                Err(ReadlineError::Interrupted) => Input::Interrupted,
                Err(ReadlineError::Eof) => Input::End,
                // For example a change of the window's size.
                Err(ReadlineError::Signal(_)) => continue,
                Err(error) => Input::Failed(error.to_string()),
            };
        };
        if tell.send(input).is_err() {
            return;
        }
    }
}

fn read_plain(tell: &Sender<Input>, asked: &Receiver<Wanted>) {
    let mut input = io::stdin().lock();
    while asked.recv().is_ok() {
        let mut line = Vec::new();
        let read = loop {
            let read = input.read_until(b'\n', &mut line);
            while line.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
                line.pop();
            }
            let is_open = line.starts_with(PASTE.0) && !line.ends_with(PASTE.1);
            if !is_open || !matches!(read, Ok(1..)) {
                break read;
            }
            line.push(b'\n');
        };
        let pasted = line.strip_prefix(PASTE.0).and_then(|text| text.strip_suffix(PASTE.1));
        let input = match read {
            Ok(0) => Input::End,
            Ok(_) => Input::Line(pasted.map_or_else(|| line.clone(), <[u8]>::to_vec)),
            Err(error) => Input::Failed(error.to_string()),
        };
        if tell.send(input).is_err() {
            return;
        }
    }
}
