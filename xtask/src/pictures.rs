//! `cargo xtask pictures`: pictures of the console, made from blocks of the pages. Tests run these blocks, so the
//! pictures are correct, too.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A picture, and the block that it shows.
#[derive(Debug)]
pub struct Picture {
    /// Its file, relative to the project's folder.
    pub file: &'static str,
    /// The page that has the block.
    pub page: &'static str,
    /// The beginning of the block.
    pub beginning: &'static str,
    /// The title of the window.
    pub title: &'static str,
}

/// All of them.
pub const PICTURES: [Picture; 3] = [
    Picture {
        file: "docs/pictures/status.svg",
        page: "docs/addon.md",
        beginning: "realtime: module ",
        title: "realtime_status",
    },
    Picture {
        file: "docs/pictures/check.svg",
        page: "docs/check.md",
        beginning: "checking: ",
        title: "realtime_check",
    },
    Picture {
        file: "docs/pictures/host.svg",
        page: "tests/host/README.md",
        beginning: "gmod-host: the embedded Redis is at redis://127.0.0.1:46379\ngmod-host: publish from elsewhere: \
                    redis-cli -u redis://127.0.0.1:46379 PUBLISH test hello\ngmod-host: type Lua, a command, or help for",
        title: "gmod-host --servers 2 --addon lua --addon my_chat",
    },
];

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The system's own.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] io::Error),
    /// The page does not have exactly one block with that beginning.
    #[error("{0} has {1} blocks that begin with {2:?}, not one")]
    Block(&'static str, usize, &'static str),
}

/// Writes all pictures.
///
/// # Errors
///
/// A page lacks its block, or a file cannot be read or written.
pub fn write(root: &Path) -> Result<(), PictureError> {
    for picture in &PICTURES {
        let path = root.join(picture.file);
        let at = |error| PictureError::Io(path.clone(), error);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(at)?;
        }
        fs::write(&path, drawn(root, picture)?).map_err(at)?;
    }
    Ok(())
}

/// A picture of the page's current block.
///
/// # Errors
///
/// The page lacks the block, or cannot be read.
pub fn drawn(root: &Path, picture: &Picture) -> Result<String, PictureError> {
    let page = root.join(picture.page);
    let text = fs::read_to_string(&page).map_err(|error| PictureError::Io(page, error))?;
    let blocks = text.split("\n```text\n").skip(1).filter_map(|rest| rest.split("\n```").next());
    let found: Vec<&str> = blocks.filter(|block| block.starts_with(picture.beginning)).collect();
    let [block] = found[..] else {
        return Err(PictureError::Block(picture.page, found.len(), picture.beginning));
    };
    Ok(svg(picture.title, block))
}

/// The width of a character, and the distance of lines, for letters of 14 pixels.
const CHARACTER: f64 = 8.4;
const LINE: usize = 20;
const MARGIN: usize = 16;
const FRAME: usize = 32;

/// The appearance of a part of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Color {
    Plain,
    /// Typed text.
    Typed,
    /// The host's own lines, and numbers of servers.
    Dim,
    /// The prefix of the addon's lines.
    Realtime,
    Good,
    Bad,
}

impl Color {
    fn fill(self) -> &'static str {
        match self {
            Self::Plain => "#d4d4d4",
            Self::Typed => "#ffffff",
            Self::Dim => "#8a8f98",
            Self::Realtime => "#56b6c2",
            Self::Good => "#98c379",
            Self::Bad => "#e06c75",
        }
    }
}

