//! Logins: the user and password, and the options that set them.

use std::fmt;

use super::protocol::DEFAULT_USER;
use crate::backend::OptionError;
use crate::backend::options::OptionSet;

/// The login.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    /// `None`: the user `default`, as before Redis 6.0.
    pub(super) user: Option<Vec<u8>>,
    pub(super) password: Vec<u8>,
}

impl Credentials {
    /// The user that may be shown; `None` if showing it would reveal the password.
    pub(super) fn user_to_show(&self) -> Option<&[u8]> {
        let (user, password) = (self.user.as_deref().unwrap_or(DEFAULT_USER), &*self.password);
        let tells = !password.is_empty() && user.windows(password.len()).any(|part| part == password);
        (!tells).then_some(user)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("user", &self.user.as_ref().map(|user| user.escape_ascii().to_string()))
            .field("password", &"…")
            .finish()
    }
}

/// The options that set the login.
#[derive(Debug, Clone, Copy)]
pub(super) struct LoginKeys {
    pub(super) user: &'static str,
    pub(super) password: &'static str,
}

pub(super) const SERVER: LoginKeys = LoginKeys { user: "username", password: "password" };
pub(super) const SENTINELS: LoginKeys =
    LoginKeys { user: "sentinel_username", password: "sentinel_password" };

/// The login that URL or options name.
///
/// # Errors
///
/// It is named twice, or a user without a password.
pub(super) fn credentials(
    set: &mut OptionSet,
    keys: LoginKeys,
    in_url: Option<(Vec<u8>, Vec<u8>)>,
) -> Result<Option<Credentials>, OptionError> {
    let (url_user, url_password) = in_url.unzip();
    let url_user = url_user.filter(|user| !user.is_empty());
    if url_user.is_some() {
        set.given_once(keys.user)?;
    }
    if url_password.is_some() {
        set.given_once(keys.password)?;
    }
    let user = match url_user {
        Some(user) => Some(user),
        None => set.bytes(keys.user)?,
    };
    let password = match url_password {
        Some(password) => Some(password),
        None => set.bytes(keys.password)?,
    };
    match (user, password) {
        (user, Some(password)) => Ok(Some(Credentials { user, password })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(OptionError::invalid(keys.user, "needs a password beside it")),
    }
}
