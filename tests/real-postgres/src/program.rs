//! Where PostgreSQL's programs are, and who runs them.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Error;

/// Where Debian has one folder for each version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// Whether there is a PostgreSQL here.
pub fn is_installed() -> bool {
    folder().is_some()
}

/// The folder of the programs.
fn folder() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("POSTGRES_BIN") {
        return Some(named.into());
    }
    let versions = fs::read_dir(VERSIONS).ok()?.filter_map(Result::ok);
    let with_server =
        versions.map(|entry| entry.path().join("bin")).filter(|bin| bin.join("initdb").exists());
    with_server.max_by_key(|bin| {
        let version = bin.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        version.and_then(|version| version.parse::<u32>().ok())
    })
}

/// A user who is not root.
#[derive(Debug, Clone, Copy)]
pub(crate) struct User {
    pub(crate) uid: u32,
    gid: u32,
}

/// Whom to run a server as; `None`: as who we are.
pub(crate) fn user() -> Result<Option<User>, Error> {
    let ours = fs::metadata("/proc/self").map(|me| me.uid()).unwrap_or(1);
    if ours != 0 {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let find = |wanted: &str| {
        users.lines().find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            let (uid, gid) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
            (name == wanted).then_some(User { uid, gid })
        })
    };
    find("postgres").or_else(|| find("nobody")).map(Some).ok_or(Error::NoUser)
}

/// One of the programs, in `folder`, as a user who may run it.
pub(crate) fn command(name: &str, working: &Path) -> Result<Command, Error> {
    let mut command = Command::new(folder().ok_or(Error::NotInstalled)?.join(name));
    command.current_dir(working).env("LC_ALL", "C.UTF-8").env("PGCONNECT_TIMEOUT", "60");
    if let Some(user) = user()? {
        command.gid(user.gid).uid(user.uid);
    }
    Ok(command)
}