/// A console window with these lines. In the pages `…` stands for text that differs each time.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a width in pixels")]
fn svg(title: &str, text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| line.replace('…', "")).collect();
    let columns =
        lines.iter().map(|line| line.chars().count()).chain([title.chars().count() + 8]).max().unwrap_or(0);
    let width = width_of(columns).ceil() as usize + 2 * MARGIN;
    let height = FRAME + 2 * MARGIN + lines.len() * LINE - LINE / 4;
    let mut body = String::new();
    for (number, line) in lines.iter().enumerate() {
        let y = FRAME + MARGIN + number * LINE + 12;
        let mut column = 0;
        for (color, piece) in pieces(line) {
            // Spaces are skipped, not drawn, because programs treat them differently.
            let indent = piece.len() - piece.trim_start().len();
            let (x, word) = (column + indent, piece.trim());
            column += piece.chars().count();
            if word.is_empty() {
                continue;
            }
            body += &format!(
                "<text x=\"{:.1}\" y=\"{y}\" fill=\"{}\" textLength=\"{:.1}\">{}</text>\n",
                width_of(x) + f64::from(u8::try_from(MARGIN).unwrap_or(u8::MAX)),
                color.fill(),
                width_of(word.chars().count()),
                escaped(word)
            );
        }
    }
    let label = escaped(&format!("{title}\n{}", lines.join("\n")));
    let title = escaped(title);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\" font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"14\" \
         xml:space=\"preserve\">\n<title>{label}</title>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"#1e2127\"/>\n\
         <circle cx=\"20\" cy=\"18\" r=\"5\" fill=\"#e06c75\"/><circle cx=\"38\" cy=\"18\" r=\"5\" fill=\"#e5c07b\"/>\
         <circle cx=\"56\" cy=\"18\" r=\"5\" fill=\"#98c379\"/>\n\
         <text x=\"76\" y=\"23\" fill=\"#8a8f98\">{title}</text>\n{body}</svg>\n"
    )
}

fn width_of(columns: usize) -> f64 {
    f64::from(u16::try_from(columns).unwrap_or(u16::MAX)) * CHARACTER
}

/// A line in parts of one color each; together they are the line.
fn pieces(line: &str) -> Vec<(Color, &str)> {
    let mut pieces = Vec::new();
    let mut rest = line;
    if rest.starts_with(|first: char| first.is_ascii_digit()) && rest[1..].starts_with("| ") {
        let (number, after) = rest.split_at(3);
        pieces.push((Color::Dim, number));
        rest = after;
    }
    for (beginning, color) in [("[realtime]", Color::Realtime), ("ok ", Color::Good), ("PROBLEM", Color::Bad)]
    {
        if let Some(after) = rest.strip_prefix(beginning) {
            pieces.push((color, &rest[..beginning.len()]));
            pieces.push((Color::Plain, after));
            return pieces;
        }
    }
    let color = match rest {
        typed if typed.starts_with("> ") => Color::Typed,
        host if host.starts_with("gmod-host: ") => Color::Dim,
        _ => Color::Plain,
    };
    // Several spaces are between columns, which stay where they are.
    let mut from = 0;
    while let Some(gap) = rest[from..].trim_start().find("  ") {
        let at = from + (rest[from..].len() - rest[from..].trim_start().len()) + gap;
        pieces.push((color, &rest[from..at]));
        from = at;
    }
    pieces.push((color, &rest[from..]));
    pieces
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_colors_and_is_whole() {
        for (line, wanted) in [
            (
                "1| [realtime] connected",
                vec![(Color::Dim, "1| "), (Color::Realtime, "[realtime]"), (Color::Plain, " connected")],
            ),
            ("> chat hello", vec![(Color::Typed, "> chat hello")]),
            ("gmod-host: type", vec![(Color::Dim, "gmod-host: type")]),
            ("ok       id: 1", vec![(Color::Good, "ok "), (Color::Plain, "      id: 1")]),
            ("    up     0 s", vec![(Color::Plain, "    up"), (Color::Plain, "     0 s")]),
        ] {
            assert_eq!(pieces(line), wanted);
            assert_eq!(wanted.iter().map(|(_, piece)| *piece).collect::<String>(), line);
        }
    }

    #[test]
    fn words_stand_in_their_columns_and_are_escaped() {
        let svg = svg("a", "    <b>  & c…");
        assert!(
            svg.contains("<text x=\"49.6\" y=\"60\" fill=\"#d4d4d4\" textLength=\"25.2\">&lt;b&gt;</text>"),
            "{svg}"
        );
        assert!(
            svg.contains("<text x=\"91.6\" y=\"60\" fill=\"#d4d4d4\" textLength=\"25.2\">&amp; c</text>"),
            "{svg}"
        );
    }
}
