//! A folder laid out like the game's, for the duration of one run, or around a server's folder that stays.

use std::{
    env,
    ffi::OsString,
    fs, io,
    path::{self, Path, PathBuf},
    process,
};

/// The place of the game's Lua library, relative to the folder: modules find it by this path.
pub(crate) const LUA_SHARED: &str = match (cfg!(windows), cfg!(target_pointer_width = "64")) {
    (false, true) => "bin/linux64/lua_shared.so",
    (false, false) => "garrysmod/bin/lua_shared_srv.so",
    (true, true) => "bin/win64/lua_shared.dll",
    (true, false) => "garrysmod/bin/lua_shared.dll",
};

/// The platform in a module's file name. The game uses `.dll` on every platform.
pub(crate) const PLATFORM: &str = match (cfg!(windows), cfg!(target_pointer_width = "64")) {
    (false, true) => "linux64",
    (false, false) => "linux",
    (true, true) => "win64",
    (true, false) => "win32",
};

const FOLDERS: [&str; 4] =
    ["garrysmod/lua/bin", "garrysmod/lua/includes/modules", "garrysmod/data", "garrysmod/addons"];

/// The folders of a server before anything is installed.
const FOLDERS_THAT_STAY: [&str; 3] = ["lua", "data", "addons"];

/// The folder; removed when dropped, except for a `garrysmod` that is kept.
#[derive(Debug)]
pub(crate) struct GameFolder {
    root: PathBuf,
    game: PathBuf,
    /// Addons by their names in `garrysmod/addons`. They are read from their own folders, so that edits there take
    /// effect.
    mounted: Vec<(OsString, PathBuf)>,
    /// Replacements for modules that a kept `garrysmod` does not have.
    modules: Vec<(String, PathBuf)>,
    /// Another `garrysmod`, whose Lua files are used if this one has none of that name.
    game_lua: Option<PathBuf>,
    is_kept: bool,
}

impl GameFolder {
    /// Makes the folder, with the Lua library and the modules, by name, in their places.
    ///
    /// # Errors
    ///
    /// The system's own: no room, no permission.
    pub(crate) fn create(lua_shared: &Path, modules: &[(&str, &Path)]) -> io::Result<Self> {
        let folder = Self::with_library(lua_shared)?;
        for path in FOLDERS {
            fs::create_dir_all(folder.root.join(path))?;
        }
        for (name, file) in modules {
            put(file, &folder.module(name))?;
        }
        Ok(folder)
    }

    /// The same, around the folder of a server, whose `garrysmod` it uses without changing it.
    ///
    /// # Errors
    ///
    /// The system's own.
    pub(crate) fn around(server: &Path, lua_shared: &Path, modules: &[(&str, &Path)]) -> io::Result<Self> {
        let mut folder = Self::with_library(lua_shared)?;
        let game = path::absolute(server)?.join("garrysmod");
        for path in FOLDERS_THAT_STAY {
            fs::create_dir_all(game.join(path))?;
        }
        // Modules find files by paths from the game's folder, such as the certificate of "tls_ca".
        if !LUA_SHARED.starts_with("garrysmod") && cfg!(unix) {
            put(&game, &folder.root.join("garrysmod"))?;
        }
        folder.game = game;
        folder.is_kept = true;
        folder.modules =
            modules.iter().map(|(name, file)| ((*name).to_owned(), file.to_path_buf())).collect();
        Ok(folder)
    }

    fn with_library(lua_shared: &Path) -> io::Result<Self> {
        let root = unused_folder(&env::temp_dir())?;
        let game = root.join("garrysmod");
        let folder =
            Self { root, game, mounted: Vec::new(), modules: Vec::new(), game_lua: None, is_kept: false };
        let lua_shared_here = folder.root.join(LUA_SHARED);
        if let Some(parent) = lua_shared_here.parent() {
            fs::create_dir_all(parent)?;
        }
        put(lua_shared, &lua_shared_here)?;
        Ok(folder)
    }

