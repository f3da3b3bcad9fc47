//! Prints RESP from standard input as JSON, one object a line for each frame.
//!
//! ```sh
//! printf '*2\r\n:1\r\n$2\r\nhi\r\n' | cargo run -q -p realtime-resp --example dump
//! ```
//!
//! `--chunk N` feeds the decoder N bytes at a time (default: all at once); the output is the same. If input ends
//! inside a frame, the last line is `{"incomplete":{"offset":N}}` and the exit code 2. If input is malformed, the
//! last line is `{"error":{"kind":"…","offset":N}}` and the exit code 1.

use std::io::{self, BufWriter, Read, Write};
use std::process::ExitCode;

use resp::{DecodeError, Decoder};

mod json;

const MALFORMED: u8 = 1;
const INCOMPLETE: u8 = 2;
/// As in `sysexits.h`.
const USAGE: u8 = 64;
const IO_ERROR: u8 = 74;

fn main() -> ExitCode {
    let chunk = match chunk_size(std::env::args().skip(1)) {
        Ok(chunk) => chunk,
        Err(problem) => {
            eprintln!("dump: {problem}\nusage: dump [--chunk N] < FILE");
            return ExitCode::from(USAGE);
        }
    };
    match run(chunk) {
        Ok(code) => code,
        // The reader of our output has closed it.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("dump: {error}");
            ExitCode::from(IO_ERROR)
        }
    }
}

fn chunk_size(mut args: impl Iterator<Item = String>) -> Result<Option<usize>, String> {
    let mut chunk = None;
    while let Some(arg) = args.next() {
        let value = match arg.strip_prefix("--chunk") {
            Some("") => args.next().ok_or("--chunk wants a number")?,
            Some(value) if value.starts_with('=') => value[1..].to_owned(),
            _ => return Err(format!("unknown argument {arg:?}")),
        };
        match value.parse() {
            Ok(n) if n > 0 => chunk = Some(n),
            _ => return Err(format!("--chunk wants a number of bytes above 0, not {value:?}")),
        }
    }
    Ok(chunk)
}

fn run(chunk: Option<usize>) -> io::Result<ExitCode> {
    let mut input = Vec::new();
    io::stdin().lock().read_to_end(&mut input)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let mut decoder = Decoder::new();
    let mut code = ExitCode::SUCCESS;
    for piece in input.chunks(chunk.unwrap_or(input.len()).max(1)) {
        if let Err(error) = print(&mut decoder, piece, &mut out)? {
            writeln!(
                out,
                "{{\"error\":{{\"kind\":\"{}\",\"offset\":{}}}}}",
                error.kind.name(),
                error.offset
            )?;
            out.flush()?;
            return Ok(ExitCode::from(MALFORMED));
        }
    }
    if let Some(offset) = decoder.frame_start() {
        writeln!(out, "{{\"incomplete\":{{\"offset\":{offset}}}}}")?;
        code = ExitCode::from(INCOMPLETE);
    }
    out.flush()?;
    Ok(code)
}

/// Prints the frames that end in `piece`.
fn print(
    decoder: &mut Decoder,
    mut piece: &[u8],
    out: &mut impl Write,
) -> io::Result<Result<(), DecodeError>> {
    loop {
        match decoder.feed(&mut piece) {
            Ok(Some(frame)) => writeln!(out, "{}", json::frame(&frame))?,
            Ok(None) => return Ok(Ok(())),
            Err(error) => return Ok(Err(error)),
        }
    }
}
