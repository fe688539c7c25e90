//! Locations as text, and back.
//!
//! - `::` followed by `/` or the end separates the filesystem from the place inside; more than two colons in a row are one colon more
//!   than meant, so `::` in a name is written `:::`. A path that ends in a colon gets a slash before the separator. `store::/x` is a place in a folder of
//!   that name, as `s::/x` is; what says its kind is `store:s::/x`.
//! - A byte that is not UTF-8 is written `\xHH`; so is a backslash (`\x5c`) where it would otherwise be read as the start of one.

use std::ffi::{OsStr, OsString};
use std::fmt::{self, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use fs_core::snapshots::check_name;
use fs_core::{Error, ErrorKind, Result, VPath};

use super::{Location, Root};

pub(super) fn parse(text: &OsStr, base: &Path) -> Result<Location> {
    parse_bytes(text.as_bytes(), base).map_err(|e| e.with_path(text))
}

pub(super) fn leads_inside(text: &OsStr) -> bool {
    split(text.as_bytes()).map_or(true, |(_, inner)| inner.is_some())
}

fn invalid(detail: &'static str) -> Error {
    Error::new(ErrorKind::InvalidPath, "location").with_detail(detail)
}

fn parse_bytes(text: &[u8], base: &Path) -> Result<Location> {
    type Kind = (&'static [u8], fn(PathBuf) -> Root);
    const KINDS: [Kind; 6] = [
        (b"host:", Root::Host),
        (b"vroot:", Root::VRoot),
        (b"memory:", Root::Saved),
        (b"vault:", Root::Vault),
        (b"store:", Root::Store),
        (b"stack:", Root::Stack),
    ];
    let after = |prefix: &[u8]| {
        let rest = text.strip_prefix(prefix)?;
        let is_separator = rest == b":" || rest.starts_with(b":/");
        (!is_separator).then_some(rest)
    };
    if let Some(rest) = after(b"snapshot:") {
        return snapshot(rest, base);
    }
    let (of_path, rest) = KINDS
        .iter()
        .find_map(|&(prefix, kind)| Some((kind, after(prefix)?)))
        .unwrap_or((Root::Path, text));
    let (outer, inner) = split(rest)?;
    let root = if after(b"memory:").is_some() {
        in_memory(outer, base)?
    } else {
        of_path(host_path(&outer, base)?)
    };
    Ok(Location::new(root).at(place(inner)?))
}

fn place(inner: Option<Vec<u8>>) -> Result<VPath> {
    match inner {
        Some(inner) if !inner.is_empty() => VPath::lexical(OsString::from_vec(inner)),
        _ => Ok(VPath::root()),
    }
}

/// How the names of saved filesystems in memory end.
const SAVED: &[u8] = b".mem";

/// What follows `memory:`.
fn in_memory(outer: Vec<u8>, base: &Path) -> Result<Root> {
    // A name that promises a file means that file, as it does without `memory:`.
    let is_file = outer.len() > SAVED.len()
        && outer.to_ascii_lowercase().ends_with(SAVED)
        && !outer.contains(&b':');
    if is_file || outer.contains(&b'/') {
        return Ok(Root::Saved(host_path(&outer, base)?));
    }
    let text = String::from_utf8(outer).map_err(|_| invalid("the name must be text"))?;
    let (name, limit) = match text.split_once(':') {
        Some((name, limit)) => (name, Some(limit)),
        None => (&*text, None),
    };
    if name.is_empty() || name.contains('\0') {
        return Err(invalid("memory: needs a name without colons"));
    }
    let limit_bytes = match limit {
        Some(limit) => Some(parse_size(limit).ok_or_else(|| invalid("no size follows the name"))?),
        None => None,
    };
    Ok(Root::Memory {
        name: name.to_owned(),
        limit_bytes,
    })
}

/// What follows `snapshot:`.
fn snapshot(rest: &[u8], base: &Path) -> Result<Location> {
    let missing = || invalid("snapshot: needs its name, a colon, and the filesystem");
    let (outer, inner) = split(rest)?;
    let colon = outer
        .iter()
        .position(|byte| *byte == b':')
        .ok_or_else(missing)?;
    let (name, of) = outer.split_at(colon);
    let name = std::str::from_utf8(name).map_err(|_| invalid("the name must be text"))?;
    check_name(name).map_err(|_| invalid("no snapshot can have this name"))?;
    let of = of.get(1..).unwrap_or_default().to_vec();
    let root = Root::Snapshot {
        name: name.to_owned(),
        of: Box::new(in_memory(of, base)?),
    };
    Ok(Location::new(root).at(place(inner)?))
}

/// Units of [`parse_size`].
const UNITS: [(char, u32); 4] = [('K', 10), ('M', 20), ('G', 30), ('T', 40)];

/// Bytes of `1000`, `64K`, `512M`, `2G` or `1T` (of 1024 each).
pub fn parse_size(text: &str) -> Option<u64> {
    let unit = UNITS
        .iter()
        .find_map(|(unit, shift)| Some((text.strip_suffix(*unit)?, *shift)));
    let (digits, shift) = unit.unwrap_or((text, 0));
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    number.checked_mul(1 << shift)
}

/// As [`parse_size`] reads it.
fn write_size(f: &mut fmt::Formatter<'_>, bytes: u64) -> fmt::Result {
    let fits = |shift: u32| bytes > 0 && bytes.is_multiple_of(1 << shift);
    match UNITS.iter().rev().find(|(_, shift)| fits(*shift)) {
        Some((unit, shift)) => write!(f, "{}{unit}", bytes >> shift),
        None => write!(f, "{bytes}"),
    }
}

/// `path` made absolute, without `.`, repeated slashes and `..` at the root.
fn host_path(path: &[u8], base: &Path) -> Result<PathBuf> {
    if path.is_empty() {
        return Err(invalid("it is empty"));
    }
    if path.contains(&0) {
        return Err(invalid("it holds a NUL byte"));
    }
    let absolute = Path::new("/").join(base).join(OsStr::from_bytes(path));
    let mut out = PathBuf::from("/");
    for part in absolute.components() {
        match part {
            std::path::Component::Normal(name) => out.push(name),
            std::path::Component::ParentDir if out.parent().is_some() => out.push(".."),
            _ => {}
        }
    }
    Ok(out)
}

/// Undoes the escapes and cuts at the separator.
fn split(text: &[u8]) -> Result<(Vec<u8>, Option<Vec<u8>>)> {
    let mut outer = None;
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        match first {
            b':' => {
                let more = rest.iter().take_while(|&&b| b == b':').count();
                rest = rest.get(more..).unwrap_or_default();
                match more {
                    1 if matches!(rest.first(), None | Some(b'/')) => {
                        if outer.replace(std::mem::take(&mut out)).is_some() {
                            return Err(invalid("only one :: can lead inside"));
                        }
                    }
                    0 | 1 => out.extend(std::iter::repeat_n(b':', more + 1)),
                    _ => out.extend(std::iter::repeat_n(b':', more)),
                }
            }
            b'\\' => match escaped_byte(rest) {
                Some(byte) => {
                    out.push(byte);
                    rest = rest.get(3..).unwrap_or_default();
                }
                None => out.push(b'\\'),
            },
            _ => out.push(first),
        }
    }
    Ok(match outer {
        Some(outer) => (outer, Some(out)),
        None => (out, None),
    })
}

/// The byte of an escape whose backslash is already taken: `xHH`, above ASCII or a backslash.
fn escaped_byte(rest: &[u8]) -> Option<u8> {
    let hex = std::str::from_utf8(rest.get(..3)?)
        .ok()?
        .strip_prefix('x')?;
    if !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let byte = u8::from_str_radix(hex, 16).ok()?;
    (byte >= 0x80 || byte == b'\\').then_some(byte)
}

/// Writes a path with its escapes.
fn write_escaped(f: &mut fmt::Formatter<'_>, path: &[u8]) -> fmt::Result {
    for chunk in path.utf8_chunks() {
        let mut rest = chunk.valid();
        while let Some(c) = rest.chars().next() {
            let tail = rest.get(c.len_utf8()..).unwrap_or_default();
            match c {
                ':' => {
                    let run = 1 + tail.bytes().take_while(|&b| b == b':').count();
                    for _ in 0..run + usize::from(run > 1) {
                        f.write_char(':')?;
                    }
                    rest = rest.get(run..).unwrap_or_default();
                    continue;
                }
                '\\' if escaped_byte(tail.as_bytes()).is_some() => f.write_str("\\x5c")?,
                _ => f.write_char(c)?,
            }
            rest = tail;
        }
        for byte in chunk.invalid() {
            write!(f, "\\x{byte:02x}")?;
        }
    }
    Ok(())
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.root {
            Root::Path(_) => "",
            Root::Host(_) => "host:",
            Root::VRoot(_) => "vroot:",
            Root::Memory { .. } | Root::Saved(_) => "memory:",
            Root::Snapshot { .. } => "snapshot:",
            Root::Vault(_) => "vault:",
            Root::Store(_) => "store:",
            Root::Stack(_) => "stack:",
        })?;
        let mut root = &self.root;
        while let Root::Snapshot { name, of } = root {
            write_escaped(f, name.as_bytes())?;
            f.write_char(':')?;
            root = of;
        }
        let outer = match (root, self.host_path()) {
            (Root::Memory { name, .. }, _) => name.as_bytes(),
            (_, path) => path.map_or(b"".as_slice(), |path| path.as_os_str().as_bytes()),
        };
        write_escaped(f, outer)?;
        if let Root::Memory {
            limit_bytes: Some(limit),
            ..
        } = root
        {
            f.write_char(':')?;
            write_size(f, *limit)?;
        }
        if !self.inner.is_root() {
            let slash = if outer.ends_with(b":") { "/" } else { "" };
            write!(f, "{slash}::")?;
            write_escaped(f, self.inner.as_os_str().as_bytes())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Location {
        Location::parse(text, Path::new("/base")).unwrap()
    }

    #[test]
    fn every_row_of_the_table() {
        let inner = |path: &str| VPath::new(path).unwrap();
        assert_eq!(
            *read("/some/folder").root(),
            Root::Path("/some/folder".into())
        );
        assert_eq!(*read("host:/some").root(), Root::Host("/some".into()));
        assert_eq!(
            *read("vroot:./some/").root(),
            Root::VRoot("/base/some".into())
        );
        assert_eq!(*read("memory:scratch").root(), Root::memory("scratch"));
        assert_eq!(
            *read("memory:./s.mem").root(),
            Root::Saved("/base/s.mem".into())
        );
        let saved = Root::Saved("/base/s.mem".into());
        assert_eq!(*read("memory:s.mem").root(), saved);
        assert_eq!(*read("memory:.mem").root(), Root::memory(".mem"));
        let of = Box::new(saved);
        let name = "one".to_owned();
        assert_eq!(
            *read("snapshot:one:s.mem::/f").root(),
            Root::Snapshot { name, of }
        );
        assert_eq!(
            *read("vault:taxes.db").root(),
            Root::Vault("/base/taxes.db".into())
        );
        assert_eq!(
            *read("store:/x//media/").root(),
            Root::Store("/x/media".into())
        );
        let place = read("taxes.db::/2024/../a");
        assert_eq!(*place.root(), Root::Path("/base/taxes.db".into()));
        assert_eq!(*place.inner(), inner("/a"));
        assert_eq!(*read("taxes.db::").inner(), VPath::root());
    }

    #[test]
    fn a_folder_may_be_called_as_a_kind_is() {
        for name in [
            "store", "vault", "memory", "host", "vroot", "stack", "snapshot",
        ] {
            let place = read(&format!("{name}::/a"));
            assert_eq!(*place.root(), Root::Path(Path::new("/base").join(name)));
            assert_eq!(*place.inner(), VPath::new("/a").unwrap());
            assert_eq!(read(&format!("{name}::")), read(name));
        }
        assert_eq!(
            *read("store:store::/a").root(),
            Root::Store("/base/store".into())
        );
    }

    #[test]
    fn colons_in_names() {
        assert_eq!(
            *read("/man/A::B.3pm").root(),
            Root::Path("/man/A::B.3pm".into())
        );
        assert_eq!(*read("/man/A:::B").root(), Root::Path("/man/A::B".into()));
        assert_eq!(*read("/man/A:::/b").root(), Root::Path("/man/A::/b".into()));
        assert_eq!(*read("/man/A::/b").root(), Root::Path("/man/A".into()));
        assert_eq!(*read("/man/A:/::/b").root(), Root::Path("/man/A:".into()));
    }

    #[test]
    fn what_is_no_location_is_refused() {
        for text in [
            "",
            "memory:",
            "memory:a:b",
            "host:",
            "::/a",
            "/a::/b::/c",
            "/a\0b",
        ] {
            let error = Location::parse(text, Path::new("/")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidPath, "{text:?}");
        }
        let long = format!("/a::/{}", "x".repeat(256));
        let error = Location::parse(long, Path::new("/")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NameTooLong);
    }

    #[test]
    fn dots_stay_for_the_host_to_resolve() {
        assert_eq!(*read("../x").root(), Root::Path("/base/../x".into()));
        assert_eq!(*read("/../x/./y").root(), Root::Path("/x/y".into()));
    }

    fn name() -> impl Strategy<Value = Vec<u8>> {
        let hard: &[&[u8]] = &[
            b":", b"::", b":::", b"\\", b"\\x", b"\\xff", b"\xff", b"\xc3", b"\xa9", b"x5c", b"a",
        ];
        let piece = prop::sample::select(hard.to_vec()).prop_map(<[u8]>::to_vec);
        prop::collection::vec(piece, 1..6).prop_map(|pieces| pieces.concat())
    }

    fn path() -> impl Strategy<Value = OsString> {
        prop::collection::vec(name(), 0..4).prop_map(|names| {
            let mut path = vec![b'/'];
            path.extend(names.join(&b'/'));
            OsString::from_vec(path)
        })
    }

    proptest! {
        #[test]
        fn text_round_trips(kind in 0..11usize, outer in path(), inner in path(), limit in prop_oneof![any::<u64>(), (0..30u64).prop_map(|n| n << 30)]) {
            let path = PathBuf::from(outer);
            let root = match kind {
                0 => Root::Path(path),
                1 => Root::Host(path),
                2 => Root::VRoot(path),
                3 => Root::Saved(path),
                4 => Root::Vault(path),
                5 => Root::Store(path),
                6 => Root::Stack(path),
                7 => Root::memory("a name"),
                8 => Root::Memory { name: "a name".into(), limit_bytes: Some(limit) },
                9 => Root::Snapshot { name: "it \\xff was".into(), of: Box::new(Root::Saved(path)) },
                _ => Root::Snapshot { name: "it was".into(), of: Box::new(Root::memory("a name")) },
            };
            let location = Location::new(root).at(VPath::new(inner).unwrap());
            let text = location.to_string();
            prop_assert_eq!(&Location::parse(&text, Path::new("/elsewhere")).unwrap(), &location, "{}", text);
            let stored = ron::to_string(&location).unwrap();
            prop_assert_eq!(ron::from_str::<Location>(&stored).unwrap(), location);
        }

        #[test]
        fn no_text_panics(text in "\\PC*") {
            if let Ok(location) = Location::parse(&text, Path::new("/base")) {
                let again = Location::parse(location.to_string(), Path::new("/")).unwrap();
                prop_assert_eq!(again, location);
            }
        }
    }
}
