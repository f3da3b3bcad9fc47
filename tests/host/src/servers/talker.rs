//! Commands to a server that may not answer: a connection on a separate thread, so that the script continues
//! meanwhile.

use std::{
    cell::Cell,
    io,
    sync::mpsc::{self, Receiver, Sender},
    thread,
    time::Duration,
};

use super::client::{Connection, Failure};
use crate::value::Value;

type Words = Vec<Vec<u8>>;

/// The result of a command, or why there is none; and whether the server answered at all.
struct Answer {
    id: u64,
    answered: bool,
    result: Result<Value, String>,
}

/// Sends one command after the other, each once. When this is dropped, its thread ends after the current command.
#[derive(Debug)]
pub(crate) struct Talker {
    commands: Sender<(u64, Words)>,
    answers: Receiver<Answer>,
    last: Cell<u64>,
}

impl Talker {
    /// To the server on that port, which has `patience` for each answer. Each connection begins with `login`, if that
    /// is not empty.
    ///
    /// # Errors
    ///
    /// The system cannot start a thread.
    pub(super) fn start(port: u16, patience: Duration, login: Words) -> io::Result<Self> {
        let (commands, to_do) = mpsc::channel::<(u64, Words)>();
        let (done, answers) = mpsc::channel();
        thread::Builder::new().name("talker".to_owned()).spawn(move || {
            let mut connection = None;
            for (id, words) in to_do {
                let result = talk(&mut connection, port, patience, &login, &words);
                if matches!(result, Err(Failure::Broken(_))) {
                    // A late answer would be taken for the next command's.
                    connection = None;
                }
                let answered = !matches!(result, Err(Failure::Broken(_)));
                if done.send(Answer { id, answered, result: result.map_err(Failure::into_words) }).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { commands, answers, last: Cell::new(0) })
    }

    /// `say(word, …)`: returns the command's number. `answers()`: the new ones, as number, whether the server
    /// answered, whether it succeeded, and the reply or the error, alternating.
    ///
    /// # Errors
    ///
    /// There is no such method, or the arguments are wrong.
    pub(crate) fn call(&self, method: &str, arguments: &[Value]) -> Result<Value, String> {
        match method {
            "say" => {
                let words = (0..arguments.len())
                    .map(|index| super::bytes(arguments, index, method).map(<[u8]>::to_vec))
                    .collect::<Result<Words, String>>()?;
                let id = self.last.get() + 1;
                self.last.set(id);
                self.commands.send((id, words)).map_err(|_| "the talker's thread is gone".to_owned())?;
                Ok(number(id))
            }
            "answers" => {
                let flat = self.answers.try_iter().flat_map(|Answer { id, answered, result }| {
                    let went_well = result.is_ok();
                    let reply = match result {
                        Ok(Value::Nil) => false.into(),
                        Ok(reply) => reply,
                        Err(words) => words.into(),
                    };
                    [number(id), answered.into(), went_well.into(), reply]
                });
                Ok(Value::List(flat.collect()))
            }
            _ => Err(format!("a talker has say and answers, but no '{method}'")),
        }
    }
}

fn talk(
    connection: &mut Option<Connection>,
    port: u16,
    patience: Duration,
    login: &[Vec<u8>],
    words: &[Vec<u8>],
) -> Result<Value, Failure> {
    let open = match connection {
        Some(open) => open,
        None => {
            let mut opened = Connection::open(port, patience).map_err(Failure::Broken)?;
            if !login.is_empty() {
                // A connection whose login is refused does not count.
                ask(&mut opened, login).map_err(|failure| Failure::Broken(failure.into_words()))?;
            }
            connection.insert(opened)
        }
    };
    ask(open, words)
}

fn ask(connection: &mut Connection, words: &[Vec<u8>]) -> Result<Value, Failure> {
    connection.ask(&words.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

#[expect(clippy::cast_precision_loss, reason = "no count here reaches 2^53")]
fn number(number: u64) -> Value {
    Value::Number(number as f64)
}
