//! The subscriptions of a client, as a list.

use super::handle::Handle;
use super::push::topic_key;
use super::raw::Lua;
use super::refs::Ref;
use crate::dispatch::Client;
use crate::model::{State, Topic};

/// The topics of a client at one moment, in the order of their kinds and names.
#[derive(Debug)]
pub(super) struct Wishes(Vec<(Topic, usize, &'static str)>);

impl Wishes {
    /// The topics of a client.
    pub(super) fn of(client: &Client<Ref, Handle>, state: State) -> Self {
        let refused = client.data.counters.refused_topics();
        let state_of = |topic: &Topic, is_told: bool| match state {
            _ if refused.contains(topic) => "refused",
            State::Ready if is_told => "confirmed",
            _ => "waiting",
        };
        let mut topics: Vec<_> = client
            .wishes()
            .map(|(topic, callbacks, is_told)| (topic.clone(), callbacks, state_of(topic, is_told)))
            .collect();
        topics.sort_unstable_by(|(a, ..), (b, ..)| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
        Self(topics)
    }

    /// Pushes them as a list of tables.
    ///
    /// # Safety
    ///
    /// See [`Lua`].
    #[expect(clippy::cast_precision_loss, reason = "counts stay below 2^53")]
    pub(super) unsafe fn push(&self, lua: Lua) {
        // SAFETY: the caller upholds the contract; nothing here has to be dropped.
        unsafe {
            lua.create_table(i32::try_from(self.0.len()).unwrap_or(0), 0);
            let list = lua.top();
            for ((topic, callbacks, state), n) in self.0.iter().zip(1..) {
                lua.create_table(0, 3);
                let table = lua.top();
                lua.push_bytes(&topic.name);
                lua.set_field(table, topic_key(topic.kind));
                lua.push_number(*callbacks as f64);
                lua.set_field(table, c"callbacks");
                lua.push_bytes(state.as_bytes());
                lua.set_field(table, c"state");
                lua.set_element(list, n);
            }
        }
    }
}
