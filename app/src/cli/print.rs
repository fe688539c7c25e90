//! Writing to the standard output: names as they are, byte by byte; on a terminal, which would obey what some bytes tell it, as `ls` quotes them.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::io::{self, IsTerminal as _, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::sync::OnceLock;

use super::escape;
use fs_core::ops::Place;
use fs_core::resolve::leaves_root;
use fs_core::{At, Backend, FileKind, Metadata, Time, VPath};

/// The output, buffered.
pub fn out() -> io::BufWriter<io::StdoutLock<'static>> {
    io::BufWriter::new(io::stdout().lock())
}

/// A name, exactly; on a terminal so that it can be typed, and can't act.
pub fn raw(out: &mut dyn Write, name: &OsStr) -> io::Result<()> {
    out.write_all(&as_for(is_terminal(), name.as_bytes()))
}

/// The same as text, for the standard error.
pub fn shown(name: impl AsRef<OsStr>) -> String {
    let name = name.as_ref().as_bytes();
    String::from_utf8_lossy(&as_for(io::stderr().is_terminal(), name)).into_owned()
}

/// A place as it would be typed: of the host its path alone.
pub fn place(place: &Place) -> String {
    let path = place.path.display();
    match place.fs.as_str() {
        "host:/" => path.to_string(),
        fs => format!("{fs}::{path}"),
    }
}

fn is_terminal() -> bool {
    static IS: OnceLock<bool> = OnceLock::new();
    *IS.get_or_init(|| io::stdout().is_terminal())
}

fn as_for(terminal: bool, name: &[u8]) -> Cow<'_, [u8]> {
    if terminal {
        escape::quoted(name)
    } else {
        name.into()
    }
}

/// Where a link leads, behind its name.
pub fn target(out: &mut dyn Write, backend: &dyn Backend, link: &VPath) -> anyhow::Result<()> {
    out.write_all(b" -> ")?;
    raw(out, &backend.read_link(At::path(link))?)?;
    if leaves_root(backend, link) {
        write!(out, " ({OUTSIDE})")?;
    }
    Ok(())
}

/// Of a link that leads out of a sandbox.
pub const OUTSIDE: &str = "leads outside the sandbox";

/// Type and permissions as `ls -l` writes them: `drwxr-xr-x`.
pub fn mode(metadata: &Metadata) -> String {
    let kind = match metadata.kind {
        FileKind::File => '-',
        FileKind::Directory => 'd',
        FileKind::Symlink => 'l',
        FileKind::Fifo => 'p',
        FileKind::Socket => 's',
        FileKind::CharDevice => 'c',
        FileKind::BlockDevice => 'b',
    };
    let bits = metadata.mode;
    let set = |bit: u32, yes: char| if bits & bit != 0 { yes } else { '-' };
    let special = |bit: u32, execute: u32, both: char, only: char| match (
        bits & bit != 0,
        bits & execute != 0,
    ) {
        (true, true) => both,
        (true, false) => only,
        (false, true) => 'x',
        (false, false) => '-',
    };
    [
        kind,
        set(0o400, 'r'),
        set(0o200, 'w'),
        special(0o4000, 0o100, 's', 'S'),
        set(0o040, 'r'),
        set(0o020, 'w'),
        special(0o2000, 0o010, 's', 'S'),
        set(0o004, 'r'),
        set(0o002, 'w'),
        special(0o1000, 0o001, 't', 'T'),
    ]
    .iter()
    .collect()
}

/// A time in the local zone, to the second.
pub fn time(time: Time) -> String {
    let (seconds, nanos) = time.parts();
    let nanos = i32::try_from(nanos).unwrap_or(0);
    match jiff::Timestamp::new(seconds, nanos) {
        Ok(stamp) => stamp
            .to_zoned(jiff::tz::TimeZone::system())
            .strftime("%Y-%m-%d %H:%M:%S")
            .to_string(),
        Err(_) => seconds.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fs_core::FileId;

    #[test]
    fn modes_read_as_ls_writes_them() {
        let with = |kind, bits| {
            let id = FileId { fs: 0, ino: 1 };
            mode(&Metadata::new(id, kind, bits, Time::default()))
        };
        assert_eq!(with(FileKind::Directory, 0o1777), "drwxrwxrwt");
        assert_eq!(with(FileKind::File, 0o4750), "-rwsr-x---");
        assert_eq!(with(FileKind::File, 0o2644), "-rw-r-Sr--");
        assert_eq!(with(FileKind::Fifo, 0), "p---------");
    }
}
