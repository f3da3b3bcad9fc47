//! The guarantees of a server.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failure here is a failed test")]

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use real_redis::{Error, RealRedis};
use socket2::{Domain, Socket, Type};

/// The server's answer to a line, on its Unix socket.
fn ask(redis: &RealRedis, line: &str) -> String {
    let mut stream = UnixStream::connect(redis.socket()).unwrap();
    stream.write_all(line.as_bytes()).unwrap();
    stream.write_all(b"\r\nQUIT\r\n").unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    said
}

/// A test with a server; left out where there is none and none must be.
macro_rules! with_a_server {
    ($($name:ident $body:block)*) => {$(
        #[test]
        fn $name() {
            if real_redis::is_expected() $body else {
                println!("left out: no redis-server on the PATH");
            }
        }
    )*};
}

with_a_server! {
    it_has_the_configuration {
        let redis = RealRedis::builder().configuration("maxclients 123").configuration("timeout 7").start().unwrap();
        let said = ask(&redis, "CONFIG GET maxclients\r\nCONFIG GET timeout");
        assert_eq!(said, "*2\r\n$10\r\nmaxclients\r\n$3\r\n123\r\n*2\r\n$7\r\ntimeout\r\n$1\r\n7\r\n+OK\r\n");
    }

    it_starts_again_on_the_same_port_and_has_forgotten {
        let mut redis = RealRedis::builder().start().unwrap();
        let port = redis.port();
        assert_eq!(ask(&redis, "SET a b\r\nCONFIG SET timeout 7"), "+OK\r\n+OK\r\n+OK\r\n");
        redis.kill();
        assert_eq!(redis.process(), None);
        redis.start().unwrap();
        assert_eq!(redis.port(), port);
        assert_eq!(ask(&redis, "GET a"), "$-1\r\n+OK\r\n");
        assert_eq!(ask(&redis, "CONFIG GET timeout"), "*2\r\n$7\r\ntimeout\r\n$1\r\n0\r\n+OK\r\n");
    }

    one_that_ended_by_itself_is_started_again {
        let mut redis = RealRedis::builder().start().unwrap();
        let first = redis.process();
        redis.start().unwrap();
        assert_eq!(redis.process(), first, "it runs");
        UnixStream::connect(redis.socket()).unwrap().write_all(b"SHUTDOWN NOSAVE\r\n").unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        while redis.process() == first {
            redis.start().unwrap();
            assert!(Instant::now() < deadline, "it does not end");
        }
        assert_eq!(ask(&redis, "PING"), "+PONG\r\n+OK\r\n");
    }

    a_path_too_long_for_a_socket_is_told_at_once {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("x".repeat(120));
        match RealRedis::builder().folder(&deep).start() {
            Err(Error::Folder { path, .. }) => assert_eq!(path, deep.join("redis.sock")),
            other => panic!("{other:?}"),
        }
    }

    its_own_folder_goes_with_it {
        let redis = RealRedis::builder().start().unwrap();
        let folder = redis.folder().to_owned();
        assert!(folder.join("redis.conf").is_file());
        drop(redis);
        assert!(!folder.exists());
    }

    nobody_is_given_its_port_while_it_is_ended {
        let mut redis = RealRedis::builder().start().unwrap();
        redis.kill();
        // As the system does when it looks for a free port; a socket that may share one would get this one.
        let somebody = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, redis.port()));
        assert_eq!(somebody.bind(&address.into()).map_err(|error| error.kind()), Err(ErrorKind::AddrInUse));
        // Its clients are refused meanwhile.
        let refused = TcpStream::connect(address).map_err(|error| error.kind());
        assert_eq!(refused.map(drop), Err(ErrorKind::ConnectionRefused));
        redis.start().unwrap();
        assert!(TcpStream::connect(address).is_ok());
    }

    // One that is gone before redis-server has it answers all the same.
    a_port_that_somebody_has_is_no_server {
        let somebody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = somebody.local_addr().unwrap().port();
        match RealRedis::builder().port(port).start() {
            Err(Error::Ended { log, .. }) => assert!(log.contains("Address already in use"), "{log}"),
            other => panic!("a stranger was taken for the server: {other:?}"),
        }
    }

    a_configuration_that_is_wrong_is_told_with_what_the_server_said {
        match RealRedis::builder().configuration("no-such-word 1").start() {
            Err(Error::Ended { log, .. }) => assert!(log.contains("no-such-word"), "{log}"),
            other => panic!("{other:?}"),
        }
    }
}
