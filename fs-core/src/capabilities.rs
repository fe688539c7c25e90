//! What a backend can do: the window greys out by it, the tests skip by it.

bitflags::bitflags! {
    /// Powers of a filesystem at a path. Callers ask before they act; a missing power answers `Unsupported`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Capabilities: u32 {
        /// Anything can be changed at all.
        const WRITE = 1 << 0;
        /// Symbolic links.
        const SYMLINKS = 1 << 1;
        /// Hard links.
        const HARD_LINKS = 1 << 2;
        /// Fifos, sockets and device nodes (devices may still need root on a host).
        const SPECIAL_FILES = 1 << 3;
        /// Permission bits are kept.
        const MODE = 1 << 4;
        /// Owner and group are kept and can be set.
        const OWNER = 1 << 5;
        /// mtime and atime can be set, to the nanosecond.
        const TIMES = 1 << 6;
        /// Extended attributes.
        const XATTRS = 1 << 7;
        /// Holes cost nothing and are found again.
        const SPARSE = 1 << 8;
        /// `stage`: a node appears whole or not at all.
        const STAGE = 1 << 9;
        /// A staged replace keeps the inode number and the other hard links of the target.
        const ATOMIC_KEEPS_INODE = 1 << 10;
        /// Rename with `NoReplace`.
        const RENAME_NO_REPLACE = 1 << 11;
        /// Rename with `Exchange`.
        const RENAME_EXCHANGE = 1 << 12;
        /// Rename with `LeaveWhiteout`.
        const RENAME_WHITEOUT = 1 << 13;
        /// `pin`: a node is reachable through its identity while names change.
        const PIN = 1 << 14;
        /// Listings come in byte order of the names.
        const SORTED_LISTING = 1 << 15;
        /// `Staged::fill_from`: content is copied without passing through the caller.
        const SERVER_SIDE_COPY = 1 << 16;
        /// Names that differ only in case are different.
        const CASE_SENSITIVE = 1 << 17;
        /// Names need not be UTF-8.
        const RAW_NAMES = 1 << 18;
        /// The backend can follow links itself (`Follow::ByBackend`).
        const SELF_RESOLVING = 1 << 19;
        /// Content is gone when the program ends.
        const VOLATILE = 1 << 20;
        /// Birth time can be set.
        const SET_BTIME = 1 << 21;
        /// Open files stay usable when their name is removed or renamed.
        const OPEN_UNLINKED = 1 << 22;
        /// A copy of the whole filesystem at this moment costs nothing.
        const SNAPSHOTS = 1 << 23;
        /// What it holds is kept encrypted: its names must never be written in clear outside.
        const ENCRYPTED = 1 << 24;
        /// The backend can refuse links on the way (`Follow::Nowhere`), though it resolves paths itself.
        const REFUSES_LINKS = 1 << 25;
        /// Links that lead out of it are refused (`EscapesRoot`): `/` in them is not its root.
        const CONFINED = 1 << 26;
    }
}

impl Capabilities {
    /// Everything the POSIX rules of the virtual filesystems give.
    pub fn posix() -> Self {
        Self::all()
            - Self::SELF_RESOLVING
            - Self::VOLATILE
            - Self::SNAPSHOTS
            - Self::SERVER_SIDE_COPY
            - Self::ENCRYPTED
            - Self::REFUSES_LINKS
            - Self::CONFINED
    }
}
