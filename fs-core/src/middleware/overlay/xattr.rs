//! Extended attributes: which are the overlay's own, and how a user's that look like them are kept.
//!
//! The names are those of the kernel's overlayfs with `-o userxattr` (Linux `Documentation/filesystems/overlayfs.rst`), so that an upper on a host folder
//! mounts with the kernel; what layers made by a mount without that option carry (`trusted.`) is read too. As in the kernel, `user.overlay.x` set through the
//! overlay is kept as `user.overlay.overlay.x`. Below `user.overlay.lamina.` is what the kernel has no attribute for; it hides that prefix as well.

use std::ffi::{OsStr, OsString};

/// `y`: nothing of the base shows below this directory. `x`: it may hold whiteouts that are empty files with [`WHITEOUT`] (Linux 6.7 and later).
pub(super) const OPAQUE: &str = "user.overlay.opaque";
/// On an empty regular file in a directory with [`OPAQUE`] = `x`: it is a whiteout.
pub(super) const WHITEOUT: &str = "user.overlay.whiteout";
/// `y`: entries of this directory may carry [`ORIGIN`]. (Not the kernel's own `impure`, which it takes away where it finds no origin of its own form.)
pub(super) const IMPURE: &str = "user.overlay.lamina.impure";
/// Which node of the base this one was copied from; on the root of the upper: that its attributes were copied from the base's root.
pub(super) const ORIGIN: &str = "user.overlay.lamina.origin";
/// On the root of the upper: which base it is the upper of.
pub(super) const BASE: &str = "user.overlay.lamina.base";

const USER: &str = "user.overlay.";
const TRUSTED: &str = "trusted.overlay.";
const ESCAPED: &str = "user.overlay.overlay.";

/// The same attribute as mounts without `userxattr` name it.
pub(super) fn trusted(name: &str) -> OsString {
    let rest = name.strip_prefix(USER).unwrap_or(name);
    OsString::from(format!("{TRUSTED}{rest}"))
}

/// The name under which the upper keeps the attribute a user calls `name`.
pub(super) fn stored(name: &OsStr) -> OsString {
    match strip(name, USER) {
        Some(rest) => joined(ESCAPED, rest),
        None => name.to_os_string(),
    }
}

/// What a user calls the attribute the upper keeps as `name`; `None`: it is the overlay's own.
pub(super) fn visible(name: &OsStr) -> Option<OsString> {
    if let Some(rest) = strip(name, ESCAPED) {
        return Some(joined(USER, rest));
    }
    (strip(name, USER).is_none() && strip(name, TRUSTED).is_none()).then(|| name.to_os_string())
}

fn strip<'a>(name: &'a OsStr, prefix: &str) -> Option<&'a OsStr> {
    let rest = name.as_encoded_bytes().strip_prefix(prefix.as_bytes())?;
    // SAFETY: cut right after an ASCII prefix, where the encoding of OsStr may be split (std::ffi::OsStr::from_encoded_bytes_unchecked).
    #[expect(unsafe_code, reason = "std offers no safe split of OsStr")]
    Some(unsafe { OsStr::from_encoded_bytes_unchecked(rest) })
}

fn joined(prefix: &str, rest: &OsStr) -> OsString {
    let mut name = OsString::from(prefix);
    name.push(rest);
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_users_attribute_with_our_prefix_comes_back() {
        for name in [
            "user.overlay.opaque",
            "user.overlay.overlay.opaque",
            "user.x",
            "user.overlay.",
        ] {
            assert_eq!(visible(&stored(OsStr::new(name))).unwrap(), name);
        }
        assert_eq!(visible(OsStr::new(ORIGIN)), None);
        assert_eq!(visible(OsStr::new("trusted.overlay.redirect")), None);
    }
}
