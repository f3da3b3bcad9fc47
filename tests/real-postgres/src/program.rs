//! The paths of PostgreSQL's programs, and the user who runs them.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Error;

/// Where Debian has one folder for each version.
const VERSIONS: &str = "/usr/lib/postgresql";
/// Names the folder of the programs, if it is another one.
const BIN: &str = "POSTGRES_BIN";
/// Names a pgbouncer, if it is not the system's.
const PGBOUNCER: &str = "PGBOUNCER";
/// Debian's path of pgbouncer, which is not on every PATH.
const SYSTEM_PGBOUNCER: &str = "/usr/sbin/pgbouncer";

/// Whether tests that need a PostgreSQL are to run: there is one, or one was asked for by name, or `CI` is set, where a missing one is
/// a failure.
#[must_use]
pub fn is_expected() -> bool {
    std::env::var_os("CI").is_some() || folder().is_some()
}

/// The same for a pgbouncer.
#[must_use]
pub fn is_pooler_expected() -> bool {
    std::env::var_os("CI").is_some() || pgbouncer().is_some()
}

/// The pooler's program.
fn pgbouncer() -> Option<PathBuf> {
    let system = || Some(PathBuf::from(SYSTEM_PGBOUNCER)).filter(|program| program.exists());
    std::env::var_os(PGBOUNCER).map(PathBuf::from).or_else(system)
}

/// The folder of the programs.
fn folder() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(BIN) {
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

/// The user to run a server as; `None`: the current one.
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
    as_user(&folder().ok_or(Error::NotInstalled)?.join(name), working)
}

/// The same for the pooler.
pub(crate) fn pooler_command(working: &Path) -> Result<Command, Error> {
    as_user(&pgbouncer().ok_or(Error::NoPooler)?, working)
}

fn as_user(program: &Path, working: &Path) -> Result<Command, Error> {
    let mut command = Command::new(program);
    command.current_dir(working).env("LC_ALL", "C.UTF-8").env("PGCONNECT_TIMEOUT", "60");
    if let Some(user) = user()? {
        command.gid(user.gid).uid(user.uid);
    }
    Ok(command)
}
