//! Finds the links of a session by their roles.

use super::connection::LinkRole;
use super::protocol::Version;
use super::session::RedisSession;

impl RedisSession {
    /// The position of the link with this role.
    pub(super) fn link_for(&self, role: LinkRole) -> usize {
        self.links.iter().position(|link| link.role() == role).unwrap_or(0)
    }

    /// The role of the link that carries the subscriptions.
    #[inline]
    pub(super) fn subscriber_role(&self) -> LinkRole {
        if self.version == Some(Version::Resp2) { LinkRole::Subscriptions } else { LinkRole::Commands }
    }

    /// The link that carries the subscriptions.
    pub(super) fn subscriber(&self) -> usize {
        self.link_for(self.subscriber_role())
    }

    /// Whether a link carries the subscriptions.
    #[inline]
    pub(super) fn is_subscriber(&self, i: usize) -> bool {
        self.links[i].role() == self.subscriber_role()
    }

    /// Whether a link is for subscriptions alone and speaks RESP2, where a message has the form of an answer.
    #[inline]
    pub(super) fn is_resp2_subscriber(&self, i: usize) -> bool {
        let speaks_resp2 = || self.links[i].connection().is_some_and(|it| it.version == Version::Resp2);
        match self.links[i].role() {
            LinkRole::Subscriptions => true,
            LinkRole::Shard => speaks_resp2(),
            _ => false,
        }
    }

    /// Whether a link has anything to do.
    pub(super) fn is_needed(&self, i: usize) -> bool {
        self.links[i].role() == LinkRole::Commands || self.is_subscriber(i) && !self.delivery.is_empty()
    }
}
