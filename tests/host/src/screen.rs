//! The output of the console: the standard streams, with colours for people, and above the line that is being typed.

use std::{
    borrow::Cow,
    cell::RefCell,
    env,
    io::{self, IsTerminal, Write},
    time::Duration,
};

use crate::{cli::Color, printer::Printer};

/// The appearance of text. The terminal's own sixteen colours: its owner chose them to be readable on its background,
/// dark or light.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    /// A colour of `MsgC`.
    Colored(Rgb),
    /// Text of `ErrorNoHalt` and the engine's warnings.
    Warning,
    /// An error with its traceback.
    Error,
    /// The host's own lines.
    Host,
}

/// A colour of the game's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rgb(pub(crate) u8, pub(crate) u8, pub(crate) u8);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Out,
    Err,
}

/// Below that, a colour counts as grey.
const GREY: u8 = 48;

impl Style {
    /// The parameter of the terminal's SGR sequence, if there is one.
    fn parameter(self) -> Option<u8> {
        match self {
            Self::Plain => None,
            Self::Colored(color) => color.parameter(),
            Self::Warning => Some(33),
            Self::Error => Some(31),
            Self::Host => Some(2),
        }
    }
}

impl Rgb {
    /// The nearest of red, yellow, green, cyan, blue and magenta by its hue. Greys, from black to white, are left to
    /// the terminal, because one of them is its background.
    fn parameter(self) -> Option<u8> {
        const HUES: [u8; 6] = [31, 33, 32, 36, 34, 35];
        let Self(red, green, blue) = self;
        let most = red.max(green).max(blue);
        let spread = most - red.min(green).min(blue);
        if spread < GREY {
            return None;
        }
        let turn = |from: u8, to: u8| (f64::from(to) - f64::from(from)) / f64::from(spread);
        // In sixths of the circle of colours, which begins at red.
        let hue = if most == red {
            turn(blue, green)
        } else if most == green {
            2.0 + turn(red, blue)
        } else {
            4.0 + turn(green, red)
        };
        let nearest = (0_u8..).zip(HUES).min_by(|(a, _), (b, _)| {
            let distance = |sixth: u8| {
                let apart = (hue.rem_euclid(6.0) - f64::from(sixth)).abs();
                apart.min(6.0 - apart)
            };
            distance(*a).total_cmp(&distance(*b))
        });
        nearest.map(|(_, parameter)| parameter)
    }
}

/// The console as it is seen.
pub(crate) struct Screen {
    out_has_colors: bool,
    err_has_colors: bool,
    prompt: RefCell<Option<Prompt>>,
}

/// A line is being typed: output goes above it, line by line.
struct Prompt {
    above: Printer,
    unfinished: Vec<u8>,
}

impl Screen {
    pub(crate) fn new(color: Color) -> Self {
        let has_colors = |is_terminal: bool| match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => is_terminal && wants_colors(),
        };
        Self {
            out_has_colors: has_colors(io::stdout().is_terminal()),
            err_has_colors: has_colors(io::stderr().is_terminal()),
            prompt: RefCell::default(),
        }
    }

    /// Whether the standard output has colours.
    pub(crate) fn has_colors(&self) -> bool {
        self.out_has_colors
    }

    /// From now on everything goes above the line that is being typed.
    pub(crate) fn print_above(&self, above: Printer) {
        *self.prompt.borrow_mut() = Some(Prompt { above, unfinished: Vec::new() });
    }

    /// # Errors
    ///
    /// The stream's own.
    pub(crate) fn write(&self, stream: Stream, style: Style, text: &[u8]) -> io::Result<()> {
        let has_colors = match stream {
            Stream::Out => self.out_has_colors,
            Stream::Err => self.err_has_colors,
        };
        let text = match style.parameter() {
            Some(parameter) if has_colors => Cow::Owned(paint(parameter, text)),
            _ => Cow::Borrowed(text),
        };
        if let Some(prompt) = &mut *self.prompt.borrow_mut() {
            return prompt.write(&text);
        }
        match stream {
            Stream::Out => io::stdout().write_all(&text),
            Stream::Err => {
                // Earlier output must come first.
                let flushed = io::stdout().flush();
                io::stderr().write_all(&text).and(flushed)
            }
        }
    }

    /// Shows an incomplete line, too: on a terminal it must not wait for its end.
    ///
    /// # Errors
    ///
    /// The terminal's own.
    pub(crate) fn show_unfinished(&self) -> io::Result<()> {
        match &mut *self.prompt.borrow_mut() {
            Some(prompt) if !prompt.unfinished.is_empty() => prompt.write(b"\n"),
            _ => Ok(()),
        }
    }

    /// Waits until everything above the line is printed, or the time is over; returns whether it is.
    pub(crate) fn settle(&self, patience: Duration) -> bool {
        self.prompt.borrow().as_ref().is_none_or(|prompt| prompt.above.settle(patience))
    }
}

impl Prompt {
    fn write(&mut self, text: &[u8]) -> io::Result<()> {
        self.unfinished.extend_from_slice(text);
        let Some(end) = self.unfinished.iter().rposition(|byte| *byte == b'\n') else { return Ok(()) };
        let finished: Vec<u8> = self.unfinished.drain(..=end).collect();
        self.above.print(&String::from_utf8_lossy(&finished))
    }
}

/// Each line separately, so that no colour extends beyond its text.
fn paint(parameter: u8, text: &[u8]) -> Vec<u8> {
    let mut painted = Vec::with_capacity(text.len());
    for piece in text.split_inclusive(|byte| *byte == b'\n') {
        let (line, end) = match piece.split_last() {
            Some((b'\n', line)) => (line, &b"\n"[..]),
            _ => (piece, &b""[..]),
        };
        if !line.is_empty() {
            painted.extend_from_slice(format!("\x1b[{parameter}m").as_bytes());
            painted.extend_from_slice(line);
            painted.extend_from_slice(b"\x1b[0m");
        }
        painted.extend_from_slice(end);
    }
    painted
}

/// Whether the environment lets a terminal have colours. <https://no-color.org>
fn wants_colors() -> bool {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    // Of Windows' consoles, the old one shows the sequences themselves.
    let understands = !cfg!(windows) || is_set("WT_SESSION") || is_set("TERM");
    understands && !is_set("NO_COLOR") && env::var_os("TERM").is_none_or(|term| term != "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_color_is_the_nearest_hue_and_a_grey_is_none() {
        for (color, parameter) in [
            (Rgb(255, 0, 0), Some(31)),
            (Rgb(255, 170, 60), Some(33)),
            (Rgb(255, 255, 0), Some(33)),
            (Rgb(100, 255, 100), Some(32)),
            (Rgb(0, 200, 220), Some(36)),
            (Rgb(60, 60, 255), Some(34)),
            (Rgb(200, 0, 255), Some(35)),
            (Rgb(255, 0, 30), Some(31)),
            (Rgb(255, 255, 255), None),
            (Rgb(0, 0, 0), None),
            (Rgb(140, 140, 160), None),
        ] {
            assert_eq!(color.parameter(), parameter, "{color:?}");
        }
    }

    #[test]
    fn no_color_reaches_beyond_its_line() {
        assert_eq!(paint(31, b"a\n\nb"), b"\x1b[31ma\x1b[0m\n\n\x1b[31mb\x1b[0m");
        assert_eq!(paint(31, b"\n"), b"\n");
    }
}
