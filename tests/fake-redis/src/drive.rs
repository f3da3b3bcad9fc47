//! Controlling a server while it runs: its messages and its faults.

use crate::acl::AclError;
use crate::connection::Ending;
use crate::failure::Failure;
use crate::faults::{Close, Faults, Health, Hello, Reaction, Role, Target};
use crate::hash_slots::Place;
use crate::pubsub::Kind;
use crate::server::FakeRedis;

impl FakeRedis {
    /// Sends a message to all subscribers; returns the number of deliveries, like `PUBLISH`.
    pub fn publish(&self, channel: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> usize {
        self.change_later(|state| state.publish(Kind::Channel, channel.as_ref(), payload.as_ref()))
    }

    /// The same to a sharded channel, like `SPUBLISH`.
    pub fn spublish(&self, channel: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> usize {
        self.change_later(|state| state.publish(Kind::Sharded, channel.as_ref(), payload.as_ref()))
    }

    /// Moves the hash slot of a name to another node, `host:port`: commands on keys and sharded channels in it are
    /// refused with `MOVED`, and subscriptions to such channels end, unasked. `None` brings the slot back, or ends
    /// its migration.
    ///
    /// ```
    /// let server = fake_redis::FakeRedis::start()?;
    /// server.move_slot("{eu}.chat", Some("10.0.0.2:6379"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn move_slot(&self, name: impl AsRef<[u8]>, node: Option<&str>) {
        let place = node.map(|node| Place::Moved(node.to_owned()));
        self.change(|state| state.place_slot(name.as_ref(), place));
    }

    /// The hash slot of a name is migrating to another node: a command on a key in it that is not here is refused
    /// with `ASK`. Keys do not move automatically.
    ///
    /// ```
    /// use fake_redis::{FakeRedis, Mode};
    ///
    /// let node = || FakeRedis::builder().mode(Mode::Cluster).start();
    /// let (from, to) = (node()?, node()?);
    /// to.import_slot("{eu}", &format!("127.0.0.1:{}", from.port()));
    /// from.migrate_slot("{eu}", &format!("127.0.0.1:{}", to.port()));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn migrate_slot(&self, name: impl AsRef<[u8]>, to: &str) {
        self.change(|state| state.place_slot(name.as_ref(), Some(Place::Migrating(to.to_owned()))));
    }

    /// The hash slot of a name is being imported from another node: commands on keys in it run after `ASKING`, and
    /// are refused with `MOVED` otherwise.
    pub fn import_slot(&self, name: impl AsRef<[u8]>, from: &str) {
        self.change(|state| state.place_slot(name.as_ref(), Some(Place::Importing(from.to_owned()))));
    }

    /// A Sentinel names this server as the master. If it named another one before, it announces that on
    /// `+switch-master`. Each Sentinel has to be told separately.
    ///
    /// ```
    /// use fake_redis::{FakeRedis, Mode};
    ///
    /// let [master, replica] = [FakeRedis::start()?, FakeRedis::start()?];
    /// let sentinel = FakeRedis::builder().mode(Mode::Sentinel).start()?;
    /// sentinel.name_master("mymaster", "127.0.0.1", master.port());
    /// sentinel.name_master("mymaster", "127.0.0.1", replica.port()); // a failover
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn name_master(&self, name: &str, host: &str, port: u16) {
        self.change(|state| state.name_master(name, host, port));
    }

    /// The other Sentinels that a Sentinel lists.
    pub fn set_other_sentinels(&self, others: &[(&str, u16)]) {
        let others = others.iter().map(|&(host, port)| (host.to_owned(), port)).collect();
        self.change(|state| state.watched.other_sentinels = others);
    }

    /// Whether a Sentinel reaches enough others for a failover. By default it does.
    pub fn set_quorum(&self, has_quorum: bool) {
        self.change(|state| state.watched.has_quorum = has_quorum);
    }

    /// Ends connections at once; bytes that were not yet written to them are lost. Returns how many.
    #[expect(clippy::needless_pass_by_value, reason = "a target is made for the call")]
    pub fn drop_connections(&self, target: Target, how: Close) -> usize {
        self.change(|state| {
            state.connections.chosen(&target).map(|connection| connection.end(Ending::Now(how))).count()
        })
    }

    /// Sends an error, such as `ERR max number of clients reached`, and then ends the connections. Returns how many.
    ///
    /// A line break in `error` becomes a space.
    #[expect(clippy::needless_pass_by_value, reason = "a target is made for the call")]
    pub fn kick(&self, target: Target, error: &str) -> usize {
        let line = format!("-{}\r\n", error.replace(['\r', '\n'], " "));
        self.change(|state| {
            let kick = |connection: &mut crate::connection::Connection| {
                connection.fresh.extend_from_slice(line.as_bytes());
                connection.end(Ending::Flushed);
            };
            state.connections.chosen(&target).map(kick).count()
        })
    }

