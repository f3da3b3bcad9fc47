//! Names that the host resolves itself, in place of the C library: those that end in `.invalid`, which are reserved.
//! So a test of names contacts no server, and there is a name whose lookup never ends.

use std::{
    ffi::{CStr, c_char, c_int},
    sync::OnceLock,
    thread,
};

use libc::addrinfo;

/// Reserved for names that do not exist (RFC 6761).
const RESERVED: &[u8] = b".invalid";
/// A lookup of this name, or of one below it, never ends.
const STUCK: &[u8] = b"stuck.invalid";

type GetAddrInfo =
    unsafe extern "C" fn(*const c_char, *const c_char, *const addrinfo, *mut *mut addrinfo) -> c_int;

/// Keeps the function below in the program. Nothing in here calls it: the loader passes it to modules.
#[used]
static KEPT: GetAddrInfo = getaddrinfo;

/// Called by modules instead of the C library's function: build.rs exports it, and the program's symbols come first.
#[unsafe(no_mangle)]
unsafe extern "C" fn getaddrinfo(
    node: *const c_char,
    service: *const c_char,
    hints: *const addrinfo,
    result: *mut *mut addrinfo,
) -> c_int {
    if !node.is_null() {
        // SAFETY: by its contract, a C string.
        let name = unsafe { CStr::from_ptr(node) }.to_bytes().to_ascii_lowercase();
        let above = name.strip_suffix(STUCK);
        if above.is_some_and(|above| above.is_empty() || above.ends_with(b".")) {
            loop {
                thread::park();
            }
        }
        if name.ends_with(RESERVED) {
            return libc::EAI_NONAME;
        }
    }
    match own() {
        // SAFETY: the caller's arguments, and the function that they were meant for.
        Some(own) => unsafe { own(node, service, hints, result) },
        None => libc::EAI_FAIL,
    }
}

/// The C library's own function.
fn own() -> Option<GetAddrInfo> {
    static OWN: OnceLock<Option<GetAddrInfo>> = OnceLock::new();
    *OWN.get_or_init(|| {
        // SAFETY: looks up a name in the libraries behind this program.
        let found = unsafe { libc::dlsym(libc::RTLD_NEXT, c"getaddrinfo".as_ptr()) };
        // SAFETY: null is None, and anything else is that function, with the signature of the standard.
        unsafe { std::mem::transmute::<*mut libc::c_void, Option<GetAddrInfo>>(found) }
    })
}
