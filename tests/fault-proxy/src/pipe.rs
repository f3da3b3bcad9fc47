//! One direction of a connection.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::Instant;

use mio::net::TcpStream;

use crate::faults::{Course, Cut};

/// Nothing more is read while this many bytes wait to be forwarded.
const BUFFER: usize = 64 << 10;
/// Bytes that are read at once.
const CHUNK: usize = 8 << 10;

/// The state of a direction.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It flows, or waits.
    Flows,
    /// It has reached the position at which it is cut, with both sides or alone.
    Cut(Cut),
    /// One of the sockets failed.
    Broken,
}

#[derive(Debug, Default)]
pub(crate) struct Pipe {
    pub(crate) course: Course,
    /// Read, and not yet passed on.
    buffer: Vec<u8>,
    /// How many bytes were passed on.
    pub(crate) passed: u64,
    /// They themselves, if they are kept.
    pub(crate) record: Option<Vec<u8>>,
    /// The source may have more, and the destination may take more: edges, so remembered.
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// The source has ended its stream.
    source_ended: bool,
    /// The destination was informed.
    pub(crate) ended: bool,
    /// When the next piece may go.
    pub(crate) due: Option<Instant>,
}

impl Pipe {
    pub(crate) fn new(course: Course, record: bool) -> Pipe {
        let record = record.then(Vec::new);
        Pipe { course, record, readable: true, ..Pipe::default() }
    }

    /// Forwards as much as possible.
    pub(crate) fn flow(&mut self, from: &mut TcpStream, to: &mut TcpStream, now: Instant) -> Outcome {
        if self.ended {
            return Outcome::Flows;
        }
        match self.try_flow(from, to, now) {
            Ok(outcome) => outcome,
            Err(_) => Outcome::Broken,
        }
    }

    fn try_flow(&mut self, from: &mut TcpStream, to: &mut TcpStream, now: Instant) -> io::Result<Outcome> {
        loop {
            if self.course.cut_at.is_some_and(|at| self.passed >= at) {
                if self.course.cut == Cut::HalfClose {
                    self.end(to);
                }
                return Ok(Outcome::Cut(self.course.cut));
            }
            if self.course.stall_at.is_some_and(|at| self.passed >= at) {
                self.course.stall_at = None;
                self.course.stall = true;
            }
            if self.course.stall || self.due.is_some_and(|due| due > now) {
                return Ok(Outcome::Flows);
            }
            self.due = None;
            let read = self.read(from)?;
            let written = self.write(to, now)?;
            if self.source_ended && self.buffer.is_empty() {
                self.end(to);
                return Ok(Outcome::Flows);
            }
            if !read && !written {
                return Ok(Outcome::Flows);
            }
        }
    }

    fn read(&mut self, from: &mut TcpStream) -> io::Result<bool> {
        if !self.readable || self.source_ended || self.buffer.len() >= BUFFER {
            return Ok(false);
        }
        let mut chunk = [0; CHUNK];
        let outcome = from.read(&mut chunk);
        match outcome {
            Ok(0) => self.source_ended = true,
            Ok(n) => self.buffer.extend_from_slice(&chunk[..n]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.readable = false;
                return Ok(false);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    fn write(&mut self, to: &mut TcpStream, now: Instant) -> io::Result<bool> {
        let (room, pauses) = self.room();
        if room == 0 || !self.writable {
            return Ok(false);
        }
        match to.write(&self.buffer[..room]) {
            Ok(n) => {
                self.passed += n as u64;
                if let Some(record) = &mut self.record {
                    record.extend_from_slice(&self.buffer[..n]);
                }
                self.buffer.drain(..n);
                if n == room && pauses && !self.course.pause.is_zero() {
                    self.due = Some(now + self.course.pause);
                }
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.writable = false;
                Ok(false)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// How many bytes may be written at once, and whether a pause follows them.
    fn room(&self) -> (usize, bool) {
        let mut room = self.buffer.len();
        let mut pauses = false;
        if self.course.piece > 0 && room >= self.course.piece {
            (room, pauses) = (self.course.piece, true);
        }
        let before = |at: Option<u64>| {
            let left = at?.checked_sub(self.passed)?;
            usize::try_from(left).ok().filter(|&left| left > 0)
        };
        if let Some(left) = before(self.course.split_at)
            && left <= room
        {
            (room, pauses) = (left, true);
        }
        for left in [before(self.course.stall_at), before(self.course.cut_at)].into_iter().flatten() {
            room = room.min(left);
        }
        (room, pauses)
    }

    /// Ends the stream to the destination.
    pub(crate) fn end(&mut self, to: &TcpStream) {
        // If the peer is gone already, it need not know.
        let _gone = to.shutdown(Shutdown::Write);
        self.ended = true;
        self.due = None;
    }
}
