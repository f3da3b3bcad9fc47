//! What every backend needs and no protocol decides: a toolbox, not a framework. A backend writes its protocol, and puts
//! together the parts that it wants.
//!
//! | part | its rule |
//! | --- | --- |
//! | [`Backoff`] | how long to wait before the next attempt to connect |

mod backoff;
mod delivery;
mod pauses;
mod random;
mod topics;
mod transmit;

pub use backoff::Backoff;
pub use delivery::Delivery;
pub(crate) use pauses::Reasons;
pub use pauses::RefusalKind;
pub use random::SplitMix64;
pub use topics::{Batch, Name, Operation, RefusedTopic, RefusedTopics};
pub use transmit::Transmit;
