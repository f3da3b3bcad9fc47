//! The statements that a connection has prepared, so that a query that runs each second is parsed once.

/// How many statements a connection keeps prepared.
const MAX_STATEMENTS: usize = 256;
/// The longest text in bytes that is kept. Longer ones are rarely sent twice.
const MAX_TEXT: usize = 16 << 10;

/// The prepared statements of one connection.
#[derive(Debug, Default)]
pub(super) struct Statements {
    /// Sorted by text: eight comparisons find one of them.
    by_text: Vec<Entry>,
    /// The names of removed statements that the server still has to close.
    closed: Vec<String>,
    /// Counts uses, so that the least recently used statement is removed first.
    uses: u64,
    /// The last number given to a statement. Numbers are not reused, because a statement that the server refused does
    /// not exist there.
    last: u64,
}

#[derive(Debug)]
struct Entry {
    text: Box<str>,
    number: u64,
    used: u64,
}

/// How to send a statement.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Prepared {
    /// Its name on the server; empty if it is not kept.
    pub(super) name: String,
    /// Its text must be sent along.
    pub(super) is_new: bool,
}

fn name(number: u64) -> String {
    format!("s{number}")
}

impl Statements {
    /// Returns how to send the statement with this text.
    pub(super) fn prepare(&mut self, text: &str) -> Prepared {
        self.uses += 1;
        if let Ok(at) = self.find(text) {
            let entry = &mut self.by_text[at];
            entry.used = self.uses;
            return Prepared { name: name(entry.number), is_new: false };
        }
        if text.len() > MAX_TEXT {
            return Prepared { name: String::new(), is_new: true };
        }
        if self.by_text.len() >= MAX_STATEMENTS {
            let oldest = (0..self.by_text.len()).min_by_key(|&at| self.by_text[at].used);
            oldest.into_iter().for_each(|at| self.remove(at));
        }
        self.last += 1;
        let at = self.find(text).unwrap_or_else(|at| at);
        self.by_text.insert(at, Entry { text: text.into(), number: self.last, used: self.uses });
        Prepared { name: name(self.last), is_new: true }
    }

    /// Whether the statement with this text is prepared.
    pub(super) fn has(&self, text: &str) -> bool {
        self.find(text).is_ok()
    }

    /// The position of the statement with this text, or where to insert it.
    fn find(&self, text: &str) -> Result<usize, usize> {
        self.by_text.binary_search_by(|entry| (*entry.text).cmp(text))
    }

    fn remove(&mut self, at: usize) {
        self.closed.push(name(self.by_text.remove(at).number));
    }

    /// Takes the names to close now. They go at the start of a command, because the server skips everything after an
    /// error.
    pub(super) fn take_closed(&mut self) -> Vec<String> {
        std::mem::take(&mut self.closed)
    }

    /// Forgets the statement with this text, because it is not, or may not be, prepared as before.
    pub(super) fn forget(&mut self, text: &str) {
        if let Ok(at) = self.find(text) {
            self.remove(at);
        }
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
