//! Once buffers have their size, a message is allocated nowhere on its way from the socket to its callback.

use allocation_counter::measure;
use realtime::model::TopicKind;

use crate::common::dispatch::World;
use crate::common::session::{case, client, messages};
use crate::common::{BATCH, take_all};

/// By then everything that is made once is made.
const WARM: usize = 4;

/// Allocations of the fifth call of `round`.
fn allocations(mut round: impl FnMut()) -> u64 {
    (0..WARM).for_each(|_| round());
    measure(round).count_total
}

#[test]
fn a_message_is_allocated_nowhere_between_socket_and_main_thread() {
    for protocol in [2, 3] {
        for kind in [TopicKind::Channel, TopicKind::Pattern] {
            let case = case(protocol, kind, 100);
            let ((mut client, mut consumer), bytes) = (client(case), messages(case));
            let allocations = allocations(|| {
                client.receive(case.subscriber(), &bytes);
                assert_eq!(take_all(&mut consumer), BATCH);
            });
            assert_eq!(allocations, 0, "{case}");
        }
    }
}

#[test]
fn a_message_is_allocated_nowhere_between_queue_and_callback() {
    for (clients, callbacks) in [(1, 1), (1, 10), (10, 1)] {
        let mut world = World::new(clients, callbacks);
        let allocations = allocations(|| {
            world.fill(BATCH);
            assert_eq!(world.run(), BATCH * callbacks);
        });
        assert_eq!(allocations, 0, "{clients} clients, {callbacks} callbacks");
    }
}
