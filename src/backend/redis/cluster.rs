//! The state of a cluster, and which link each request is sent on.
//!
//! A request with keys goes to the node that holds their hash slot, all others to the link of the commands. For each
//! slot, requests are answered in the order in which they were made. So while requests of a slot are in flight on one
//! link, no request of that slot is sent on another one, and a request that has to wait holds back the later ones of
//! its slot.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::cluster_state::{ClusterState, StateVerdict};
use super::connection::LinkRole;
use super::hash_slot::HashSlot;
use super::link::Link;
use super::nodes::HashSlotRange;
use super::slots::{HashSlotSet, HashSlotTable, MAX_NODES};
use crate::backend::Endpoint;
use crate::backend::toolbox::PendingRequest;
use crate::model::{LinkId, Node, RequestKind, Role};

/// The pause before a refused request is tried again: a cluster that has lost a master, or is moving a slot,
/// is not asked more often, and two nodes that disagree about a slot have time to agree.
pub(super) const PAUSE: Duration = Duration::from_millis(100);
/// How often a request is redirected without a pause: once for a MOVED with a new node, and once for an ASK after it.
pub(super) const AT_ONCE: u8 = 2;
/// How often a request is redirected at most. Nodes learn within a second that a slot has moved, and these pauses
/// last longer.
pub(super) const MAX_REDIRECTIONS: u8 = 16;

/// The state of the cluster.
#[derive(Debug, Default)]
pub(super) struct Cluster {
    pub(super) slots: HashSlotTable,
    /// Nodes that the cluster named and that hold no slot, each with its master.
    replicas: Vec<(Endpoint, Endpoint)>,
    pub(super) state: ClusterState,
    /// Nodes, or the links to them, have changed since the main thread was last informed.
    is_untold: bool,
    /// Slots with requests that may be in flight on another link than the next request for the slot would use.
    under_way: HashMap<u16, Vec<UnderWay>>,
    /// Something has changed that may let requests be sent.
    pub(super) has_news: bool,
    /// Requests wait for events that nobody reports here: answers, confirmations, bytes that are written.
    pub(super) is_stalled: bool,
    /// When the next pass is due at the latest, for a new request or one that pauses.
    again: Option<Instant>,
    /// Requests wait for a node that cannot be reached.
    waits: bool,
}

/// Where requests of a slot may be in flight.
#[derive(Debug)]
struct UnderWay {
    link: LinkId,
    /// They were sent with `ASKING`: a node may run them and refuse the others, in any order.
    asks: bool,
    /// The end of these requests in the link's pipeline.
    end: u64,
}

/// What to do with a request.
enum Place {
    /// It is sent on this link.
    Link(usize),
    /// It stays in the backlog.
    Nowhere,
    /// It stays until there is a link to this node.
    Wanted(Endpoint),
}

/// One pass over the requests that are not sent.
#[derive(Debug, Default)]
pub(super) struct Pass {
    /// Slots with a request that stays in the backlog.
    held: HashSlotSet,
    /// Nodes to which links are needed.
    pub(super) wanted: Vec<Endpoint>,
}

impl Cluster {
    /// A pass begins.
    pub(super) fn begin(&mut self) -> Pass {
        (self.has_news, self.is_stalled, self.again, self.waits) = (false, false, None, false);
        Pass::default()
    }

    /// A request came. A pass is due even if no link has its turn, because it may need a link to another node.
    pub(super) fn requested(&mut self, now: Instant) {
        (self.has_news, self.again) = (true, Some(now));
    }

    /// The link that a request is sent on now; `None` if it stays. `is_open` says whether a link takes more.
    pub(super) fn link_for(
        &mut self,
        pass: &mut Pass,
        request: &mut PendingRequest,
        links: &[Link],
        is_open: impl Fn(&Link, &RequestKind) -> bool,
        now: Instant,
    ) -> Option<usize> {
        let hash_slot = request.partition;
        if hash_slot.is_some_and(|hash_slot| pass.held.contains(hash_slot)) {
            return None;
        }
        let place = match self.place(request, links, now) {
            Place::Link(i) if !is_open(&links[i], request.kind()) => {
                self.waits |= links[i].is_waiting();
                self.is_stalled |= links[i].is_up();
                Place::Nowhere
            }
            Place::Link(i)
                if hash_slot.is_some_and(|hash_slot| {
                    self.is_under_way_elsewhere(hash_slot, links[i].id(), asks(request, &links[i]), links)
                }) =>
            {
                self.is_stalled = true;
                Place::Nowhere
            }
            place => place,
        };
        match (place, hash_slot) {
            (Place::Link(i), _) => return Some(i),
            (Place::Wanted(node), _) if !pass.wanted.contains(&node) => pass.wanted.push(node),
            _ => {}
        }
        hash_slot.into_iter().for_each(|hash_slot| pass.held.insert(hash_slot));
        None
    }

