//! A folder laid out like the game's, for the time of one run.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process,
};

/// Where the game keeps its Lua library, relative to the folder: modules find it by this path.
pub(crate) const LUA_SHARED: &str = match (cfg!(windows), cfg!(target_pointer_width = "64")) {
    (false, true) => "bin/linux64/lua_shared.so",
    (false, false) => "garrysmod/bin/lua_shared_srv.so",
    (true, true) => "bin/win64/lua_shared.dll",
    (true, false) => "garrysmod/bin/lua_shared.dll",
};

/// The platform in a module's file name. The game says `.dll` on every platform.
pub(crate) const PLATFORM: &str = match (cfg!(windows), cfg!(target_pointer_width = "64")) {
    (false, true) => "linux64",
    (false, false) => "linux",
    (true, true) => "win64",
    (true, false) => "win32",
};

const FOLDERS: [&str; 4] =
    ["garrysmod/lua/bin", "garrysmod/lua/includes/modules", "garrysmod/data", "garrysmod/addons"];

/// The folder; removed when dropped.
#[derive(Debug)]
pub(crate) struct GameFolder {
    root: PathBuf,
}

impl GameFolder {
    /// Makes the folder, with the Lua library and modules, by their names, in their places.
    ///
    /// # Errors
    ///
    /// The system's own: no room, no permission.
    pub(crate) fn create(lua_shared: &Path, modules: &[(&str, &Path)]) -> io::Result<Self> {
        let folder = Self { root: unused_folder(&env::temp_dir())? };
        for path in FOLDERS {
            fs::create_dir_all(folder.root.join(path))?;
        }
        let lua_shared_here = folder.root.join(LUA_SHARED);
        if let Some(parent) = lua_shared_here.parent() {
            fs::create_dir_all(parent)?;
        }
        put(lua_shared, &lua_shared_here)?;
        for (name, file) in modules {
            put(file, &folder.module(name))?;
        }
        Ok(folder)
    }

    /// Puts an addon's folder into `garrysmod/addons`.
    ///
    /// # Errors
    ///
    /// The system's own; two addons of one name.
    pub(crate) fn install_addon(&self, addon: &Path) -> io::Result<()> {
        let addon = addon.canonicalize()?;
        let name = addon.file_name().unwrap_or_default();
        put(&addon, &self.root.join("garrysmod/addons").join(name))
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where Lua files are, as paths below `garrysmod`, in the game's order: that of each addon, then its own.
    ///
    /// # Errors
    ///
    /// The system's own.
    pub(crate) fn lua_folders(&self) -> io::Result<Vec<PathBuf>> {
        let mut folders = vec![];
        for addon in fs::read_dir(self.root.join("garrysmod/addons"))? {
            folders.push(Path::new("addons").join(addon?.file_name()).join("lua"));
        }
        folders.sort();
        folders.push(PathBuf::from("lua"));
        Ok(folders)
    }

    /// `garrysmod`, which scripts' paths are relative to.
    pub(crate) fn game(&self) -> PathBuf {
        self.root.join("garrysmod")
    }

    /// `garrysmod/data`.
    pub(crate) fn data(&self) -> PathBuf {
        self.root.join("garrysmod/data")
    }

    /// Where the game looks for the binary module of that name.
    pub(crate) fn module(&self, name: &str) -> PathBuf {
        self.game().join(format!("lua/bin/gmsv_{name}_{PLATFORM}.dll"))
    }

    /// Removes the folder. What cannot be removed is left to the system's care for temporary files: on Windows, the
    /// libraries that this process has loaded, which stay in memory as the module does.
    pub(crate) fn remove(&self) {
        if let Err(error) = fs::remove_dir_all(&self.root)
            && error.kind() != io::ErrorKind::NotFound
            && !cfg!(windows)
        {
            eprintln!("gmod-host: {} is left behind: {error}", self.root.display());
        }
    }
}

impl Drop for GameFolder {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Puts a file or a folder into a place, as a link: the loader knows a library by its inode, and a debug build is large.
#[cfg(unix)]
fn put(from: &Path, to: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(from, to)
}

/// Likewise, as a copy: links are not for everybody on Windows.
#[cfg(windows)]
fn put(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        return fs::copy(from, to).map(|_bytes| ());
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        put(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

/// Makes a folder that nobody has: process ids come again after a crash.
fn unused_folder(parent: &Path) -> io::Result<PathBuf> {
    let mut attempt = 0_u32;
    loop {
        let root = parent.join(format!("gmod-host-{}-{attempt}", process::id()));
        match fs::create_dir(&root) {
            Ok(()) => return Ok(root),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}

/// The module that cargo built beside this program: as a dependency it is always in `deps`, and only there always fresh.
///
/// # Errors
///
/// The system does not tell where this program is.
pub(crate) fn built_module() -> io::Result<PathBuf> {
    let program = env::current_exe()?;
    let folder = program.parent().unwrap_or(Path::new("/"));
    let deps = if folder.ends_with("deps") { folder.to_path_buf() } else { folder.join("deps") };
    Ok(deps.join(if cfg!(windows) { "realtime.dll" } else { "librealtime.so" }))
}
