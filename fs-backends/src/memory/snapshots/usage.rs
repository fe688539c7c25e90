//! What the filesystem and its snapshots take: every chunk counted once, however many of them share it.
//!
//! The moments are walked in a row, each by what it has other than the one before. So a chunk has a life, from the moment it comes to the one it
//! goes, and counting costs as much as one moment and the differences, not as all moments together.

use std::collections::HashMap;

use fs_core::snapshots::SnapshotUsage;

use super::super::bytes::{Bytes, Chunk};
use super::super::content::Contents;

/// In which moments a chunk is.
#[derive(Default)]
struct Life {
    bytes: u64,
    /// Places in files of the current moment.
    places: u64,
    /// When it came last.
    since: usize,
    /// Moments it was in before that.
    moments: usize,
}

#[derive(Default)]
struct Lives {
    chunks: HashMap<usize, Life>,
    /// Bytes of those that are in the current moment.
    present_bytes: u64,
}

impl Lives {
    fn come(&mut self, chunk: &Chunk, moment: usize) {
        let life = self.chunks.entry(chunk.address()).or_default();
        if life.places == 0 {
            life.bytes = chunk.len() as u64;
            life.since = moment;
            self.present_bytes += life.bytes;
        }
        life.places += 1;
    }

    fn go(&mut self, chunk: &Chunk, moment: usize) {
        if let Some(life) = self.chunks.get_mut(&chunk.address()) {
            life.places -= 1;
            if life.places == 0 {
                life.moments += moment - life.since;
                self.present_bytes -= life.bytes;
            }
        }
    }
}

/// What each of `moments` takes, and all together.
pub(super) fn usage<'a>(
    moments: impl IntoIterator<Item = &'a Contents>,
) -> (Vec<SnapshotUsage>, u64) {
    let (nothing, empty) = (Contents::default(), Bytes::default());
    let mut lives = Lives::default();
    let mut all = Vec::new();
    let mut before = &nothing;
    for (moment, contents) in moments.into_iter().enumerate() {
        // What only changes its place must not seem to go, so all that comes is taken first.
        let changes: Vec<_> = before.diff(contents).collect();
        let chunks = || {
            changes.iter().flat_map(|(_, old, new)| {
                let (old, new) = (old.unwrap_or(&empty), new.unwrap_or(&empty));
                old.diff(new)
            })
        };
        for (_, _, new) in chunks() {
            new.into_iter().for_each(|chunk| lives.come(chunk, moment));
        }
        for (_, old, _) in chunks() {
            old.into_iter().for_each(|chunk| lives.go(chunk, moment));
        }
        all.push(SnapshotUsage {
            content_bytes: lives.present_bytes,
            ..SnapshotUsage::default()
        });
        before = contents;
    }
    let mut total_bytes = 0;
    for life in lives.chunks.values() {
        total_bytes += life.bytes;
        let last = if life.places > 0 {
            all.len() - life.since
        } else {
            0
        };
        if life.moments + last == 1
            && let Some(only) = all.get_mut(life.since)
        {
            only.own_bytes += life.bytes;
        }
    }
    for one in &mut all {
        one.shared_bytes = one.content_bytes - one.own_bytes;
    }
    (all, total_bytes)
}