    fn place(&mut self, request: &mut PendingRequest, links: &[Link], now: Instant) -> Place {
        if let Some(detour) = &mut request.detour {
            if detour.not_before.is_some_and(|at| at > now) {
                self.again = [self.again, detour.not_before].into_iter().flatten().min();
                return Place::Nowhere;
            }
            let only = detour.only.and_then(|id| links.iter().position(|link| link.id() == id));
            match only {
                Some(i) if links[i].is_up() || links[i].is_under_way() => return Place::Link(i),
                Some(i) if links[i].is_waiting() => {
                    self.waits = true;
                    return Place::Nowhere;
                }
                // The node that holds the slot is asked once more. The redirection was not that node's fault, so it
                // does not count.
                _ if detour.only.take().is_some() => {
                    detour.redirections = detour.redirections.saturating_sub(1);
                }
                _ => {}
            }
        }
        match request.partition.and_then(|hash_slot| self.slots.node_of(hash_slot)) {
            Some(node) => match link_to(node, links) {
                Some(i) => Place::Link(i),
                None => Place::Wanted(node.clone()),
            },
            None => Place::Link(commands(links)),
        }
    }

    /// Whether requests of a slot are in flight on another link, or on this one with a different choice of
    /// `ASKING`.
    fn is_under_way_elsewhere(&mut self, hash_slot: u16, link: LinkId, asks: bool, links: &[Link]) -> bool {
        let Some(under_way) = self.under_way.get_mut(&hash_slot) else { return false };
        under_way.retain(|it| {
            let connection = links.iter().find(|link| link.id() == it.link).and_then(Link::connection);
            connection.is_some_and(|connection| !connection.pipeline.is_answered(it.end))
        });
        // The entry of this link stays: a later request of the slot may belong elsewhere.
        let is_elsewhere = under_way.iter().any(|it| (it.link, it.asks) != (link, asks));
        if under_way.is_empty() {
            self.under_way.remove(&hash_slot);
        }
        is_elsewhere
    }

    /// Requests of this slot may be in flight on this link, with `ASKING` or without, and the next ones may go
    /// elsewhere.
    pub(super) fn note_under_way(&mut self, hash_slot: u16, link: &Link, asks: bool) {
        if let Some(connection) = link.connection() {
            let under_way = self.under_way.entry(hash_slot).or_default();
            under_way.retain(|it| (it.link, it.asks) != (link.id(), asks));
            under_way.push(UnderWay { link: link.id(), asks, end: connection.pipeline.end() });
        }
    }

    /// The cluster reported all slots: the first and the last one of each range, the master, and its replicas.
    pub(super) fn learn(&mut self, ranges: impl Iterator<Item = HashSlotRange>, links: &[Link]) {
        let mut replicas = Vec::new();
        self.slots.replace(ranges.map(|range| {
            replicas.extend(range.replicas.into_iter().map(|replica| (replica, range.master.clone())));
            (range.first, range.last, range.master)
        }));
        self.replicas.clear();
        for (replica, master) in replicas {
            let is_known = self.slots.nodes().any(|known| *known == replica)
                || self.replicas.iter().any(|(known, _)| *known == replica);
            if !is_known && self.replicas.len() < MAX_NODES {
                self.replicas.push((replica, master));
            }
        }
        (self.has_news, self.is_untold) = (true, true);
        for (i, link) in links.iter().enumerate() {
            let Some(connection) = link.connection() else { continue };
            // Requests with ASKING are noted already.
            let without = connection.pipeline.requests().filter(|request| !asks(request, link));
            for hash_slot in without.filter_map(|request| request.partition) {
                let goes_on = match self.slots.node_of(hash_slot) {
                    Some(node) => link_to(node, links) == Some(i),
                    None => i == commands(links),
                };
                if !goes_on {
                    self.note_under_way(hash_slot, link, false);
                }
            }
        }
    }

    /// A node's answer to CLUSTER INFO, which was sent at `asked`.
    pub(super) fn info_answered(&mut self, info: &[u8], asked: Instant) -> StateVerdict {
        let nodes = self.slots.nodes().count() + self.replicas.len();
        self.state.answered(info, asked, nodes)
    }

