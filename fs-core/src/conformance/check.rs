//! Small words the cases are written in.

use std::fmt;

use crate::backend::{At, Want};
use crate::error::{Error, ErrorKind, Result};
use crate::listing::collect;
use crate::metadata::Time;
use crate::path::VPath;

use super::Fixture;

/// Why a case failed.
pub struct Failure(String);

/// What a case gives.
pub type Check = Result<(), Failure>;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(format!("{error:?}"))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self(format!("{error:?}"))
    }
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// `actual` must be `expected`.
pub(super) fn same<A: PartialEq<E> + fmt::Debug, E: fmt::Debug>(actual: A, expected: E) -> Check {
    if actual == expected {
        return Ok(());
    }
    let short = |text: String| match text.char_indices().nth(400) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    };
    Err(Failure(format!(
        "got {}, expected {}",
        short(format!("{actual:?}")),
        short(format!("{expected:?}"))
    )))
}

/// `condition` must hold; `text` says what does not.
pub(super) fn ensure(condition: bool, text: impl Into<String>) -> Check {
    if condition {
        Ok(())
    } else {
        Err(Failure(text.into()))
    }
}

/// The call must fail like this.
pub(super) fn fails<T>(result: Result<T>, kind: ErrorKind) -> Check {
    fails_with(result, &[kind])
}

/// The call must fail in one of these ways.
pub(super) fn fails_with<T>(result: Result<T>, kinds: &[ErrorKind]) -> Check {
    match result {
        Ok(_) => Err(Failure(format!("succeeded, expected {kinds:?}"))),
        Err(error) if kinds.contains(&error.kind()) => Ok(()),
        Err(error) => Err(Failure(format!("got {error:?}, expected {kinds:?}"))),
    }
}

/// A path that needs no resolving.
pub(super) fn vpath(text: &str) -> Result<VPath> {
    VPath::new(text)
}

/// Bytes without a pattern that a chunk border could hide; the same for the same seed.
pub(super) fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut rng = Rng(seed);
    let mut out = Vec::with_capacity(len + 8);
    while out.len() < len {
        out.extend(rng.next().to_le_bytes());
    }
    out.truncate(len);
    out
}

/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
pub(super) struct Rng(pub(super) u64);

impl Rng {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }
}

/// A moment long past, in which no test runs.
pub(super) fn long_ago() -> Time {
    Time::from_parts(1_000_000_000, 123_456_789)
}

impl Fixture {
    /// The names in a folder, sorted.
    pub(super) fn names(&self, path: &str) -> Result<Vec<String>> {
        let mut names = self
            .fs
            .read_dir(path)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<Result<Vec<_>>>()?;
        names.sort();
        Ok(names)
    }

    /// The names in a folder as the backend gives them.
    pub(super) fn listed(&self, path: &str, want: &Want) -> Result<Vec<String>> {
        let batch = collect(self.backend.list(At::path(&vpath(path)?), want)?)?;
        Ok(batch
            .iter()
            .map(|entry| entry.name.to_string_lossy().into_owned())
            .collect())
    }

    /// The large size when there is time for it.
    pub(super) fn scale(&self, small: usize, large: usize) -> usize {
        if self.thorough { large } else { small }
    }

    /// The filesystem must come to use less space than this. Not at once: content may be cleared away behind the caller's back.
    pub(super) fn uses_less_than(&self, limit_bytes: u64) -> Check {
        let mut used = u64::MAX;
        for _ in 0..6000 {
            self.fs.sync()?;
            used = self.fs.statfs()?.used_bytes;
            if used < limit_bytes {
                return Ok(());
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        Err(Failure(format!(
            "still uses {used} of less than {limit_bytes} bytes"
        )))
    }
}
