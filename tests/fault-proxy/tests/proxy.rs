//! The bytes that pass the proxy, seen from both sides.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure here is a failed test")]

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use fault_proxy::{Course, Cut, FaultProxy, Faults};
use socket2::{Domain, Socket, Type};

const LONG: Duration = Duration::from_secs(60);
/// What is expected of a read.
const IN_TIME: &str = "what the other side sent, within a minute";
/// Time between pieces that is over before anybody waits for it.
const SHORT: Duration = Duration::from_millis(1);
/// A pause between pieces that no test waits for: bytes that come earlier did not wait for it.
const ENDLESS: Duration = Duration::from_secs(3600);
/// How long nothing must come for a stall to be believed.
const SILENCE: Duration = Duration::from_millis(50);

fn server() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

fn up(course: Course) -> Faults {
    Faults { up: course, ..Faults::default() }
}

fn down(course: Course) -> Faults {
    Faults { down: course, ..Faults::default() }
}

/// A client with these faults, and the server's side of its connection.
fn pair(server: &TcpListener, proxy: &FaultProxy, faults: Faults) -> (TcpStream, TcpStream) {
    proxy.next([faults]);
    let client = TcpStream::connect(proxy.address()).unwrap();
    let (served, _) = server.accept().unwrap();
    for stream in [&client, &served] {
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.set_nodelay(true).unwrap();
    }
    (client, served)
}

fn start() -> (TcpListener, FaultProxy) {
    let server = server();
    let proxy = FaultProxy::start(server.local_addr().unwrap()).unwrap();
    (server, proxy)
}

fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut got = Vec::new();
    stream.read_to_end(&mut got).expect(IN_TIME);
    got
}

fn read(stream: &mut TcpStream, n: usize) -> Vec<u8> {
    let mut got = vec![0; n];
    stream.read_exact(&mut got).expect(IN_TIME);
    got
}

/// The sizes of the pieces in which `n` bytes come, if the pauses between them never end.
fn pieces(proxy: &FaultProxy, stream: &mut TcpStream, n: usize) -> Vec<usize> {
    let mut sizes = Vec::new();
    let mut buffer = [0; 64];
    loop {
        sizes.push(stream.read(&mut buffer).expect(IN_TIME));
        if sizes.iter().sum::<usize>() >= n {
            return sizes;
        }
        // Whatever is changed, the next piece goes at once.
        proxy.edit(|_| {});
    }
}

fn silent(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(SILENCE)).unwrap();
    let outcome = stream.read(&mut [0]);
    stream.set_read_timeout(Some(LONG)).unwrap();
    matches!(outcome, Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
}

#[test]
fn without_faults_everything_passes_both_ways_and_so_do_both_ends() {
    let (server, proxy) = start();
    let (mut client, mut served) = pair(&server, &proxy, Faults { record: true, ..Faults::default() });
    let big: Vec<u8> = (0..1 << 20).map(|i: u32| i.to_le_bytes()[1]).collect();
    let sent = big.clone();
    let echo = thread::spawn(move || {
        let got = read_to_end(&mut served);
        served.write_all(&got).unwrap();
    });
    let mut writer = client.try_clone().unwrap();
    let write = thread::spawn(move || {
        writer.write_all(&sent).unwrap();
        writer.shutdown(Shutdown::Write).unwrap();
    });
    assert!(read_to_end(&mut client) == big, "a megabyte there and back");
    write.join().unwrap();
    echo.join().unwrap();
    drop(client);
    assert!(proxy.wait_until(|all| all.iter().all(|one| !one.open), LONG));
    let all = proxy.connections();
    assert!(all[0].up == big && all[0].down == big && !all[0].cut);
    assert_eq!((all[0].passed_up, all[0].passed_down), (1 << 20, 1 << 20));
}

#[test]
fn a_cut_lets_through_exactly_so_many_bytes_in_either_direction() {
    let (server, proxy) = start();
    for n in 0..=6_u64 {
        let course = Course { cut_at: Some(n), ..Course::default() };
        let (mut client, mut served) = pair(&server, &proxy, up(course.clone()));
        client.write_all(b"abcdef").unwrap();
        assert_eq!(read_to_end(&mut served), b"abcdef"[..usize::try_from(n).unwrap()]);
        assert_eq!(read_to_end(&mut client), b"", "both sides end");

        let (mut client, mut served) = pair(&server, &proxy, down(course));
        served.write_all(b"abcdef").unwrap();
        assert_eq!(read_to_end(&mut client), b"abcdef"[..usize::try_from(n).unwrap()]);
        assert_eq!(read_to_end(&mut served), b"");
    }
    assert!(proxy.wait_until(|all| all.len() == 14 && all.iter().all(|one| one.cut && !one.open), LONG));
}

