//! The permitted output for the main thread, given the state of the session and the server.

use proptest::prelude::*;
use realtime::model::Event;

use super::World;
use crate::sink::{Said, text};
use crate::twin::{Answer, Name, PROBES};

impl World {
    /// Checks the output, after the answer that arrived, if any.
    pub(super) fn listen(&mut self, answer: Option<&Answer>) -> Result<(), TestCaseError> {
        let mut messages = 0;
        for said in self.client.said() {
            match said {
                Said::Message { slot, payload, .. } => {
                    messages += 1;
                    let Some(Answer::Message { name, payload: sent, .. }) = answer else {
                        return Err(TestCaseError::fail("a message out of nothing"));
                    };
                    let wish = self.wishes.get(name).expect("a message that somebody wants");
                    prop_assert_eq!((slot, &payload), (wish.slot, sent));
                    prop_assert!(!wish.gap_owed, "a message before its gap");
                    prop_assert!(!self.regained.contains(name), "a message before its own gap");
                }
                Said::Answer { id, result } => {
                    let answered = &mut self.asked[id as usize].answered;
                    prop_assert!(!std::mem::replace(answered, true), "answered twice");
                    if let Err(error) = result {
                        prop_assert_eq!(error.code.as_str(), "DISCONNECTED", "{}", error);
                    }
                }
                Said::Event(Event::Subscribed(topic)) => {
                    let name = Name::new(topic.kind, &text(&topic.name));
                    let wish = self.wishes.get_mut(&name).expect("a wish of the one that is told");
                    prop_assert!(!std::mem::replace(&mut wish.told, true), "told twice: {:?}", name);
                    prop_assert!(self.server.has(&name) || self.server.has_ended(&name));
                }
                // No script wants the channel of the probes.
                Said::Event(Event::SubscribeFailed { topic, .. })
                    if topic.name.starts_with(PROBES.as_bytes()) => {}
                Said::Event(Event::SubscribeFailed { topic, error }) => {
                    let name = Name::new(topic.kind, &text(&topic.name));
                    let code = error.code.as_str();
                    prop_assert!(matches!(code, "NOPERM" | "BUSY" | "MOVED"), "{}", error);
                    let alone =
                        matches!(answer, Some(Answer::Refused { alone: Some(alone), .. }) if *alone == name);
                    prop_assert!(alone, "told of another than the one that was refused: {:?}", name);
                    let wish = self.wishes.get_mut(&name).expect("a wish of the one that is told");
                    let is_news = wish.news || wish.refusal_told.as_deref() != Some(code);
                    prop_assert!(is_news, "told twice: {:?}", name);
                    (wish.refusal_told, wish.news) = (Some(code.to_owned()), false);
                }
                Said::Event(Event::Gap { topics: Some(topics), .. }) => {
                    prop_assert!(!topics.is_empty());
                    for topic in topics {
                        let name = Name::new(topic.kind, &text(&topic.name));
                        let known = self.regained.remove(&name) || self.may_be_regained.remove(&name);
                        prop_assert!(known, "a gap of {:?}, which was not deaf", name);
                    }
                    self.owes_ready = true;
                }
                Said::Event(Event::Gap { topics: None, .. }) => {
                    prop_assert!(self.wishes.values().any(|wish| wish.gap_owed), "a gap in nothing");
                    self.wishes.values_mut().for_each(|wish| wish.gap_owed = false);
                }
                Said::Event(Event::Ready(ready)) => {
                    prop_assert_eq!(ready.first, self.readies == 0);
                    self.readies += 1;
                    let was_ready = std::mem::replace(&mut self.is_ready, true);
                    let owed = std::mem::take(&mut self.owes_ready);
                    prop_assert!(owed || !was_ready, "ready out of nothing");
                    self.reconnects += u64::from(!ready.first && !was_ready);
                    self.ready_since = true;
                    let waits: Vec<_> = self.wishes.iter().filter(|(_, wish)| wish.restoring).collect();
                    prop_assert!(waits.is_empty(), "ready too early: {:?}", waits);
                    prop_assert!(!self.wishes.values().any(|wish| wish.gap_owed), "ready before the gap");
                }
                Said::Event(Event::Down { error, .. }) => {
                    prop_assert_ne!(error.code.as_str(), "PROTOCOL", "{}", error);
                    (self.is_ready, self.owes_ready) = (false, false);
                }
                other => return Err(TestCaseError::fail(format!("{other:?}"))),
            }
        }
        prop_assert!(self.regained.is_empty(), "no gap of {:?}", self.regained);
        self.may_be_regained.clear();
        prop_assert!(!self.owes_ready || !self.is_ready, "no ready after the gap of some topics");
        if let Some(Answer::Message { name, .. }) = answer {
            prop_assert_eq!(messages, usize::from(self.wishes.contains_key(name)), "{:?}", name);
        }
        Ok(())
    }
}
