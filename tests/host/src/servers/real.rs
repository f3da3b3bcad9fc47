//! `host.real`: a redis-server process of this run's own.

use std::{cell::RefCell, path::Path, time::Duration};

use certificates::Authority;
use real_redis::{HeldPort, RealRedis};

use super::{Talker, bytes, client};
use crate::{
    ffi::{self, Signal},
    value::Value,
};

/// The user with whom the host logs in, whatever the script does to the default one. Only if there are users: before
/// Redis 6 there is one password for all clients.
const USER: &str = "gmod-host";
const PASSWORD: &str = "known-to-the-host-alone";

const METHODS: &str =
    "url, socket, publish, drop, stop, start, kill, pause, resume, command, port, speak_tls, authority";

/// A redis-server on a free port of 127.0.0.1 and on a Unix socket.
#[derive(Debug)]
pub(crate) struct Real {
    has_users: bool,
    /// `requirepass` of a server without users, as far as a script has set it.
    password: RefCell<Vec<u8>>,
    server: RefCell<RealRedis>,
    /// Of a node of a cluster: where others reach it.
    _bus: Option<HeldPort>,
    /// Of a server that speaks TLS: its port for that, and who signed its certificate, in PEM.
    tls: RefCell<Option<(HeldPort, String)>>,
}

impl Real {
    /// Starts a server that keeps its socket and its log in `folder`, with these lines in its configuration.
    ///
    /// # Errors
    ///
    /// There is no such redis-server, or it does not start.
    pub(crate) fn start(folder: &Path, configuration: &str) -> Result<Self, String> {
        let (major, _) = real_redis::version().map_err(|error| error.to_string())?;
        let has_users = major >= 6;
        let mut builder =
            RealRedis::builder().configuration(configuration).folder(folder).prepare(ffi::die_with_parent);
        // By default the bus has the server's port plus ten thousand, which another program may have. The
        // setting for another port came with 7.0.
        let is_node = configuration.lines().any(|line| line == "cluster-enabled yes");
        let bus = if is_node && major >= 7 { Some(HeldPort::new()) } else { None };
        let bus = bus.transpose().map_err(|error| format!("a port for the cluster's bus: {error}"))?;
        if let Some(bus) = &bus {
            builder = builder.configuration(format!("cluster-port {}", bus.number()));
        }
        if has_users {
            builder = builder.configuration(format!("user {USER} on >{PASSWORD} ~* &* +@all"));
        }
        let server = builder.start().map_err(|error| error.to_string())?;
        Ok(Self {
            has_users,
            password: RefCell::default(),
            server: RefCell::new(server),
            _bus: bus,
            tls: RefCell::default(),
        })
    }

    pub(crate) fn url(&self) -> String {
        self.server.borrow().url()
    }

    /// The login of the host's own connections; empty if none is needed.
    fn login(&self) -> Vec<Vec<u8>> {
        let password = self.password.borrow();
        let login: &[&[u8]] = match &**password {
            _ if self.has_users => &[b"AUTH", USER.as_bytes(), PASSWORD.as_bytes()],
            [] => &[],
            password => &[b"AUTH", password],
        };
        login.iter().map(|word| word.to_vec()).collect()
    }

    /// Sends commands on a connection that is kept, on a separate thread; `patience` is the longest time for an
    /// answer.
    ///
    /// # Errors
    ///
    /// The system cannot start a thread.
    pub(crate) fn talker(&self, patience: Duration) -> Result<Talker, String> {
        Talker::start(self.server.borrow().port(), patience, self.login())
            .map_err(|error| format!("the talker: {error}"))
    }

    fn command(&self, words: &[&[u8]]) -> Result<Value, String> {
        let login = self.login();
        let login: Vec<&[u8]> = login.iter().map(Vec::as_slice).collect();
        let answer = client::command(self.server.borrow().port(), &login, words)?;
        if let [b"CONFIG", b"SET", b"requirepass", password] = words {
            *self.password.borrow_mut() = password.to_vec();
        }
        Ok(answer)
    }

    fn signal(&self, signal: Signal) -> Result<(), String> {
        match self.server.borrow().process() {
            Some(process) => ffi::send_signal(process, signal).map_err(|error| error.to_string()),
            None => Err("the server is stopped".to_owned()),
        }
    }

    /// Ends the process as an administrator would: it closes its connections.
    fn stop(&self) -> Result<(), String> {
        self.signal(Signal::End)?;
        self.signal(Signal::Resume)?;
        self.server.borrow_mut().wait().map_err(|error| error.to_string())
    }

    fn start_again(&self) -> Result<(), String> {
        let mut server = self.server.borrow_mut();
        if server.process().is_none() {
            // Settings made with CONFIG SET were lost with the process.
            self.password.take();
        }
        server.start().map_err(|error| error.to_string())
    }

    /// Makes the server speak TLS, on a port of its own, by restarting it. Returns that URL.
    fn speak_tls(&self) -> Result<String, String> {
        let authority = Authority::new("gmod-host");
        let port = HeldPort::new().map_err(|error| error.to_string())?;
        let url = format!("rediss://127.0.0.1:{}", port.number());
        {
            let mut server = self.server.borrow_mut();
            let identity = authority.issue(&["127.0.0.1"]);
            identity.write(server.folder(), "tls").map_err(|error| error.to_string())?;
            server.configure(&format!(
                "tls-port {}\ntls-cert-file tls.crt\ntls-key-file tls.key\ntls-auth-clients no",
                port.number()
            ));
        }
        self.tls.replace(Some((port, authority.certificate)));
        self.stop()?;
        self.start_again()?;
        Ok(url)
    }

    /// `host.real.METHOD(…)`.
    ///
    /// # Errors
    ///
    /// There is no such method, the arguments are wrong, or the server can't.
    pub(crate) fn call(&self, method: &str, arguments: &[Value]) -> Result<Value, String> {
        match method {
            "url" => return Ok(self.url().into()),
            "socket" => return Ok(self.server.borrow().unix_url().into()),
            "port" => return Ok(f64::from(self.server.borrow().port()).into()),
            "speak_tls" => return Ok(self.speak_tls()?.into()),
            "authority" => {
                let authority = self.tls.borrow().as_ref().map(|(_, authority)| authority.clone());
                return Ok(authority.ok_or("the server speaks no TLS")?.into());
            }
            "publish" => {
                let publish = [b"PUBLISH", bytes(arguments, 0, method)?, bytes(arguments, 1, method)?];
                return self.command(&publish);
            }
            "command" => {
                let words: Vec<&[u8]> = (0..arguments.len())
                    .map(|index| bytes(arguments, index, method))
                    .collect::<Result<_, _>>()?;
                return self.command(&words);
            }
            "drop" => {
                // Not with two commands, one for each type of client: a client that ends its last
                // subscription between the two would survive both.
                self.command(&["CLIENT", "KILL", "SKIPME", "yes"].map(str::as_bytes))?;
            }
            "stop" => self.stop()?,
            "start" => self.start_again()?,
            "kill" => self.server.borrow_mut().kill(),
            "pause" => self.signal(Signal::Pause)?,
            "resume" => self.signal(Signal::Resume)?,
            _ => return Err(format!("host.real has {METHODS}, but no '{method}'")),
        }
        Ok(Value::Nil)
    }
}
