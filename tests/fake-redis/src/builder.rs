//! The settings of a server before it starts.

use std::io;

use crate::acl::Users;
use crate::faults::{Faults, Health, Hello, Mode, Role};
use crate::server::FakeRedis;
use crate::socket::Address;
use crate::state::Settings;

/// The version that is reported, and imitated.
const VERSION: &str = "7.0.15";
/// As in Redis's configuration: `maxclients`, and the hard limit of `client-output-buffer-limit pubsub`.
const MAX_CLIENTS: usize = 10_000;
const SUBSCRIBER_BUFFER: usize = 32 << 20;

/// Sets a server's properties, then starts it.
///
/// ```
/// use fake_redis::{FakeRedis, Hello};
///
/// let server = FakeRedis::builder()
///     .password("secret")
///     .user("bob on >hunter2 ~* &chat.* +@all -flushall")
///     .hello(Hello::Unknown)
///     .start()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Builder {
    address: Address,
    password: Option<String>,
    users: Vec<String>,
    settings: Settings,
}

impl Default for Builder {
    fn default() -> Builder {
        Builder {
            address: Address::Tcp(0),
            password: None,
            users: Vec::new(),
            settings: Settings {
                hello: Hello::Full,
                health: Health::Serving,
                role: Role::Master,
                mode: Mode::Standalone,
                version: VERSION.to_owned(),
                max_clients: MAX_CLIENTS,
                subscriber_buffer: SUBSCRIBER_BUFFER,
                new_faults: Faults::default(),
                log: false,
                about_missing_commands: None,
            },
        }
    }
}

impl Builder {
    /// A TCP port of 127.0.0.1. The default, 0, takes a free one.
    #[must_use]
    pub fn port(mut self, port: u16) -> Builder {
        self.address = Address::Tcp(port);
        self
    }

    /// A Unix socket at this path, in place of a port. It must not exist; it is removed when the server stops.
    #[cfg(unix)]
    #[must_use]
    pub fn unix(mut self, path: impl Into<std::path::PathBuf>) -> Builder {
        self.address = Address::Unix(path.into());
        self
    }

    /// A password for the default user, like `requirepass`.
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Builder {
        self.password = Some(password.into());
        self
    }

    /// A user: its name and its rules, as in `ACL SETUSER`. The known categories are `@all`, those that name a kind
    /// of data, `@pubsub`, `@connection` and `@transaction`; rules on keys are read and ignored.
    #[must_use]
    pub fn user(mut self, name_and_rules: impl Into<String>) -> Builder {
        self.users.push(name_and_rules.into());
        self
    }

    /// Whether `HELLO` works.
    #[must_use]
    pub fn hello(mut self, hello: Hello) -> Builder {
        self.settings.hello = hello;
        self
    }

    /// Whether commands that need data are answered.
    #[must_use]
    pub fn health(mut self, health: Health) -> Builder {
        self.settings.health = health;
        self
    }

    /// Whether the server is a master or a replica.
    #[must_use]
    pub fn role(mut self, role: Role) -> Builder {
        self.settings.role = role;
        self
    }

    /// Whether the server is a node of a cluster or a Sentinel.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Builder {
        self.settings.mode = mode;
        self
    }

    /// The version that `HELLO` and `INFO` report, by default "7.0.15". From 7.2 on `CLIENT SETINFO` is known.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Builder {
        self.settings.version = version.into();
        self
    }

    /// How many connections may be open; the next one gets `-ERR max number of clients reached`. Default 10,000.
    #[must_use]
    pub fn max_clients(mut self, clients: usize) -> Builder {
        self.settings.max_clients = clients;
        self
    }

    /// A subscriber with more than this many bytes unsent is disconnected. Default 32 MiB. Bytes in the system's own
    /// buffers count as sent.
    #[must_use]
    pub fn subscriber_buffer(mut self, bytes: usize) -> Builder {
        self.settings.subscriber_buffer = bytes;
        self
    }

    /// The faults of each connection from its start.
    #[must_use]
    pub fn faults(mut self, faults: Faults) -> Builder {
        self.settings.new_faults = faults;
        self
    }

    /// Whether each connection's commands are kept, for [`State::commands`](crate::State::commands). Memory grows
    /// with each command then. Default: no.
    #[must_use]
    pub fn log(mut self, log: bool) -> Builder {
        self.settings.log = log;
        self
    }

    /// What the error of a command that this server lacks, such as `EVAL`, says in place of its arguments. A command that
    /// only the simulated version lacks gets Redis's own words.
    #[must_use]
    pub fn about_missing_commands(mut self, text: impl Into<String>) -> Builder {
        self.settings.about_missing_commands = Some(text.into());
        self
    }

    /// Starts the server.
    ///
    /// # Errors
    ///
    /// The address is taken, a rule of a user is not known (`InvalidInput`), or the system gives no port, thread or
    /// event queue.
    pub fn start(self) -> io::Result<FakeRedis> {
        let mut users = Users::default();
        if let Some(password) = &self.password {
            users.require_password(Some(password.as_bytes()));
        }
        for line in &self.users {
            let mut words = line.split_ascii_whitespace().map(str::as_bytes);
            let name = words.next().unwrap_or_default();
            users.set(name, words).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        }
        let address = match self.address {
            // A URL has no relative paths.
            #[cfg(unix)]
            Address::Unix(path) => Address::Unix(std::path::absolute(path)?),
            tcp @ Address::Tcp(_) => tcp,
        };
        FakeRedis::start_with(self.settings, users, &address)
    }
}
