//! How a URL names the master that Sentinels watch: `redis-sentinel://host:26379/NAME/DATABASE`.

/// The default port of a Sentinel.
pub(super) const SENTINEL_PORT: u16 = 26379;
/// The form of a URL with Sentinels.
pub(super) const SENTINEL_URL: &str = "redis-sentinel://host:26379/mymaster";
/// The rule for a master's name. A Sentinel's own rule is narrower:
/// <https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/>
pub(super) const MASTER_RULE: &str = "must be the name that the Sentinels have for the master: at most 256 printable ASCII characters, without spaces";
/// The longest name.
const MAX_MASTER: usize = 256;

/// Whether a URL's scheme says that its hosts are Sentinels.
pub(super) fn is_sentinel_scheme(scheme: &str) -> bool {
    scheme.ends_with("-sentinel")
}

/// Takes the master's name and the text of the database out of a URL's path.
///
/// # Errors
///
/// What is wrong with it, and the right form.
pub(super) fn master_and_db(path: &[u8]) -> Result<(String, String), String> {
    let text = std::str::from_utf8(path).unwrap_or("\0");
    let text = text.strip_prefix('/').unwrap_or(text);
    let (master, db) = text.split_once('/').unwrap_or((text, ""));
    if master.is_empty() {
        return Err(format!(
            "the URL names no master; write it as in {SENTINEL_URL}, with the name from sentinel.conf"
        ));
    }
    let master = master_name(master.to_owned()).ok_or_else(|| format!("the URL's master {MASTER_RULE}"))?;
    Ok((master, db.to_owned()))
}

/// A name that a master can have.
pub(super) fn master_name(name: String) -> Option<String> {
    let is_one = (1..=MAX_MASTER).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
    is_one.then_some(name)
}
