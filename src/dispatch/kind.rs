//! The events that a script can listen to.

use crate::model::Event;

/// The events that a script can listen to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// Connected, and every subscription settled.
    Ready,
    /// A link was lost or could not be made.
    Down,
    /// Messages may be missing here.
    Gap,
    /// Messages were dropped here.
    Dropped,
    /// A subscription was confirmed.
    Subscribed,
    /// A subscription was refused, or a request without a callback failed.
    Error,
}

impl EventKind {
    /// Every kind, in the order of their discriminants.
    pub const ALL: [Self; 6] =
        [Self::Ready, Self::Down, Self::Gap, Self::Dropped, Self::Subscribed, Self::Error];

    /// The kind's name in Lua.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Down => "down",
            Self::Gap => "gap",
            Self::Dropped => "dropped",
            Self::Subscribed => "subscribed",
            Self::Error => "error",
        }
    }

    /// The kind with this name.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str().as_bytes() == name)
    }

    /// The kind of an event; none for events that scripts do not get.
    pub fn of(event: &Event) -> Option<Self> {
        match event {
            Event::Ready(_) => Some(Self::Ready),
            Event::Down { .. } => Some(Self::Down),
            Event::Gap { .. } => Some(Self::Gap),
            Event::Dropped { .. } => Some(Self::Dropped),
            Event::Subscribed(_) => Some(Self::Subscribed),
            Event::SubscribeFailed { .. } | Event::RequestFailed { .. } => Some(Self::Error),
            Event::Notice(_) | Event::Closed => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_name_and_its_place() {
        for (position, kind) in EventKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, position);
            assert_eq!(EventKind::from_name(kind.as_str().as_bytes()), Some(kind));
        }
        assert_eq!(EventKind::from_name(b"closed"), None);
    }
}
