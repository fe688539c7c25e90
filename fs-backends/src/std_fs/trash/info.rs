//! `.trashinfo` files: where an item was and when it was deleted.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;

use fs_core::{Result, Time, VPath};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::place::TrashPlace;

/// What an information file says.
pub struct TrashInfo {
    /// Absolute, or relative to the top of the medium.
    path: Vec<u8>,
    /// Local time, to the second; `None` when it can't be read.
    pub deleted: Option<Time>,
}

impl TrashInfo {
    /// For something from `original` deleted now.
    pub fn new(place: &TrashPlace, original: &VPath) -> Self {
        let inside = place
            .top
            .as_ref()
            .and_then(|top| original.strip_prefix(top));
        let path = match &inside {
            Some(inside) => inside.as_os_str().as_bytes().get(1..).unwrap_or_default(),
            None => original.as_os_str().as_bytes(),
        };
        Self {
            path: path.to_vec(),
            deleted: Some(Time::now()),
        }
    }

    /// The file's text.
    pub fn to_text(&self) -> String {
        let deleted = self.deleted.unwrap_or_default();
        let date = jiff::Timestamp::from_nanosecond(i128::from(deleted.nanos()))
            .map(|t| {
                t.to_zoned(TimeZone::system())
                    .strftime("%Y-%m-%dT%H:%M:%S")
                    .to_string()
            })
            .unwrap_or_default();
        format!(
            "[Trash Info]\nPath={}\nDeletionDate={date}\n",
            encode(&self.path)
        )
    }

    /// Reads a file's text; `None` when it says no path.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let mut lines = text.lines().map(str::trim_end);
        lines.find(|line| *line == "[Trash Info]")?;
        let (mut path, mut date) = (None, None);
        for (key, value) in lines
            .take_while(|line| !line.starts_with('['))
            .filter_map(|line| line.split_once('='))
        {
            // Of a key that comes twice the first counts (the specification).
            match key.trim_end() {
                "Path" => path = path.or_else(|| decode(value.trim_start())),
                "DeletionDate" => {
                    date = date.or_else(|| value.trim_start().parse::<DateTime>().ok())
                }
                _ => {}
            }
        }
        Some(Self {
            path: path?,
            deleted: date
                .and_then(|date| date.to_zoned(TimeZone::system()).ok())
                .and_then(|date| i64::try_from(date.timestamp().as_nanosecond()).ok())
                .map(Time::from_nanos),
        })
    }

    /// Where the item was.
    pub fn original(&self, place: &TrashPlace) -> Result<VPath> {
        let path = OsStr::from_bytes(&self.path);
        match &place.top {
            // Never out of the medium, whatever the file says.
            Some(top) if !self.path.starts_with(b"/") => Ok(top.append(&VPath::lexical(path)?)),
            _ => VPath::lexical(path),
        }
    }
}

/// Percent-encoding as in the path of a URL (RFC 2396, 2.3 and 2.4).
pub fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// The bytes [`encode`] was given; `None` for a percent sign without two digits.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            out.push(*first);
            continue;
        }
        let [high, low, tail @ ..] = rest else {
            return None;
        };
        let digit = |b: u8| char::from(b).to_digit(16);
        out.push(u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?);
        rest = tail;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_another_program_wrote_is_read() {
        let text = b"# by hand\n[Trash Info]\nPath=foo/bar%20baz\nDeletionDate=2004-08-31T22:32:08\nPath=second\n";
        let info = TrashInfo::parse(text).unwrap();
        let place = TrashPlace {
            dir: VPath::new("/mnt/.Trash-1").unwrap(),
            top: Some(VPath::new("/mnt").unwrap()),
        };
        assert_eq!(
            info.original(&place).unwrap(),
            VPath::new("/mnt/foo/bar baz").unwrap()
        );
        assert!(info.deleted.is_some());
        assert!(TrashInfo::parse(b"[Trash Info]\nPath=%zz\n").is_none());
        assert!(TrashInfo::parse(b"Path=a\n").is_none());
    }

    #[test]
    fn dots_in_a_relative_path_stay_on_the_medium() {
        let info = TrashInfo::parse(b"[Trash Info]\nPath=../../etc/passwd\n").unwrap();
        let top = VPath::new("/mnt").unwrap();
        let place = TrashPlace {
            dir: VPath::new("/mnt/.Trash-1").unwrap(),
            top: Some(top.clone()),
        };
        assert!(info.original(&place).unwrap().starts_with(&top));
    }

    proptest! {
        #[test]
        fn encoding_round_trips(bytes: Vec<u8>) {
            let text = encode(&bytes);
            prop_assert!(text.is_ascii());
            prop_assert_eq!(decode(&text), Some(bytes));
        }
    }
}
