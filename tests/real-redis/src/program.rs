//! The program.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Error;

/// Names the program, if it is not the one on the PATH.
const PROGRAM: &str = "REDIS_SERVER";

/// Major and minor.
pub type Version = (u32, u32);

pub(crate) fn name() -> OsString {
    env::var_os(PROGRAM).unwrap_or_else(|| "redis-server".into())
}

/// A relative path as an absolute one, for a process that starts in another folder. A bare name is looked for on the PATH.
pub(crate) fn from_anywhere(name: &OsStr) -> PathBuf {
    let path = Path::new(name);
    if path.components().count() > 1 {
        // Without a current folder there is no file either, and starting it reports that.
        std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
    } else {
        path.to_owned()
    }
}

/// Whether tests that need a redis-server are to run: there is one, or one was asked for by name, or `CI` is set, where a
/// missing one is a failure.
#[must_use]
pub fn is_expected() -> bool {
    env::var_os("CI").is_some() || env::var_os(PROGRAM).is_some() || version().is_ok()
}

/// The program's own version line: `Redis server v=5.0.6 …`.
///
/// # Errors
///
/// It cannot be run, or is not a redis-server.
pub fn version() -> Result<Version, Error> {
    let name = name();
    let program = name.display().to_string();
    match Command::new(&name).arg("--version").output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout);
            parse(&said).ok_or_else(|| Error::NoVersion { program, said: said.trim().to_owned() })
        }
        Err(source) => Err(Error::NoProgram { program, source }),
    }
}

fn parse(said: &str) -> Option<Version> {
    let (_, numbers) = said.split_once("v=")?;
    let mut numbers = numbers.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::path::Path;

    use super::{from_anywhere, parse};

    #[test]
    fn versions_are_read_from_what_servers_say() {
        for (said, version) in [
            ("Redis server v=3.0.5 sha=00000000:0 malloc=libc bits=64 build=5f5a3c8c58b5dd17", Some((3, 0))),
            ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64", Some((7, 0))),
            ("Server v=8.0.1 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64", Some((8, 0))),
            ("GNU bash, version 5.2.15(1)-release", None),
            ("v=seven.0", None),
            ("", None),
        ] {
            assert_eq!(parse(said), version, "{said}");
        }
    }

    #[test]
    fn a_relative_path_holds_in_another_folder() {
        assert_eq!(from_anywhere(OsStr::new("redis-server")), Path::new("redis-server"));
        assert!(from_anywhere(OsStr::new("target/redis-server")).is_absolute());
    }
}
