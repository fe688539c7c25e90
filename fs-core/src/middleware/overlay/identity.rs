//! One number for each file, whichever layer it is in.
//!
//! The number of a node is its layer and its inode number there; a node that was copied up keeps the number it had in the base, which its copy remembers in
//! the attribute [`ORIGIN`](super::xattr::ORIGIN) (for kinds that can hold no attribute, and uppers without any: in memory, until the overlay is closed).
//! As in the kernel (without `index=on`), a base file with several hard links gets a new number when it is copied up, because its other names stay
//! what they were.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::error::Result;
use crate::metadata::{FileId, Metadata, Time};

/// Numbers of one overlay.
pub(super) struct Ids {
    /// The overlay's own filesystem number; the same whenever the same two layers are put together.
    fs: u64,
    base_root: FileId,
    upper_root: FileId,
    /// Which base origins are of.
    base_tag: u32,
    /// Origins that no attribute can hold: upper node -> base node.
    remembered: Mutex<HashMap<FileId, FileId>>,
    /// What attributes said when they were read last, and the time of change of their node then: who changes an attribute moves it.
    read: Mutex<HashMap<FileId, (Time, Option<FileId>)>>,
}

/// Most origins of attributes that are kept; then all are forgotten.
const READ_MAX: usize = 1 << 16;
/// A node that has not changed for so long would show another time after its next change; no filesystem's clock ticks more slowly.
const SETTLED_NANOS: i64 = 2_500_000_000;

const BASE: u64 = 0;
const UPPER: u64 = 1;

impl Ids {
    pub fn new(base_root: FileId, upper_root: FileId, base_tag: u32) -> Self {
        let fs = [base_root.ino, upper_root.fs, upper_root.ino]
            .into_iter()
            .fold(base_root.fs, mix);
        Self {
            fs,
            base_root,
            upper_root,
            base_tag,
            remembered: Mutex::default(),
            read: Mutex::default(),
        }
    }

    /// What `look` read of the attributes of this node, as long as it has not changed since.
    pub fn known_origin(
        &self,
        upper: &Metadata,
        look: impl FnOnce() -> Result<Option<FileId>>,
    ) -> Result<Option<FileId>> {
        let known = self.read.lock().get(&upper.id).copied();
        if let Some((_, origin)) = known.filter(|(changed, _)| *changed == upper.ctime) {
            return Ok(origin);
        }
        let origin = look()?;
        // One that changed just now could change again without its time moving, where clocks tick slowly.
        let age = Time::now().nanos().saturating_sub(upper.ctime.nanos());
        if age >= SETTLED_NANOS && upper.ctime != Time::default() {
            let mut read = self.read.lock();
            if read.len() >= READ_MAX {
                read.clear();
            }
            read.insert(upper.id, (upper.ctime, origin));
        }
        Ok(origin)
    }

    /// The root has one number, whichever layer its attributes come from.
    pub fn root(&self) -> FileId {
        self.base(self.base_root)
    }

    /// Is it the upper's root, which goes by the number of the base's?
    pub fn is_upper_root(&self, upper: FileId) -> bool {
        upper == self.upper_root
    }

    /// A node of the base.
    pub fn base(&self, id: FileId) -> FileId {
        self.number(BASE, self.base_root.fs, id)
    }

    /// A node that was made in the upper.
    pub fn upper(&self, id: FileId) -> FileId {
        self.number(UPPER, self.upper_root.fs, id)
    }

    /// The number of a base entry of which only the inode number is known.
    pub fn base_ino(&self, ino: u64) -> u64 {
        self.base(FileId {
            fs: self.base_root.fs,
            ino,
        })
        .ino
    }

    /// The upper node of which only the inode number is known.
    pub fn upper_node(&self, ino: u64) -> FileId {
        FileId {
            fs: self.upper_root.fs,
            ino,
        }
    }

    fn number(&self, layer: u64, layer_fs: u64, id: FileId) -> FileId {
        let ino = if id.fs == layer_fs && id.ino >> 62 == 0 {
            id.ino << 2 | layer
        } else {
            // Another device inside a host layer, or a number that leaves no room for the layer.
            mix(id.fs, id.ino) << 2 | 2 | layer
        };
        FileId { fs: self.fs, ino }
    }

