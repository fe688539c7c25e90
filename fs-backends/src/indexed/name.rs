//! Names of blob files: `<uuid>-<unix time>.bin`, while still written `.part`.

use std::fmt;

use fs_core::{Result, Time};

use crate::catalog::corrupted;

/// What a blob is called, without its ending. Only [`BlobName::parse`] and [`BlobName::new`] make one, so no other text ever becomes a file name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct BlobName(String);

const UUID_GROUPS: [usize; 5] = [8, 4, 4, 4, 12];

impl BlobName {
    /// A new, unique name.
    pub(super) fn new() -> Self {
        let (seconds, _) = Time::now().parts();
        Self(format!(
            "{}-{}",
            uuid::Uuid::new_v4().hyphenated(),
            seconds.max(0)
        ))
    }

    /// The name in the index (`.bin`). `Corrupted` when it is anything but one of ours.
    pub(super) fn parse(text: &str) -> Result<Self> {
        text.strip_suffix(".bin")
            .and_then(Self::stem)
            .ok_or_else(|| corrupted("open blob", format!("impossible blob name {text:?}")))
    }

    /// The name of a file in the folder of blobs, if it is one of ours.
    pub(super) fn of_file(text: &str) -> Option<Self> {
        text.strip_suffix(".bin")
            .or_else(|| text.strip_suffix(".part"))
            .and_then(Self::stem)
    }

    fn stem(text: &str) -> Option<Self> {
        let mut groups = text.split('-');
        let hex = |group: &str, length| {
            group.len() == length
                && group
                    .bytes()
                    .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        let uuid = UUID_GROUPS
            .iter()
            .all(|&length| groups.next().is_some_and(|group| hex(group, length)));
        let seconds = groups.next()?;
        let number = !seconds.is_empty()
            && seconds.len() <= 20
            && seconds.bytes().all(|b| b.is_ascii_digit());
        (uuid && number && groups.next().is_none()).then(|| Self(text.to_owned()))
    }

    /// Seconds since 1970 when it was made, as its name says.
    pub(super) fn made_seconds(&self) -> i64 {
        self.0
            .rsplit('-')
            .next()
            .and_then(|seconds| seconds.parse().ok())
            .unwrap_or(i64::MAX)
    }

    /// The file of a sealed blob; also what the index says.
    pub(super) fn sealed(&self) -> String {
        format!("{}.bin", self.0)
    }

    /// The file of a blob that may still be written.
    pub(super) fn unsealed(&self) -> String {
        format!("{}.part", self.0)
    }
}

impl fmt::Display for BlobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.bin", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_are_names() {
        let name = BlobName::new();
        assert_eq!(BlobName::parse(&name.sealed()).unwrap(), name);
        assert_eq!(BlobName::of_file(&name.unsealed()), Some(name));
        for attack in [
            "",
            ".bin",
            "../../etc/passwd",
            "/etc/shadow",
            "a1b2c3d4-0000-4000-8000-000000000000.bin",
            "a1b2c3d4-0000-4000-8000-000000000000-.bin",
            "a1b2c3d4-0000-4000-8000-000000000000-1/../x.bin",
            "a1b2c3d4-0000-4000-8000-000000000000-1.bin\0",
            "a1b2c3d4-0000-4000-8000-000000000000-1-1.bin",
            "A1B2C3D4-0000-4000-8000-000000000000-1.bin",
            "a1b2c3d4-0000-4000-8000-000000000000-1.part",
        ] {
            assert!(BlobName::parse(attack).is_err(), "{attack:?}");
        }
    }
}
