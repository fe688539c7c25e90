//! New names beside taken ones: "report (2).pdf", "report (copy).pdf".

use std::ffi::{OsStr, OsString};

use crate::metadata::FileKind;
use crate::path::{NAME_MAX_BYTES, Name};

/// Which words stand in the brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `(2)`, `(3)`: kept beside another thing of that name.
    Numbered,
    /// `(copy)`, `(copy 2)`: a duplicate of it.
    Copy,
}

/// Endings that are two extensions in one.
const DOUBLE: [&str; 4] = [".tar.gz", ".tar.xz", ".tar.bz2", ".tar.zst"];

/// Length of the part before the extension. A folder has no extension, and a leading dot starts none.
pub fn stem_len(name: &OsStr, kind: FileKind) -> usize {
    let bytes = name.as_encoded_bytes();
    if kind == FileKind::Directory {
        return bytes.len();
    }
    for double in DOUBLE {
        let tail = bytes.len().saturating_sub(double.len());
        if tail > 0
            && bytes
                .get(tail..)
                .is_some_and(|end| end.eq_ignore_ascii_case(double.as_bytes()))
        {
            return tail;
        }
    }
    match memchr::memrchr(b'.', bytes) {
        Some(dot) if dot > 0 && dot + 1 < bytes.len() => dot,
        _ => bytes.len(),
    }
}

/// The `attempt`-th (from 1) name to try beside `name`. The stem is cut where the whole would be too long.
pub fn beside(name: &Name, kind: FileKind, style: Style, attempt: u32) -> Name {
    let mark = match (style, attempt) {
        (Style::Numbered, n) => format!(" ({})", n.saturating_add(1)),
        (Style::Copy, 1) => " (copy)".to_owned(),
        (Style::Copy, n) => format!(" (copy {n})"),
    };
    let stem = stem_len(name.as_os_str(), kind);
    let (stem, extension) = split(name.as_os_str(), stem);
    let room = NAME_MAX_BYTES.saturating_sub(mark.len() + extension.len());
    let (stem, _) = split(stem, cut(stem, room));
    let mut out = OsString::from(stem);
    out.push(mark);
    out.push(extension);
    // A name that was valid stays so: the mark holds no slash. An extension without room gives the name itself, which is taken.
    Name::new(out).unwrap_or_else(|_| name.clone())
}

/// The largest cut of `text` at most `room` bytes long that splits no character.
fn cut(text: &OsStr, room: usize) -> usize {
    let bytes = text.as_encoded_bytes();
    let mut at = room.min(bytes.len());
    while at > 0 && at < bytes.len() && bytes.get(at).is_some_and(|b| b & 0xC0 == 0x80) {
        at -= 1;
    }
    at
}

/// Splits between two characters.
fn split(text: &OsStr, at: usize) -> (&OsStr, &OsStr) {
    let (head, tail) = text.as_encoded_bytes().split_at(at.min(text.len()));
    // SAFETY: cut before an ASCII dot, at the end, or (`cut`) before a byte that starts a character.
    #[expect(unsafe_code, reason = "std offers no safe split of OsStr")]
    unsafe {
        (
            OsStr::from_encoded_bytes_unchecked(head),
            OsStr::from_encoded_bytes_unchecked(tail),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beside_text(name: &str, kind: FileKind, style: Style, attempt: u32) -> String {
        let name = Name::new(name).unwrap();
        beside(&name, kind, style, attempt).display().into_owned()
    }

    #[test]
    fn the_extension_stays() {
        let numbered = |name| beside_text(name, FileKind::File, Style::Numbered, 1);
        assert_eq!(numbered("report.pdf"), "report (2).pdf");
        assert_eq!(numbered("a.tar.gz"), "a (2).tar.gz");
        assert_eq!(numbered(".bashrc"), ".bashrc (2)");
        assert_eq!(numbered("README"), "README (2)");
        let copy = |attempt| beside_text("v1.2", FileKind::Directory, Style::Copy, attempt);
        assert_eq!(copy(1), "v1.2 (copy)");
        assert_eq!(copy(3), "v1.2 (copy 3)");
    }

    proptest::proptest! {
        #[test]
        fn always_a_valid_other_name(name in "[^/\0]{1,85}", attempt in 1u32..5000) {
            if let Ok(name) = Name::new(&name) {
                let other = beside(&name, FileKind::Directory, Style::Numbered, attempt);
                proptest::prop_assert_ne!(&other, &name);
                proptest::prop_assert!(other.as_bytes().len() <= NAME_MAX_BYTES);
            }
        }
    }
}
