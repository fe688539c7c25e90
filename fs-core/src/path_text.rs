//! Names and paths as UTF-8 text that loses nothing: for journals, sessions and settings.
//!
//! Valid UTF-8 stays as it is, except that a backslash becomes `\\`; any other byte becomes `\xHH`.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::path::{Name, VPath};

/// `text` as reversible UTF-8.
pub fn escape(text: &OsStr) -> String {
    let mut out = String::new();
    for chunk in text.as_encoded_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            if c == '\\' {
                out.push('\\');
            }
            out.push(c);
        }
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// What [`escape`] was given; `None` when `text` did not come from it.
pub fn unescape(text: &str) -> Option<OsString> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'\\' {
            out.push(*first);
            continue;
        }
        match rest {
            [b'\\', tail @ ..] => {
                out.push(b'\\');
                rest = tail;
            }
            [b'x', high, low, tail @ ..] => {
                let digit = |b: u8| char::from(b).to_digit(16);
                let byte = digit(*high)? * 16 + digit(*low)?;
                out.push(u8::try_from(byte).ok()?);
                rest = tail;
            }
            _ => return None,
        }
    }
    Some(from_bytes(out))
}

#[cfg(unix)]
fn from_bytes(bytes: Vec<u8>) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes)
}

#[cfg(not(unix))]
fn from_bytes(bytes: Vec<u8>) -> OsString {
    String::from_utf8_lossy(&bytes).into_owned().into()
}

macro_rules! as_text {
    ($ty:ty) => {
        impl Serialize for $ty {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&escape(self.as_os_str()))
            }
        }

        impl<'de> Deserialize<'de> for $ty {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                let raw = unescape(&text).ok_or_else(|| D::Error::custom("bad escape in path"))?;
                Self::new(raw).map_err(D::Error::custom)
            }
        }
    };
}

as_text!(VPath);
as_text!(Name);

/// For `#[serde(with = "crate::path_text")]` on an `OsString`.
pub fn serialize<S: Serializer>(text: &OsStr, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&escape(text))
}

/// For `#[serde(with = "crate::path_text")]` on an `OsString`.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OsString, D::Error> {
    let text = String::deserialize(deserializer)?;
    unescape(&text).ok_or_else(|| D::Error::custom("bad escape"))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt as _;

    proptest::proptest! {
        #[test]
        fn any_bytes_round_trip(bytes: Vec<u8>) {
            let raw = OsStr::from_bytes(&bytes);
            let back = unescape(&escape(raw));
            proptest::prop_assert_eq!(back.as_deref(), Some(raw));
        }
    }

    #[test]
    fn plain_text_stays_readable() {
        assert_eq!(escape(OsStr::new("/a b/ü")), "/a b/ü");
        assert_eq!(unescape("\\q"), None);
    }
}
