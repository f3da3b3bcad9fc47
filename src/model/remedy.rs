//! What an administrator can do about a refusal.

use std::fmt;

/// One command that allows what a server refused, as it is typed.
///
/// Things refused at the same time often have one remedy: remedies with the same beginning [merge](Remedy::merge).
///
/// ```
/// use realtime::model::Remedy;
///
/// let mut remedy = Remedy { beginning: "type: ALLOW bob".into(), words: vec!["a".into()] };
/// assert!(remedy.merge(&Remedy { beginning: "type: ALLOW bob".into(), words: vec!["a".into(), "b".into()] }));
/// assert_eq!(remedy.to_string(), "type: ALLOW bob a b");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remedy {
    /// The text before the words: where to type it, and the command.
    pub beginning: Box<str>,
    /// The command's last words, one for each thing that was refused.
    pub words: Vec<Box<str>>,
}

impl Remedy {
    /// Adds the words of another remedy that are not here yet. Returns false, and adds none, if its beginning
    /// differs.
    pub fn merge(&mut self, other: &Self) -> bool {
        let merges = self.beginning == other.beginning;
        if merges {
            for word in &other.words {
                if !self.words.contains(word) {
                    self.words.push(word.clone());
                }
            }
        }
        merges
    }

    /// How many bytes it holds.
    pub fn byte_len(&self) -> usize {
        self.beginning.len() + self.words.iter().map(|word| word.len()).sum::<usize>()
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.beginning)?;
        self.words.iter().try_for_each(|word| write!(f, " {word}"))
    }
}