    /// Can the copy of this node stand for it? (Not when other names of it stay in the base.)
    pub fn keeps(base: &Metadata) -> bool {
        base.is_dir() || base.nlink <= 1
    }

    /// The value of the attribute that remembers `base`. A node on the base's own filesystem is remembered by its inode number alone, so that the base may
    /// get another filesystem number (a memory filesystem loaded again) without its files changing theirs. The tag of the base follows.
    pub fn origin_value(&self, base: FileId) -> Vec<u8> {
        let tag = self.base_tag;
        if base.fs == self.base_root.fs {
            format!("{}@{tag:x}", base.ino).into_bytes()
        } else {
            format!("{}:{}@{tag:x}", base.ino, base.fs).into_bytes()
        }
    }

    /// The base node remembered in `value`; `None` when it is none of ours, or of another base.
    pub fn read_origin(&self, value: &[u8]) -> Option<FileId> {
        let text = std::str::from_utf8(value).ok()?;
        let text = match text.split_once('@') {
            Some((text, tag)) if u32::from_str_radix(tag, 16) == Ok(self.base_tag) => text,
            Some(_) => return None,
            None => text,
        };
        let (ino, fs) = match text.split_once(':') {
            Some((ino, fs)) => (ino, fs.parse().ok()?),
            None => (text, self.base_root.fs),
        };
        Some(FileId {
            fs,
            ino: ino.parse().ok()?,
        })
    }

    pub fn remember(&self, upper: FileId, base: FileId) {
        self.remembered.lock().insert(upper, base);
    }

    pub fn remembered(&self, upper: FileId) -> Option<FileId> {
        self.remembered.lock().get(&upper).copied()
    }

    /// The last name of an upper node goes; a host may give its number to another file.
    pub fn forget(&self, upper: &Metadata) {
        if upper.is_dir() || upper.nlink <= 1 {
            self.remembered.lock().remove(&upper.id);
            self.read.lock().remove(&upper.id);
        }
    }
}

/// Mixes two numbers into one (the finaliser of SplitMix64, Steele et al., OOPSLA 2014).
fn mix(a: u64, b: u64) -> u64 {
    let mut x = a.rotate_left(32) ^ b.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_attribute_said_counts_until_its_node_changes() {
        let root = FileId { fs: 7, ino: 1 };
        let ids = Ids::new(root, root, 0);
        let (id, origin) = (FileId { fs: 7, ino: 5 }, FileId { fs: 7, ino: 9 });
        let node = |ctime| Metadata {
            ctime,
            ..Metadata::new(id, crate::metadata::FileKind::File, 0, Time::default())
        };
        let looks = std::cell::Cell::new(0);
        let look = |node: &Metadata, says| {
            looks.set(looks.get() + 1);
            let before = looks.get();
            let answer = ids.known_origin(node, || {
                looks.set(before + 1);
                Ok(says)
            });
            (answer.unwrap(), looks.get() > before)
        };
        let (old, new) = (Time::from_parts(1000, 1), Time::from_parts(1000, 2));
        assert_eq!(look(&node(old), Some(origin)), (Some(origin), true));
        assert_eq!(look(&node(old), None), (Some(origin), false));
        assert_eq!(look(&node(new), None), (None, true));
        assert_eq!(look(&node(new), Some(origin)), (None, false));
        // What changed just now, and what knows no time, is looked at each time.
        for unsettled in [Time::now(), Time::default()] {
            assert_eq!(look(&node(unsettled), Some(origin)), (Some(origin), true));
            assert_eq!(look(&node(unsettled), None), (None, true));
        }
    }

    #[test]
    fn layers_never_share_a_number() {
        let root = |fs| FileId { fs, ino: 1 };
        let ids = Ids::new(root(7), root(7), 0xabc);
        let node = FileId { fs: 7, ino: 5 };
        assert_ne!(ids.base(node), ids.upper(node));
        let elsewhere = FileId { fs: 8, ino: 5 };
        assert_ne!(ids.base(node), ids.base(elsewhere));
        for id in [node, elsewhere] {
            assert_eq!(ids.read_origin(&ids.origin_value(id)), Some(id));
        }
        let other_base = Ids::new(root(7), root(7), 0xabd);
        assert_eq!(other_base.read_origin(&ids.origin_value(node)), None);
    }
}