#[test]
fn a_reset_is_one_on_both_sides() {
    let (server, proxy) = start();
    let course = Course { cut_at: Some(2), cut: Cut::Reset, ..Course::default() };
    let (mut client, mut served) = pair(&server, &proxy, up(course));
    client.write_all(b"ab").unwrap();
    for stream in [&mut client, &mut served] {
        let error = stream.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
    let (mut client, served) = pair(&server, &proxy, Faults::default());
    assert_eq!(proxy.cut(Cut::Reset), 1);
    assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    drop(served);
}

#[test]
fn half_a_close_leaves_the_other_half() {
    let (server, proxy) = start();
    let course = Course { cut_at: Some(2), cut: Cut::HalfClose, ..Course::default() };
    let (mut client, mut served) = pair(&server, &proxy, up(course.clone()));
    client.write_all(b"ab").unwrap();
    assert_eq!(read_to_end(&mut served), b"ab");
    served.write_all(b"xyz").unwrap();
    assert_eq!(read(&mut client, 3), b"xyz");

    let (mut client, mut served) = pair(&server, &proxy, down(course));
    served.write_all(b"ab").unwrap();
    assert_eq!(read_to_end(&mut client), b"ab");
    client.write_all(b"xyz").unwrap();
    assert_eq!(read(&mut served, 3), b"xyz");
}

#[test]
fn a_stall_holds_until_it_is_over() {
    let (server, proxy) = start();
    let course = Course { stall_at: Some(2), ..Course::default() };
    let (mut client, mut served) = pair(&server, &proxy, down(course));
    served.write_all(b"abcdef").unwrap();
    assert_eq!(read(&mut client, 2), b"ab");
    assert!(silent(&mut client));
    client.write_all(b"up").unwrap();
    assert_eq!(read(&mut served, 2), b"up", "the other direction goes on");
    assert_eq!(proxy.edit(|faults| faults.down.stall = false), 1);
    assert_eq!(read(&mut client, 4), b"cdef");
    proxy.edit(|faults| faults.up.stall = true);
    client.write_all(b"later").unwrap();
    assert!(silent(&mut served));
    proxy.edit(|faults| faults.up.stall = false);
    assert_eq!(read(&mut served, 5), b"later");
}

#[test]
fn bytes_come_one_by_one_and_apart_at_a_split() {
    let (server, proxy) = start();
    let trickle = |pause| up(Course { piece: 1, pause, ..Course::default() });
    let (mut client, mut served) = pair(&server, &proxy, trickle(ENDLESS));
    client.write_all(b"abcde").unwrap();
    assert_eq!(pieces(&proxy, &mut served, 5), [1; 5]);
    for n in 1..5_usize {
        let split = Course { split_at: Some(n as u64), pause: ENDLESS, ..Course::default() };
        let (mut client, mut served) = pair(&server, &proxy, down(split));
        served.write_all(b"abcde").unwrap();
        assert_eq!(pieces(&proxy, &mut client, 5), [n, 5 - n]);
    }
    // A pause ends without further calls.
    let (mut client, mut served) = pair(&server, &proxy, trickle(SHORT));
    client.write_all(b"abcde").unwrap();
    assert_eq!(read(&mut served, 5), b"abcde");
}

#[test]
fn a_mute_server_accepts_and_says_nothing() {
    let (server, proxy) = start();
    proxy.faults(Faults { mute: true, ..Faults::default() });
    let mut client = TcpStream::connect(proxy.address()).unwrap();
    client.write_all(b"hello?").unwrap();
    assert!(silent(&mut client));
    server.set_nonblocking(true).unwrap();
    assert_eq!(server.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "nobody asked the server");
    drop(client);
    assert!(proxy.wait_until(|all| all.is_empty(), LONG), "it lets go of a client that has gone");
}

#[test]
fn it_refuses_and_accepts_again_on_the_same_port() {
    let (server, proxy) = start();
    let (mut client, mut served) = pair(&server, &proxy, Faults::default());
    proxy.refuse().unwrap();
    let error = TcpStream::connect(proxy.address()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    client.write_all(b"still").unwrap();
    assert_eq!(read(&mut served, 5), b"still", "what is open stays so");
    proxy.accept().unwrap();
    pair(&server, &proxy, Faults::default());
    assert_eq!(proxy.accepted(), 2);
}

#[test]
fn the_server_behind_it_is_swapped_for_connections_to_come() {
    let (server, proxy) = start();
    let (mut client, mut served) = pair(&server, &proxy, Faults::default());
    let other = self::server();
    proxy.swap(other.local_addr().unwrap());
    let (_client, mut there) = pair(&other, &proxy, Faults::default());
    there.write_all(b"x").unwrap();
    client.write_all(b"old").unwrap();
    assert_eq!(read(&mut served, 3), b"old");
}

#[test]
fn a_server_that_refuses_ends_the_clients_connection() {
    let (server, proxy) = start();
    // Bound, so that no other process gets the port, and not listening.
    let nobody = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    nobody.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    proxy.swap(nobody.local_addr().unwrap().as_socket().unwrap());
    let mut client = TcpStream::connect(proxy.address()).unwrap();
    client.set_read_timeout(Some(LONG)).unwrap();
    let start = Instant::now();
    assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert!(start.elapsed() < LONG);
    drop(server);
}

/// Elsewhere the other addresses have to be set up first.
#[cfg(target_os = "linux")]
#[test]
fn it_is_at_the_address_that_it_was_given_also_after_it_refused() {
    let server = server();
    let proxy = FaultProxy::start_at(Ipv4Addr::new(127, 0, 0, 9), server.local_addr().unwrap()).unwrap();
    assert_eq!(proxy.address().ip(), Ipv4Addr::new(127, 0, 0, 9));
    proxy.refuse().unwrap();
    assert!(TcpStream::connect(proxy.address()).is_err());
    proxy.accept().unwrap();
    assert!(TcpStream::connect(proxy.address()).is_ok());
}