    /// Sends any bytes, asked for or not. Returns to how many connections.
    #[expect(clippy::needless_pass_by_value, reason = "a target is made for the call")]
    pub fn send(&self, target: Target, bytes: impl AsRef<[u8]>) -> usize {
        let bytes = bytes.as_ref();
        self.change(|state| {
            state
                .connections
                .chosen(&target)
                .map(|connection| connection.fresh.extend_from_slice(bytes))
                .count()
        })
    }

    /// Changes the faults of open connections. Returns of how many.
    ///
    /// ```
    /// use fake_redis::{FakeRedis, Target};
    ///
    /// let server = FakeRedis::start()?;
    /// server.faults(Target::All, |faults| faults.read = false); // stalls
    /// server.faults(Target::All, |faults| faults.read = true); // goes on
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[expect(clippy::needless_pass_by_value, reason = "a target is made for the call")]
    pub fn faults(&self, target: Target, mut edit: impl FnMut(&mut Faults)) -> usize {
        self.change(|state| {
            state.connections.chosen(&target).map(|connection| edit(&mut connection.faults)).count()
        })
    }

    /// Changes the faults of future connections.
    ///
    /// ```
    /// use fake_redis::{FakeRedis, Faults};
    ///
    /// let server = FakeRedis::start()?;
    /// server.faults_for_new(|faults| faults.write = false); // accepts and never answers
    /// server.faults_for_new(|faults| *faults = Faults::turn_away("-DENIED Redis is running in protected mode\r\n"));
    /// server.faults_for_new(|faults| *faults = Faults::default()); // well again
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn faults_for_new(&self, edit: impl FnOnce(&mut Faults)) {
        self.change(|state| edit(&mut state.settings.new_faults));
    }

    /// Sets the reaction to the next command of this name (such as "publish" or "client|setname", in any case), on
    /// any connection. Several reactions to one name are used up in order.
    pub fn on_next(&self, command: &str, reaction: Reaction) {
        self.change(|state| state.reactions.push((command.to_ascii_lowercase(), reaction)));
    }

    /// Sets the reaction to every command of this name, until [`FakeRedis::forget_reactions`]. Those of
    /// [`FakeRedis::on_next`] are used up first.
    pub fn on_every(&self, command: &str, reaction: Reaction) {
        self.change(|state| drop(state.lasting_reactions.insert(command.to_ascii_lowercase(), reaction)));
    }

    /// Forgets the reactions that were not used up.
    pub fn forget_reactions(&self) {
        self.change(|state| {
            state.reactions.clear();
            state.lasting_reactions.clear();
        });
    }

    /// Refuses each command that subscribes to this channel or pattern, or ends such a subscription, with an error such as
    /// `BUSY Redis is busy running a script.`; `None` allows it again. One refused name refuses the whole command.
    pub fn refuse_topic(&self, name: impl AsRef<[u8]>, error: Option<&str>) {
        let (name, error) = (name.as_ref().to_vec(), error.map(Failure::quoting));
        self.change(|state| match error {
            Some(error) => drop(state.refused_topics.insert(name, error)),
            None => drop(state.refused_topics.remove(&name)),
        });
    }

    /// Whether commands that need data are answered.
    pub fn set_health(&self, health: Health) {
        self.change(|state| state.settings.health = health);
    }

    /// Makes the server a master or a replica. Connections stay open, as in Redis.
    pub fn set_role(&self, role: Role) {
        self.change(|state| state.settings.role = role);
    }

    /// Whether `HELLO` works.
    pub fn set_hello(&self, hello: Hello) {
        self.change(|state| state.settings.hello = hello);
    }

    /// How many connections may be open.
    pub fn set_max_clients(&self, clients: usize) {
        self.change(|state| state.settings.max_clients = clients);
    }

    /// The number of unsent bytes at which a subscriber is disconnected.
    pub fn set_subscriber_buffer(&self, bytes: usize) {
        self.change(|state| state.settings.subscriber_buffer = bytes);
    }

    /// The default user's password; `None` asks for none. Connections that are open stay authenticated, as in Redis.
    pub fn set_password(&self, password: Option<&str>) {
        self.change(|state| state.users.require_password(password.map(str::as_bytes)));
    }

    /// Makes or changes a user, like `ACL SETUSER`: clients with a subscription that the user lost are disconnected.
    ///
    /// # Errors
    ///
    /// A rule is not known; nothing is changed then.
    pub fn set_user(&self, name_and_rules: &str) -> Result<(), AclError> {
        let mut words = name_and_rules.split_ascii_whitespace().map(str::as_bytes);
        let name = words.next().unwrap_or_default();
        self.change(|state| {
            state.users.set(name, words)?;
            state.drop_revoked();
            Ok(())
        })
    }

    /// Whether each connection's commands are kept. `false` forgets those that were.
    pub fn set_log(&self, log: bool) {
        self.change(|state| {
            state.settings.log = log;
            if !log {
                state.forget_log();
            }
        });
    }
}
