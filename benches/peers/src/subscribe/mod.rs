//! Subscribers, and what they report.

/// What everybody subscribes to, as C has it.
pub(crate) const CHANNEL_C: &std::ffi::CStr = c"firehose";

/// What is made of the messages that arrive.
pub(crate) trait Meter {
    /// Whether it needs each payload, not only how many there were.
    const LOOKS: bool;

    /// One message.
    fn message(&mut self, payload: &[u8]);

    /// Messages that nobody needs to look at.
    fn count(&mut self, messages: usize);
}
