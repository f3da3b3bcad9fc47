//! The parts that every backend needs and that do not depend on its protocol: a toolbox, not a framework. A backend
//! writes its protocol, and combines the parts that it wants.
//!
//! | part | its rule |
//! | --- | --- |
//! | [`Requests`] | every accepted request is answered once, at its deadline at the latest |
//! | [`Pipeline`] | which answer belongs to what, and what may have reached the server when the connection is lost |
//! | [`Delivery`] | which subscriptions to ask for, and when messages for them may be missing |
//! | [`Liveness`] | whether the server of one connection is alive |
//! | [`Probe`] | whether messages still arrive |
//! | [`Backoff`] | how long to wait before the next attempt to connect |

mod backoff;
mod delivery;
mod liveness;
mod pauses;
mod pending;
mod pipeline;
mod probe;
mod random;
mod requests;

pub use backoff::Backoff;
pub use delivery::{Batch, Delivery, Handover, Name, Operation, RefusedTopic, RefusedTopics};
pub use liveness::{Liveness, Sign};
pub use pauses::RefusalKind;
pub use pending::{Detour, PendingRequest};
pub use pipeline::{InFlight, Pipeline};
pub use probe::{Probe, ProbeSign};
pub use requests::Requests;
