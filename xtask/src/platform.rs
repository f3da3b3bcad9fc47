//! The four kinds of servers, as the game names them.

use std::path::Path;

/// The loader that a module is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// ELF, glibc.
    Linux,
    /// PE, MinGW's C runtime over the system's msvcrt.dll.
    Windows,
}

/// A kind of server.
#[derive(Debug, PartialEq, Eq)]
pub struct Platform {
    /// The game's name for it, in the names of modules.
    pub name: &'static str,
    /// Rust's name for it.
    pub triple: &'static str,
    /// Its loader.
    pub system: System,
    /// Whether a pointer has 64 bits; otherwise it has 32.
    pub is_64: bool,
}

/// All platforms of the game.
pub const PLATFORMS: [Platform; 4] = [
    Platform { name: "linux", triple: "i686-unknown-linux-gnu", system: System::Linux, is_64: false },
    Platform { name: "linux64", triple: "x86_64-unknown-linux-gnu", system: System::Linux, is_64: true },
    Platform { name: "win32", triple: "i686-pc-windows-gnu", system: System::Windows, is_64: false },
    Platform { name: "win64", triple: "x86_64-pc-windows-gnu", system: System::Windows, is_64: true },
];

impl Platform {
    /// The platform with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        PLATFORMS.iter().find(|platform| platform.name == name)
    }

    /// The platform on which the game loads a file of that name.
    #[must_use]
    pub fn of_file(path: &Path) -> Option<&'static Self> {
        let stem = path.file_name()?.to_str()?.strip_suffix(".dll")?;
        Self::named(stem.rsplit('_').next()?)
    }

    /// The module's file name. The game uses `.dll` on Linux, too.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("gmsv_realtime_{}.dll", self.name)
    }

    /// cargo's name for the built library.
    #[must_use]
    pub fn built_name(&self) -> &'static str {
        match self.system {
            System::Linux => "librealtime.so",
            System::Windows => "realtime.dll",
        }
    }

    /// For people.
    #[must_use]
    pub fn bits(&self) -> u32 {
        if self.is_64 { 64 } else { 32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_leads_back_to_its_platform() {
        for platform in &PLATFORMS {
            assert_eq!(Platform::of_file(Path::new(&platform.file_name())), Some(platform));
        }
        for other in
            ["librealtime.so", "gmsv_realtime_linux.so", "gmsv_realtime_osx.dll", "gmsv_realtime.dll"]
        {
            assert_eq!(Platform::of_file(Path::new(other)), None, "{other}");
        }
    }
}
