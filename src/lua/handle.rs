//! The module's data about a client, and the client's name.

use std::sync::Arc;
use std::time::Instant;

use super::refs::Ref;
use crate::backend::Backend;
use crate::dispatch::Reference;
use crate::model::{Counters, NAME_CHARACTERS, printable};

/// Characters of an address in a client's name for people: the longest name of a host, and a port.
const ADDRESS_CHARACTERS: usize = 261;

/// The module's data about a client.
pub(super) struct Handle {
    /// The client's table.
    pub(super) table: Ref,
    /// The `id` that the script gave it.
    pub(super) id: Option<Vec<u8>>,
    /// Where the script made it, and whether the hint about twins was printed.
    pub(super) origin: Option<(String, i32)>,
    pub(super) hinted: bool,
    pub(super) backend: Arc<dyn Backend>,
    pub(super) counters: Arc<Counters>,
    pub(super) since: Instant,
}

impl Reference for Handle {
    type Index = i32;

    #[inline]
    fn index(&self) -> i32 {
        self.table.index()
    }
}

impl Handle {
    /// The client's name for people. Contains no secret.
    pub(super) fn label(&self) -> String {
        label(self.id.as_deref(), &*self.backend)
    }
}

/// A client's name for people: its id if it has one, and its address.
pub(super) fn label(id: Option<&[u8]>, backend: &dyn Backend) -> String {
    let address = printable(backend.address().as_bytes(), ADDRESS_CHARACTERS);
    match id {
        Some(id) => format!("{} at {address}", printable(id, NAME_CHARACTERS)),
        None => address,
    }
}