    /// A connection was lost: nothing is in flight on it any more.
    pub(super) fn lost(&mut self, link: LinkId) {
        self.under_way.retain(|_, under_way| {
            under_way.retain(|it| it.link != link);
            !under_way.is_empty()
        });
        self.linked();
    }

    /// A link is up, or was closed.
    pub(super) fn linked(&mut self) {
        (self.has_news, self.is_untold) = (true, true);
    }

    /// A node holds this slot now. Returns whether that could be noted.
    pub(super) fn moved(&mut self, hash_slot: u16, node: Endpoint, links: &[Link]) -> bool {
        self.is_untold = true;
        for link in links {
            let is_of_slot =
                |request: &PendingRequest| request.partition == Some(hash_slot) && !asks(request, link);
            if link.connection().is_some_and(|connection| connection.pipeline.requests().any(is_of_slot)) {
                self.note_under_way(hash_slot, link, false);
            }
        }
        self.slots.learn(hash_slot, node)
    }

    /// The nodes, if they have changed since the last call.
    pub(super) fn take_nodes(&mut self, links: &[Link]) -> Option<Vec<Node>> {
        if !std::mem::take(&mut self.is_untold) {
            return None;
        }
        let is_up = |i: usize| links[i].is_up();
        let is_connected = |node: &Endpoint| {
            link_to(node, links).is_some_and(is_up) || link_to_shard(node, links).is_some_and(is_up)
        };
        let told = |node: &Endpoint, role, slots| Node {
            address: node.to_string().into(),
            role,
            slots,
            is_connected: is_connected(node),
        };
        let held = self.slots.held().filter(|&(_, held)| held > 0);
        let masters = held.map(|(node, held)| told(node, Role::Master, held));
        let replicas = self.replicas.iter().map(|(node, _)| told(node, Role::Replica, 0));
        Some(masters.chain(replicas).collect())
    }

    /// The node at which a sharded channel is subscribed: the one that holds its hash slot, or, if that node
    /// cannot be reached, a replica of it. `None` if the node is not known.
    pub(super) fn node_of_channel(&self, name: &[u8], links: &[Link]) -> Option<&Endpoint> {
        let holder = self.slots.node_of(HashSlot::of(name).number())?;
        let is_lost = |node: &Endpoint| link_to_shard(node, links).is_some_and(|i| links[i].is_waiting());
        if !is_lost(holder) {
            return Some(holder);
        }
        let mut replicas =
            self.replicas.iter().filter(|(_, master)| master == holder).map(|(replica, _)| replica);
        Some(replicas.find(|replica| !is_lost(replica)).unwrap_or(holder))
    }

    /// When the next pass is due at the latest.
    pub(super) fn due(&self) -> Option<Instant> {
        self.again
    }

    /// Whether requests wait for a node that cannot be reached. Another node may have taken its place.
    pub(super) fn waits(&self) -> bool {
        self.waits
    }

    /// How long a request waits before it is sent again after this many redirections.
    pub(super) fn pause(redirections: u8) -> Option<Duration> {
        (redirections > AT_ONCE).then_some(PAUSE)
    }
}

/// Whether a request is sent on this link with `ASKING`.
pub(super) fn asks(request: &PendingRequest, link: &Link) -> bool {
    request.detour.as_ref().is_some_and(|detour| detour.only == Some(link.id()))
}

/// The position of the link of the commands.
fn commands(links: &[Link]) -> usize {
    links.iter().position(|link| link.role() == LinkRole::Commands).unwrap_or(0)
}

/// The link to a node, if there is one. A link of the node's own is preferred: while requests are in flight there,
/// none of their slots go elsewhere.
pub(super) fn link_to(node: &Endpoint, links: &[Link]) -> Option<usize> {
    let own = |link: &Link| link.role() == LinkRole::Node && !link.is_idle() && link.endpoint() == Some(node);
    let main = |link: &Link| link.role() == LinkRole::Commands && !link.is_idle() && link.leads_to(node);
    links.iter().position(own).or_else(|| links.iter().position(main))
}

/// The link for the sharded channels of a node, if there is one.
pub(super) fn link_to_shard(node: &Endpoint, links: &[Link]) -> Option<usize> {
    let is_one =
        |link: &Link| link.role() == LinkRole::Shard && !link.is_idle() && link.endpoint() == Some(node);
    links.iter().position(is_one)
}
