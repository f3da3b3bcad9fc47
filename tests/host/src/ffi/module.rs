//! Binary modules.

use std::{mem::ManuallyDrop, path::Path};

use libloading::Library;

use super::api::CFunction;

/// A function that a module exports.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EntryPoint(pub(super) CFunction);

/// A loaded module. Dropping it leaves it in memory, as the game does.
#[derive(Debug)]
pub(crate) struct Module {
    library: ManuallyDrop<Library>,
    pub(crate) open: EntryPoint,
    pub(crate) close: Option<EntryPoint>,
}

impl Module {
    /// # Errors
    ///
    /// The loader's own words: the file can't be loaded, or has no `gmod13_open`.
    pub(crate) fn load(path: &Path) -> Result<Self, libloading::Error> {
        // SAFETY: loading a module runs its initialisers; running the module's code is what the host is for. The entry
        // points have the signature that the game calls them with, and live as long as the library.
        unsafe {
            let library = ManuallyDrop::new(Library::new(path)?);
            let open = EntryPoint(*library.get(b"gmod13_open\0")?);
            let close = library.get(b"gmod13_close\0").ok().map(|symbol| EntryPoint(*symbol));
            Ok(Self { library, open, close })
        }
    }

    /// Gives the library back to the loader, which unloads it unless it is pinned.
    pub(crate) fn unload(self) -> Result<(), libloading::Error> {
        ManuallyDrop::into_inner(self.library).close()
    }
}
