//! The options of a callback for its messages.

use std::rc::Rc;

/// Larger than any message.
pub(super) const NO_BOUND: usize = usize::MAX;

/// The options of a callback for its messages. By default it gets each as a string, of any size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageOptions {
    /// The size in bytes of the largest message that it gets.
    pub max_bytes: usize,
    /// It does not get messages that begin with these bytes.
    pub skip_prefix: Option<Box<[u8]>>,
    /// It gets the value of a JSON text instead of the text.
    pub json: Option<JsonOptions>,
}

impl Default for MessageOptions {
    fn default() -> Self {
        Self { max_bytes: NO_BOUND, skip_prefix: None, json: None }
    }
}

/// The options for JSON texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonOptions {
    /// How many elements a text may have, as [`Limits`](crate::json::Limits) counts them.
    pub max_elements: usize,
    /// If the text is an object: the callback also gets the text of this key's value.
    pub text_of: Option<Box<[u8]>>,
    /// The callback also gets texts that cannot be read, with the reason. Otherwise the console reports them.
    pub unreadable: bool,
}

/// The options of one callback, as its entry stores them: most have only a bound.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct EntryOptions {
    pub(super) max_bytes: usize,
    pub(super) special: Option<Rc<MessageOptions>>,
}

impl EntryOptions {
    /// The options of listeners.
    pub(super) const NONE: Self = Self { max_bytes: NO_BOUND, special: None };

    /// Whether the callback gets every message as a string.
    pub(super) fn is_plain(&self) -> bool {
        *self == Self::NONE
    }
}

impl From<MessageOptions> for EntryOptions {
    fn from(options: MessageOptions) -> Self {
        let is_special = options.skip_prefix.is_some() || options.json.is_some();
        Self { max_bytes: options.max_bytes, special: is_special.then(|| Rc::new(options)) }
    }
}
