//! A server that answers the commands before a subscription, and then sends messages as fast as they are read.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::{fs, thread};

use resp::{Decoder, Encoder, Value};
use tls_proxy::TlsProxy;

use crate::error::Error;
use crate::subscribe::{CHANNEL, END};

/// Bytes of a payload.
const PAYLOAD: usize = 64;
/// Bytes of a message over RESP2 and RESP3.
pub(crate) const FRAME: usize = HEAD.len() + PAYLOAD + 2;
const HEAD: &[u8] = b">3\r\n$7\r\nmessage\r\n$8\r\nfirehose\r\n$64\r\n";

/// How many messages are written at a time: 256 KiB or so, which stay in the cache.
const BLOCK: usize = 2570;

/// The places of the lap's number in a payload, as hexadecimal digits. Lua compares a few bytes of strings first, and
/// these are among them.
const LAP_AT: [usize; 2] = [30, 60];

/// The child process: prints its port and serves until it is killed. A subscriber of [`CHANNEL`] gets so many
/// messages, each with a new payload, and then one that says "end". With the name of a file, the server speaks TLS, and
/// the file gets the certificate of its authority.
///
/// # Errors
///
/// The system's own.
pub(crate) fn serve(messages: usize, authority: Option<&Path>) -> Result<(), Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::io("a free port"))?;
    let address = listener.local_addr().map_err(Error::io("the port"))?;
    let proxy = match authority {
        Some(file) => {
            let proxy = TlsProxy::start(address).map_err(Error::io("TLS"))?;
            fs::write(file, proxy.authority()).map_err(Error::io(file.display().to_string()))?;
            Some(proxy)
        }
        None => None,
    };
    println!("{}", proxy.as_ref().map_or(address.port(), TlsProxy::port));
    for stream in listener.incoming() {
        let stream = stream.map_err(Error::io("accept"))?;
        // A client that disconnects early is not an error of the server.
        thread::spawn(move || converse(stream, messages));
    }
    Ok(())
}

fn converse(mut stream: TcpStream, messages: usize) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut decoder = Decoder::new();
    let (mut buffer, mut out) = (vec![0; 4096], Vec::new());
    let mut protocol = 2;
    loop {
        let len = stream.read(&mut buffer)?;
        if len == 0 {
            return Ok(());
        }
        let mut input = &buffer[..len];
        let mut subscribed = false;
        if input[0] != b'*' {
            // Words in lines, as from a terminal.
            for line in input.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                let words: Vec<_> =
                    line.trim_ascii().split(|byte| *byte == b' ').map(<[u8]>::to_vec).collect();
                subscribed |= answer(&words, &mut protocol, subscribed, &mut out);
            }
        } else {
            while let Some(frame) = decoder.feed(&mut input).map_err(io::Error::other)? {
                let Value::Array(words) = frame.value() else { continue };
                let words: Vec<_> =
                    words.map(|word| word.value().as_bytes().unwrap_or_default().to_vec()).collect();
                subscribed |= answer(&words, &mut protocol, subscribed, &mut out);
            }
        }
        stream.write_all(&out)?;
        out.clear();
        if subscribed {
            blast(&mut stream, protocol, messages)?;
        }
    }
}

/// Answers one command; returns whether messages are to follow.
fn answer(words: &[Vec<u8>], protocol: &mut u8, subscribed: bool, out: &mut Vec<u8>) -> bool {
    let word = |index: usize| words.get(index).map(|word| word.to_ascii_uppercase()).unwrap_or_default();
    let mut encoder = Encoder::new(out);
    match (&word(0)[..], &word(1)[..]) {
        (b"HELLO", version) => {
            *protocol = if version == b"3" { 3 } else { 2 };
            if *protocol == 3 {
                encoder.map(7)
            } else {
                encoder.array(14)
            };
            encoder
                .bulk_string(b"server")
                .bulk_string(b"redis")
                .bulk_string(b"version")
                .bulk_string(b"7.4.0");
            encoder.bulk_string(b"proto").integer((*protocol).into()).bulk_string(b"id").integer(1);
            encoder
                .bulk_string(b"mode")
                .bulk_string(b"standalone")
                .bulk_string(b"role")
                .bulk_string(b"master");
            encoder.bulk_string(b"modules").array(0);
        }
        (b"SUBSCRIBE", _) => {
            if *protocol == 3 {
                encoder.push(3)
            } else {
                encoder.array(3)
            };
            encoder.bulk_string(b"subscribe").bulk_string(CHANNEL.as_bytes()).integer(1);
            return true;
        }
        (b"CLIENT", b"ID") => {
            encoder.integer(1);
        }
        (b"INFO", _) => {
            encoder.bulk_string(b"# Server\r\nredis_version:7.4.0\r\nredis_mode:standalone\r\n");
        }
        // A subscribed connection of RESP2 gets an array.
        (b"PING", b"") if subscribed && *protocol == 2 => {
            encoder.array(2).bulk_string(b"pong").bulk_string(b"");
        }
        (b"PING", b"") => out.extend_from_slice(b"+PONG\r\n"),
        (b"PING", _) => {
            if subscribed && *protocol == 2 {
                encoder.array(2).bulk_string(b"pong");
            }
            encoder.bulk_string(&words[1]);
        }
        _ => out.extend_from_slice(b"+OK\r\n"),
    }
    false
}

fn blast(stream: &mut TcpStream, protocol: u8, messages: usize) -> io::Result<()> {
    let kind = if protocol == 3 { b'>' } else { b'*' };
    let mut block = Vec::with_capacity(BLOCK * FRAME);
    // Digits that look random and differ between the messages of one block.
    let mut digits = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..BLOCK {
        digits = digits.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        block.push(kind);
        block.extend_from_slice(&HEAD[1..]);
        block.extend_from_slice(format!("{digits:016x}").as_bytes());
        block.resize(block.len() + PAYLOAD - 16, b'-');
        block.extend_from_slice(b"\r\n");
    }
    let mut left = messages;
    for lap in 0_u16.. {
        let count = left.min(BLOCK);
        let lap = format!("{lap:04x}");
        let part = &mut block[..count * FRAME];
        for frame in part.chunks_exact_mut(FRAME) {
            for at in LAP_AT {
                frame[HEAD.len() + at..][..4].copy_from_slice(lap.as_bytes());
            }
        }
        stream.write_all(part)?;
        left -= count;
        if left == 0 {
            break;
        }
    }
    let mut end = vec![kind];
    end.extend_from_slice(b"3\r\n$7\r\nmessage\r\n$8\r\nfirehose\r\n$3\r\n");
    end.extend_from_slice(END);
    end.extend_from_slice(b"\r\n");
    stream.write_all(&end)
}
