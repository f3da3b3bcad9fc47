//! The health of a cluster, as one of its nodes reports it: <https://redis.io/docs/latest/commands/cluster-info/>
//!
//! The server sends no push when one node has replaced another, and a node that a partition has cut off from
//! most others still answers every command but receives no messages. So each question for the role comes with
//! a CLUSTER INFO to the same node. The epoch is the number of the last change that the masters agreed on: a
//! new epoch is a reason to ask who holds the slots.

use std::time::{Duration, Instant};

use super::protocol::info_field;

/// How long a node may be cut off before it says so: it reports another node as missing after `cluster-node-timeout`,
/// and a ping adds half of that at most. This is for the default of 15 s.
const LAG: Duration = Duration::from_secs(23);

/// What the nodes have reported about the cluster.
#[derive(Debug, Default)]
pub(super) struct ClusterState {
    epoch: Option<Box<[u8]>>,
    /// When we asked the node that last reported a healthy cluster.
    well: Option<Instant>,
    /// How many nodes have since reported that they are cut off.
    cut_off: usize,
}

/// What an answer to CLUSTER INFO means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StateVerdict {
    Unchanged,
    /// Masters or slots have changed.
    Changed,
    /// The node does not reach most of the masters; another node may.
    CutOff,
}

impl ClusterState {
    /// The answer to a question sent at `asked`. There are `nodes` nodes; once that many have reported that
    /// they are cut off, changing the node does not help.
    pub(super) fn answered(&mut self, info: &[u8], asked: Instant, nodes: usize) -> StateVerdict {
        let epoch = info_field(info, b"cluster_current_epoch");
        let has_changed = epoch != self.epoch.as_deref();
        self.epoch = epoch.map(Into::into);
        // A node that the majority agreed is dead counts as `fail`, not as `pfail`.
        let misses_some = info_field(info, b"cluster_slots_pfail").is_some_and(|slots| slots != b"0");
        match info_field(info, b"cluster_state") {
            Some(b"ok") => (self.well, self.cut_off) = (Some(asked), 0),
            Some(b"fail") if misses_some && self.cut_off < nodes => {
                self.cut_off += 1;
                return StateVerdict::CutOff;
            }
            _ => {}
        }
        if has_changed { StateVerdict::Changed } else { StateVerdict::Unchanged }
    }

    /// The earliest time from which the node may have been cut off, if it is.
    pub(super) fn cut_off_since(&self) -> Option<Instant> {
        self.well?.checked_sub(LAG)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(state: &str, pfail: u16, epoch: u64) -> Vec<u8> {
        format!(
            "cluster_state:{state}\r\ncluster_slots_assigned:16384\r\ncluster_slots_pfail:{pfail}\r\ncluster_slots_fail:0\r\n\
             cluster_current_epoch:{epoch}\r\n"
        )
        .into_bytes()
    }

    #[test]
    fn a_new_epoch_and_a_node_that_is_cut_off_are_news() {
        use StateVerdict::{Changed, CutOff, Unchanged};
        let start = Instant::now() + LAG;
        let mut state = ClusterState::default();
        for (second, (info, verdict)) in [
            (info("ok", 0, 6), Changed),
            (info("ok", 0, 6), Unchanged),
            // One node is missing, and the majority is there.
            (info("ok", 5461, 6), Unchanged),
            (info("ok", 0, 7), Changed),
            // The majority agrees that a node is dead, and nothing replaces it.
            (info("fail", 0, 7), Unchanged),
            (info("fail", 10_922, 7), CutOff),
            (info("fail", 10_922, 8), CutOff),
            // Both nodes have reported it.
            (info("fail", 10_922, 8), Unchanged),
            (info("ok", 0, 8), Unchanged),
            (info("fail", 10_922, 8), CutOff),
            (Vec::new(), Changed),
            (Vec::new(), Unchanged),
        ]
        .into_iter()
        .enumerate()
        {
            let asked = start + Duration::from_secs(second as u64);
            assert_eq!(state.answered(&info, asked, 2), verdict, "{second}");
            if second == 7 {
                assert_eq!(state.cut_off_since(), Some(start + Duration::from_secs(3) - LAG));
            }
        }
    }
}
