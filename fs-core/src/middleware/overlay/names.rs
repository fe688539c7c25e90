//! How names are kept in an upper that can hold no device nodes.
//!
//! `.wh.NAME` beside (or instead of) NAME hides NAME of the base, never of its own layer, and `.wh..wh..opq` hides everything of the base in its directory
//! (OCI image-spec, `layer.md`). A user's name that begins with `.wh.` is kept escaped, so it can neither vanish nor forge a deletion:
//! `.wh.x` is kept as `.wh..wh.+x` and its deletion as `.wh..wh.-x`; no name without the prefix maps there, since `.wh.NAME` with such a NAME never begins
//! with `.wh..wh.`.

use std::ffi::{OsStr, OsString};

use crate::error::Result;
use crate::path::Name;

const PREFIX: &[u8] = b".wh.";
const KEPT: &str = ".wh..wh.+";
const GONE: &str = ".wh..wh.-";
/// Hides the whole base directory.
pub(super) const OPAQUE_FILE: &str = ".wh..wh..opq";
/// In the root of an upper in use: names are kept this way, even if the upper says that it can hold device nodes (making one was refused).
pub(super) const FORMAT_FILE: &str = ".wh..wh.=lamina";

/// What a name in the upper stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// An entry the user calls so.
    Entry(Name),
    /// The base's entry of this name is hidden.
    Gone(Name),
    /// All of the base is hidden here.
    Opaque,
    /// The overlay's own business.
    Own,
}

/// The name under which `name` is kept. Error: `NameTooLong`.
pub(super) fn kept(name: &Name) -> Result<Name> {
    match rest(name.as_os_str()) {
        Some(rest) => prefixed(KEPT, rest),
        None => Ok(name.clone()),
    }
}

/// The name of the file that hides `name`. Error: `NameTooLong`.
pub(super) fn gone(name: &Name) -> Result<Name> {
    match rest(name.as_os_str()) {
        Some(rest) => prefixed(GONE, rest),
        None => prefixed(".wh.", name.as_os_str()),
    }
}

/// Reads a name found in the upper.
pub(super) fn read(name: &OsStr) -> Kept {
    let bytes = name.as_encoded_bytes();
    if bytes == OPAQUE_FILE.as_bytes() {
        return Kept::Opaque;
    }
    let own = |prefix: &str, hidden: bool| {
        let rest = bytes.strip_prefix(prefix.as_bytes())?;
        let mut user = OsString::from(".wh.");
        user.push(os(rest));
        let name = Name::new(user).ok()?;
        Some(if hidden {
            Kept::Gone(name)
        } else {
            Kept::Entry(name)
        })
    };
    if let Some(kept) = own(KEPT, false).or_else(|| own(GONE, true)) {
        return kept;
    }
    let read = match rest(name) {
        None => Name::new(name).map(Kept::Entry),
        Some(inner) if inner.as_encoded_bytes().starts_with(PREFIX) => return Kept::Own,
        Some(inner) => Name::new(inner).map(Kept::Gone),
    };
    read.unwrap_or(Kept::Own)
}

fn rest(name: &OsStr) -> Option<&OsStr> {
    name.as_encoded_bytes().strip_prefix(PREFIX).map(os)
}

fn os(bytes: &[u8]) -> &OsStr {
    // SAFETY: every caller cut the bytes from an OsStr right after an ASCII prefix (std::ffi::OsStr::from_encoded_bytes_unchecked).
    #[expect(unsafe_code, reason = "std offers no safe split of OsStr")]
    unsafe {
        OsStr::from_encoded_bytes_unchecked(bytes)
    }
}

fn prefixed(prefix: &str, rest: &OsStr) -> Result<Name> {
    let mut name = OsString::from(prefix);
    name.push(rest);
    Name::new(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_name_comes_back_and_never_as_a_marker(name in r"(\.wh\.|\.|wh|\+|-|=|a|opq){1,6}") {
            let Ok(name) = Name::new(&name) else { return Ok(()) };
            prop_assert_eq!(read(kept(&name).unwrap().as_os_str()), Kept::Entry(name.clone()));
            prop_assert_eq!(read(gone(&name).unwrap().as_os_str()), Kept::Gone(name.clone()));
        }
    }

    #[test]
    fn markers_of_container_layers_are_read() {
        assert_eq!(read(OsStr::new(".wh..wh..opq")), Kept::Opaque);
        assert_eq!(read(OsStr::new(".wh..wh.plnk")), Kept::Own);
        assert_eq!(read(OsStr::new(".wh.")), Kept::Own);
        assert_eq!(
            read(OsStr::new(".wh.a")),
            Kept::Gone(Name::new("a").unwrap())
        );
    }
}
