//! Which statements a connection has prepared, so that a query that runs each second is parsed once.

use std::collections::HashMap;

/// Statements that one connection keeps prepared.
const MAX_STATEMENTS: usize = 256;
/// Bytes of the longest text that is kept; a longer one is hardly sent twice.
const MAX_TEXT: usize = 16 << 10;

/// The statements of one connection, by their text.
#[derive(Debug, Default)]
pub(super) struct Statements {
    by_text: HashMap<Box<str>, Entry>,
    /// The names of those that are not kept any longer, and that the server was not told of.
    closed: Vec<String>,
    /// Counts uses, so that the one that was used longest ago goes first.
    uses: u64,
    /// The number of the last one. No name is given out twice, because a statement whose text is refused does not exist.
    last: u64,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    used: u64,
}

/// How a statement is sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Prepared {
    /// Its name on the server; empty if it is not kept.
    pub(super) name: String,
    /// Its text is to be sent along.
    pub(super) is_new: bool,
}

fn name(number: u64) -> String {
    format!("s{number}")
}

impl Statements {
    /// The statement with this text is to be sent.
    pub(super) fn prepare(&mut self, text: &str) -> Prepared {
        self.uses += 1;
        if let Some(entry) = self.by_text.get_mut(text) {
            entry.used = self.uses;
            return Prepared { name: name(entry.number), is_new: false };
        }
        if text.len() > MAX_TEXT {
            return Prepared { name: String::new(), is_new: true };
        }
        if self.by_text.len() >= MAX_STATEMENTS {
            let oldest = self.by_text.iter().min_by_key(|(_, entry)| entry.used);
            if let Some(text) = oldest.map(|(text, _)| text.clone()) {
                self.forget(&text);
            }
        }
        self.last += 1;
        self.by_text.insert(text.into(), Entry { number: self.last, used: self.uses });
        Prepared { name: name(self.last), is_new: true }
    }

    /// Whether the statement with this text is prepared.
    pub(super) fn has(&self, text: &str) -> bool {
        self.by_text.contains_key(text)
    }

    /// The names to be closed now. They go before everything else of a command: what follows an error is skipped.
    pub(super) fn take_closed(&mut self) -> Vec<String> {
        std::mem::take(&mut self.closed)
    }

    /// The statement with this text is not, or may not be, as it was prepared.
    pub(super) fn forget(&mut self, text: &str) {
        self.closed.extend(self.by_text.remove(text).map(|entry| name(entry.number)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_sent_once_and_the_one_unused_for_longest_goes_first() {
        let mut statements = Statements::default();
        let first = statements.prepare("SELECT 0");
        assert_eq!(first, Prepared { name: "s1".into(), is_new: true });
        for n in 1..MAX_STATEMENTS {
            statements.prepare(&format!("SELECT {n}"));
        }
        assert_eq!(statements.prepare("SELECT 0"), Prepared { is_new: false, ..first });
        assert!(statements.take_closed().is_empty());
        statements.prepare("SELECT x");
        assert_eq!(statements.take_closed(), ["s2"], "SELECT 1");
        assert!(statements.prepare("SELECT 1").is_new);
        assert_eq!(statements.by_text.len(), MAX_STATEMENTS);
    }

    #[test]
    fn one_that_failed_is_sent_anew_under_another_name_and_a_long_one_is_not_kept() {
        let mut statements = Statements::default();
        let first = statements.prepare("SELECT");
        statements.forget("SELECT");
        let second = statements.prepare("SELECT");
        assert!(second.is_new && second.name != first.name);
        assert_eq!(statements.take_closed(), [first.name], "the server may have it");
        let long = "x".repeat(MAX_TEXT + 1);
        for _ in 0..2 {
            assert_eq!(statements.prepare(&long), Prepared { name: String::new(), is_new: true });
        }
    }
}
