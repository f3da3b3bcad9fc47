//! The pictures show the blocks of the pages.
#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up fails")]

use std::fs;
use std::path::Path;

use xtask::pictures::{PICTURES, drawn};

#[test]
fn every_picture_is_current_and_shown_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    for picture in &PICTURES {
        let found = fs::read_to_string(root.join(picture.file)).unwrap_or_default();
        assert!(
            found == drawn(&root, picture).unwrap(),
            "{} is not what {} says: cargo xtask pictures draws it anew",
            picture.file,
            picture.page
        );
        assert!(readme.contains(&format!("]({})", picture.file)), "README.md does not show {}", picture.file);
    }
}
