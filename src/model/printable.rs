//! Text from outside, made safe for a console, a log or an error.

/// How many characters of a name, a version or a channel are shown.
pub const NAME_CHARACTERS: usize = 64;

/// Bytes of the longest character in UTF-8.
const LONGEST_CHARACTER: usize = 4;

/// An escaped byte has this many characters: `\x1b`.
const ESCAPED: usize = 4;

/// Shows text that came from outside as one line of at most `most` characters.
///
/// A terminal obeys control characters: they move the cursor, change the title, or begin a new line, which then looks
/// like one of ours. Controls of writing direction reorder the text for a reader. So each byte of these becomes
/// `\xHH`:
///
/// - control characters: U+0000 to U+001F, U+007F to U+009F, and the separators U+2028 and U+2029;
/// - controls of writing direction: U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069;
/// - the byte order mark U+FEFF;
/// - bytes that are not valid UTF-8, such as a control character in another encoding.
///
/// Everything else stays as it is, even the backslash, so the original cannot be restored from the result. If the
/// text was cut, the size of the whole in bytes follows. The time and the memory that this takes depend on `most`
/// alone.
///
/// ```
/// use realtime::model::printable;
///
/// assert_eq!(printable("žluťoučký kůň".as_bytes(), 64), "žluťoučký kůň");
/// assert_eq!(printable(b"7.0\x1b[2J\n", 64), r"7.0\x1b[2J\x0a");
/// assert_eq!(printable(b"abcdef", 3), "abc … (6 bytes)");
/// ```
pub fn printable(text: &[u8], most: usize) -> String {
    let mut out = Printable::new(most);
    out.push(text);
    out.finish(text.len())
}

/// A [`printable`] text that is put together from pieces.
///
/// ```
/// use realtime::model::Printable;
///
/// let mut text = Printable::new(64);
/// text.push(b"it was \x07");
/// text.push(b"so");
/// assert_eq!(text.finish(10), r"it was \x07so");
/// ```
#[derive(Debug)]
pub struct Printable {
    text: String,
    /// How many more characters fit.
    room: usize,
    is_cut: bool,
}

impl Printable {
    /// An empty text with room for `most` characters.
    pub fn new(most: usize) -> Self {
        Self { text: String::new(), room: most, is_cut: false }
    }

    /// Appends as much of a piece as fits. A character that is divided between two pieces is escaped.
    pub fn push(&mut self, piece: &[u8]) {
        let window = &piece[..piece.len().min(self.window())];
        for chunk in window.utf8_chunks() {
            for character in chunk.valid().chars() {
                let mut bytes = [0; LONGEST_CHARACTER];
                let bytes = character.encode_utf8(&mut bytes);
                if is_harmless(character) {
                    self.put(1, |text| text.push(character));
                } else {
                    self.escape(bytes.as_bytes());
                }
            }
            self.escape(chunk.invalid());
        }
        self.is_cut |= window.len() < piece.len();
    }

    /// Bytes of a piece that can matter: one more than fit, so that a cut shows.
    pub fn window(&self) -> usize {
        if self.is_cut { 0 } else { (self.room + 1) * LONGEST_CHARACTER }
    }

    /// The text. If some of it did not fit, its end says so and gives `whole`, the size of the original in bytes.
    pub fn finish(mut self, whole: usize) -> String {
        if self.is_cut {
            self.text.push_str(&format!(" … ({whole} bytes)"));
        }
        self.text
    }

    fn escape(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.put(ESCAPED, |text| text.push_str(&format!("\\x{byte:02x}")));
        }
    }

    /// Appends this many characters if all of them fit. After the first that does not fit, nothing is appended.
    fn put(&mut self, characters: usize, append: impl FnOnce(&mut String)) {
        match self.room.checked_sub(characters) {
            Some(room) if !self.is_cut => {
                self.room = room;
                append(&mut self.text);
            }
            _ => self.is_cut = true,
        }
    }
}

/// Whether a character has no effect except to be shown.
fn is_harmless(character: char) -> bool {
    !matches!(
        character,
        '\0'..='\x1f'
            | '\x7f'..='\u{9f}'
            | '\u{61c}'
            | '\u{200e}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}'
    )
}
