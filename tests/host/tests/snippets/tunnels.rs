//! The tunnels of docs/encryption.md. WireGuard needs a kernel and root, so its files are only compared. stunnel runs
//! with its files, if it is installed, with addresses and folders of this machine; otherwise their words are checked,
//! as are those for systemd.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Stdio},
};

use libtest_mimic::Failed;
use real_redis::HeldPort;

use crate::{
    fresh_folder,
    markdown::Block,
    servers::{self, Process, Redis},
};

type Sections = Vec<(String, BTreeMap<String, String>)>;

/// The words that may be in each section.
const WORDS: &[(&str, &[&str])] = &[
    ("Interface", &["Address", "ListenPort", "PrivateKey"]),
    ("Peer", &["PublicKey", "AllowedIPs", "Endpoint", "PersistentKeepalive"]),
    ("Unit", &["After", "Wants"]),
    // Before the first section of stunnel's.
    ("", &["foreground"]),
    ("redis", &["client", "accept", "connect", "ciphers", "PSKsecrets"]),
];

fn sections(text: &str) -> Result<Sections, Failed> {
    let mut sections = Sections::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            sections.push((name.to_owned(), BTreeMap::new()));
            continue;
        }
        let (key, value) = line
            .split_once('=')
            .map(|(key, value)| (key.trim(), value.trim()))
            .ok_or_else(|| format!("no key = value: {line}"))?;
        if sections.is_empty() {
            sections.push((String::new(), BTreeMap::new()));
        }
        let (section, values) = sections.last_mut().ok_or("no section")?;
        let words = WORDS.iter().find(|(name, _)| name == section).map(|(_, words)| *words);
        if !words.is_some_and(|words| words.contains(&key)) {
            return Err(format!("[{section}] has no {key}").into());
        }
        values.insert(key.to_owned(), value.to_owned());
    }
    Ok(sections)
}

/// All blocks of `ini` of a page at once: each is an end of a connection.
pub(crate) fn ends_meet(blocks: &[&Block]) -> Result<(), Failed> {
    let all: Vec<Sections> = blocks.iter().map(|block| sections(&block.code)).collect::<Result<_, _>>()?;
    let having =
        |with: &str| all.iter().filter(|file| file.iter().any(|(name, _)| name == with)).collect::<Vec<_>>();
    let ([near, far], [server, client]) = (&having("Interface")[..], &having("redis")[..]) else {
        return Err("two ends of WireGuard and two of stunnel are expected".into());
    };
    // Each end of WireGuard lets in the other's address, and the game server finds the other's port.
    let value = |file: &Sections, section: &str, key: &str| {
        let found = file.iter().find(|(name, _)| name == section).and_then(|(_, values)| values.get(key));
        found.cloned().ok_or_else(|| Failed::from(format!("[{section}] wants {key}")))
    };
    let host = |address: String| address.split('/').next().unwrap_or_default().to_owned();
    let same = |what: &str, a: String, b: String| {
        if a == b { Ok(()) } else { Err(Failed::from(format!("{what}: {a}, {b}"))) }
    };
    for (here, there) in [(near, far), (far, near)] {
        let allowed = value(here, "Peer", "AllowedIPs")?;
        same("AllowedIPs", allowed, format!("{}/32", host(value(there, "Interface", "Address")?)))?;
    }
    let port = |address: String| address.rsplit(':').next().unwrap_or_default().to_owned();
    same("Endpoint", port(value(far, "Peer", "Endpoint")?), value(near, "Interface", "ListenPort")?)?;
    // The client of stunnel reaches its server.
    same("connect", value(client, "redis", "connect")?, value(server, "redis", "accept")?)?;
    // Without it stunnel forks, and systemd takes the end of the first process for its own.
    for end in [server, client] {
        same("foreground", value(end, "", "foreground")?, "yes".to_owned())?;
    }
    same("client", value(client, "redis", "client")?, "yes".to_owned())
}

/// Where stunnel is installed.
pub(crate) fn stunnel() -> Option<std::path::PathBuf> {
    servers::find("stunnel4").or_else(|| servers::find("stunnel"))
}

/// A PING goes through both ends of stunnel to a redis-server; with another key it does not.
pub(crate) fn stunnel_carries(blocks: &[&Block]) -> Result<(), Failed> {
    let program = stunnel().ok_or("no stunnel")?;
    let folder = fresh_folder("stunnel")?;
    let redis = Redis::start(&fresh_folder("stunnel-redis")?, "")?;
    let (tunnel, near) = (HeldPort::new()?, HeldPort::new()?);
    // Until it has its port. An answer there proves nothing: it may come from another process, or from the very
    // connection that checks, if the system gives it the same port for its own end.
    let start = |name: &str, text: &str, key: char, port: &HeldPort| -> Result<Process, Failed> {
        let secrets = folder.join(format!("{name}.txt"));
        fs::write(&secrets, format!("ttt-1:{}\n", key.to_string().repeat(64)))?;
        private(&secrets)?;
        let adapted = text
            .replace("203.0.113.5:6380", &format!("127.0.0.1:{}", tunnel.number()))
            .replace("/etc/stunnel/psk.txt", &secrets.display().to_string())
            .replace("accept = 127.0.0.1:6379", &format!("accept = 127.0.0.1:{}", near.number()))
            .replace("connect = 127.0.0.1:6379", &format!("connect = 127.0.0.1:{}", redis.port()));
        let (file, log) = (folder.join(format!("{name}.conf")), folder.join(format!("{name}.log")));
        fs::write(&file, format!("pid =\ndebug = info\noutput = {}\n{adapted}\n", log.display()))?;
        let mut process =
            Process::start(Command::new(&program).arg(&file).stdout(Stdio::null()).stderr(Stdio::null()))?;
        let bound = format!("bound to 127.0.0.1:{}\n", port.number());
        process.wait("stunnel", || fs::read_to_string(&log).is_ok_and(|text| text.contains(&bound)))?;
        Ok(process)
    };
    let pinged = || {
        let output = Command::new("redis-cli").args(["-p", &near.number().to_string(), "PING"]).output();
        output.is_ok_and(|output| output.stdout == b"PONG\n")
    };
    let texts = |client: bool| {
        let of = |block: &&&Block| {
            block.code.contains("PSKsecrets") && block.code.contains("client = yes") == client
        };
        blocks.iter().find(of).map(|block| block.code.as_str()).ok_or("both ends of stunnel")
    };
    let _server = start("server", texts(false)?, 'a', &tunnel)?;
    let mut client = start("client", texts(true)?, 'a', &near)?;
    client.wait("stunnel's client", pinged)?;
    drop(client);
    let _wrong = start("wrong", texts(true)?, 'b', &near)?;
    if pinged() {
        return Err("another key is as good".into());
    }
    fs::remove_dir_all(&folder)?;
    Ok(())
}

#[cfg(unix)]
fn private(file: &Path) -> Result<(), Failed> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs::set_permissions(file, fs::Permissions::from_mode(0o600))?)
}

#[cfg(not(unix))]
fn private(_file: &Path) -> Result<(), Failed> {
    Ok(())
}