    /// Mounts an addon's folder into `garrysmod/addons`.
    ///
    /// # Errors
    ///
    /// The system's own; two addons of one name.
    pub(crate) fn install_addon(&mut self, addon: &Path) -> io::Result<()> {
        let addon = addon.canonicalize()?;
        let name = addon.file_name().unwrap_or_default().to_owned();
        let place = self.game.join("addons").join(&name);
        if self.mounted.iter().any(|(mounted, _)| *mounted == name) || place.exists() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is an addon of that name"));
        }
        if !addon.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        if !self.is_kept {
            put(&addon, &place)?;
        }
        self.mounted.push((name, addon));
        Ok(())
    }

    /// Uses the Lua files of another `garrysmod` if this one lacks them.
    ///
    /// # Errors
    ///
    /// It does not have the game's files.
    pub(crate) fn add_game_lua(&mut self, garrysmod: &Path) -> io::Result<()> {
        let garrysmod = path::absolute(garrysmod)?;
        fs::metadata(garrysmod.join("lua/includes/init.lua"))?;
        self.game_lua = Some(garrysmod);
        Ok(())
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The folders of Lua files, as paths below `garrysmod`, in the game's order: that of each addon, then its own.
    ///
    /// # Errors
    ///
    /// The system's own.
    pub(crate) fn lua_folders(&self) -> io::Result<Vec<PathBuf>> {
        let mut names = self.mounted_elsewhere();
        for addon in fs::read_dir(self.game.join("addons"))? {
            names.push(addon?.file_name());
        }
        names.sort();
        let addons = names.iter().map(|name| Path::new("addons").join(name).join("lua"));
        Ok(addons.chain(std::iter::once(PathBuf::from("lua"))).collect())
    }

    /// Addons that are not in `garrysmod/addons` itself.
    pub(crate) fn mounted_elsewhere(&self) -> Vec<OsString> {
        let mounted = self.mounted.iter().filter(|_| self.is_kept);
        mounted.map(|(name, _)| name.clone()).collect()
    }

    /// The real place of a path below `garrysmod`.
    pub(crate) fn find(&self, path: &Path) -> PathBuf {
        let mounted = self.mounted.iter().find_map(|(name, addon)| {
            let place = Path::new("addons").join(name);
            let rest = path.strip_prefix(&place).ok()?;
            // A script may have moved the files that were put there.
            (self.is_kept || self.game.join(place).exists()).then(|| addon.join(rest))
        });
        mounted.unwrap_or_else(|| {
            let own = self.game.join(path);
            let is_lua =
                path.starts_with("lua") && path.extension().is_some_and(|extension| extension == "lua");
            match &self.game_lua {
                Some(other) if is_lua && !own.exists() => other.join(path),
                _ => own,
            }
        })
    }

    /// `garrysmod`, which scripts' paths are relative to.
    pub(crate) fn game(&self) -> &Path {
        &self.game
    }

    /// `garrysmod/data`.
    pub(crate) fn data(&self) -> PathBuf {
        self.game.join("data")
    }

    /// The path at which the game looks for the binary module of that name.
    pub(crate) fn module(&self, name: &str) -> PathBuf {
        let file = self.game.join(format!("lua/bin/gmsv_{name}_{PLATFORM}.dll"));
        match self.modules.iter().find(|(known, _)| known == name) {
            Some((_, stand_in)) if !file.exists() => stand_in.clone(),
            _ => file,
        }
    }

    /// Removes the folder. Files that cannot be removed are left to the system's handling of temporary files: on
    /// Windows, the libraries that this process has loaded, which stay in memory as the module does.
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

/// The same, as a copy: on Windows not every user may make links.
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

/// Makes a folder with an unused name, because process ids may be reused after a crash.
pub(crate) fn unused_folder(parent: &Path) -> io::Result<PathBuf> {
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

/// The module that cargo built beside this program: a dependency is always in `deps`, and only that copy is always up
/// to date.
///
/// # Errors
///
/// The system does not know the path of this program.
pub(crate) fn built_module() -> io::Result<PathBuf> {
    let program = env::current_exe()?;
    let folder = program.parent().unwrap_or(Path::new("/"));
    let deps = if folder.ends_with("deps") { folder.to_path_buf() } else { folder.join("deps") };
    Ok(deps.join(if cfg!(windows) { "realtime.dll" } else { "librealtime.so" }))
}
