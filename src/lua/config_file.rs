//! The permissions of the addon's configuration file.
//!
//! The game writes it with the system's default permissions, so on most machines each local user can read the
//! password in it. Lua cannot change that.

use std::path::Path;

use super::args::{Call, Fault};
use super::module::Module;
use super::output::Output;

/// The file, relative to the server's folder, which is the game's current folder. It is fixed, so that no script can
/// change another file.
const FILE: &str = "garrysmod/data/realtime.json";

/// `realtime.RestrictConfig()` → true, or nil and a reason
pub(super) fn restrict_config(_module: &mut Module, _call: &mut Call<'_>) -> Result<Output, Fault> {
    Ok(match restrict(Path::new(FILE)) {
        Ok(()) => Output::Boolean(true),
        Err(problem) => {
            Output::Without(format!("cannot remove the permissions of other users on {FILE}: {problem}"))
        }
    })
}

/// Removes all permissions of other users from a file, if it exists and they have some. Those of owner and group
/// stay, because panels share files with a group.
#[cfg(unix)]
fn restrict(file: &Path) -> std::io::Result<()> {
    use std::fs;
    use std::io::ErrorKind;
    use std::os::unix::fs::PermissionsExt;

    const OTHERS: u32 = 0o007;

    let metadata = match fs::metadata(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        metadata => metadata?,
    };
    if !metadata.is_file() {
        return Err(std::io::Error::new(ErrorKind::InvalidInput, "it is not a file"));
    }
    let mut permissions = metadata.permissions();
    if permissions.mode() & OTHERS == 0 {
        return Ok(());
    }
    permissions.set_mode(permissions.mode() & !OTHERS);
    fs::set_permissions(file, permissions)
}

/// On Windows a file has the permissions of its folder.
#[cfg(not(unix))]
fn restrict(_file: &Path) -> std::io::Result<()> {
    Ok(())
}
