//! Keeps the library in memory. The game may unload a module while its threads still run and scripts still hold its
//! functions. On Linux the linker does this (`-z nodelete` in build.rs).

/// Keeps the library in memory for the life of the process.
#[cfg(windows)]
pub(super) fn pin() {
    use std::ffi::c_void;

    const PIN: u32 = 0x1;
    const FROM_ADDRESS: u32 = 0x4;

    #[link(name = "kernel32")]
    unsafe extern "system" {
        fn GetModuleHandleExW(flags: u32, address: *const c_void, module: *mut *mut c_void) -> i32;
    }

    let mut module = std::ptr::null_mut();
    // SAFETY: the address is one of this library's functions, and the result is written to a place of ours.
    let pinned =
        unsafe { GetModuleHandleExW(PIN | FROM_ADDRESS, (pin as fn()) as *const c_void, &raw mut module) };
    if pinned == 0 {
        super::complain(format_args!(
            "cannot keep the library in memory: {}",
            std::io::Error::last_os_error()
        ));
    }
}

/// Nothing is left to do.
#[cfg(not(windows))]
pub(super) fn pin() {}
