//! The servers behind the proxy.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use fake_redis::FakeRedis;
use real_redis::RealRedis;
use tls_proxy::TlsProxy;

pub const PASSWORD: &str = "secret";

pub enum Server {
    Fake(FakeRedis),
    Real(RealRedis),
}

impl Server {
    pub fn fake() -> Self {
        Self::Fake(FakeRedis::builder().password(PASSWORD).start().expect("a server"))
    }

    pub fn real() -> Self {
        let real = RealRedis::builder().configuration(format!("requirepass {PASSWORD}")).start();
        Self::Real(real.expect("a redis-server"))
    }

    pub fn address(&self) -> SocketAddr {
        let port = match self {
            Self::Fake(fake) => fake.port(),
            Self::Real(real) => real.port(),
        };
        (Ipv4Addr::LOCALHOST, port).into()
    }

    /// TLS in front of it.
    pub fn tls(&self) -> Arc<TlsProxy> {
        Arc::new(TlsProxy::recording(self.address()).expect("a proxy"))
    }
}
