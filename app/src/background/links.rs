//! Where the links of a folder lead.
//!
//! A link may lead to a place that answers never (a mount that hangs), so a thread of its own looks, and the listing does not wait for it for long.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, unbounded};
use fs_core::resolve::{Last, PathResolver as _, PosixResolver};
use fs_core::{Backend, ErrorKind, FileKind, Name, VPath};

use crate::state::{Chunk, LinkTarget};

/// So long the rows of a folder wait for the ends of its links.
pub const PATIENCE: Duration = Duration::from_millis(60);
/// Whoever waits longer looks this often whether anybody still wants to know.
const LOOK_AROUND: Duration = Duration::from_millis(100);
/// In folders with more links only the first so many are followed.
const MOST: usize = 5_000;

/// A link and where it leads.
struct Found {
    chunk: usize,
    within: usize,
    target: LinkTarget,
}

/// The ends of links, as they are found.
pub struct Links {
    found: Receiver<Found>,
}

/// Starts looking for the ends of all links in `chunks`, which are entries of `folder`; `None`: there are none.
pub fn follow(
    backend: &Arc<dyn Backend>,
    folder: &VPath,
    chunks: &[Chunk],
    cancel: &Arc<AtomicBool>,
) -> Option<Links> {
    let links: Vec<(usize, usize, VPath)> = chunks
        .iter()
        .enumerate()
        .flat_map(|(chunk, entries)| {
            let entries = entries.entries.iter().enumerate();
            entries.map(move |(within, entry)| (chunk, within, entry))
        })
        .filter(|(chunk, within, entry)| {
            entry.kind == FileKind::Symlink
                && chunks
                    .get(*chunk)
                    .is_some_and(|chunk| chunk.facts_of(*within).deleted_in.is_none())
        })
        .filter_map(|(chunk, within, entry)| {
            Some((chunk, within, folder.join(&Name::new(entry.name).ok()?)))
        })
        .take(MOST)
        .collect();
    if links.is_empty() {
        return None;
    }
    let (send, found) = unbounded();
    let (backend, cancel) = (Arc::clone(backend), Arc::clone(cancel));
    let started = std::thread::Builder::new()
        .name("links".to_owned())
        .spawn(move || {
            for (chunk, within, path) in links {
                let target = end_of(&*backend, &path);
                let found = Found {
                    chunk,
                    within,
                    target,
                };
                if cancel.load(Ordering::Relaxed) || send.send(found).is_err() {
                    return;
                }
            }
        });
    match started {
        Ok(_) => Some(Links { found }),
        Err(error) => {
            tracing::error!("can't start a thread: {error}");
            None
        }
    }
}

impl Links {
    /// Writes into `chunks` what is found until `deadline`. `true`: that is all there is.
    pub fn collect_until(&self, deadline: Instant, chunks: &mut [Chunk]) -> bool {
        loop {
            match self.found.recv_deadline(deadline) {
                Ok(found) => put(chunks, &found),
                Err(RecvTimeoutError::Timeout) => return false,
                Err(RecvTimeoutError::Disconnected) => return true,
            }
        }
    }

    /// Waits for the rest; `false`: it is not wanted any more.
    pub fn collect_rest(&self, cancel: &AtomicBool, chunks: &mut [Chunk]) -> bool {
        while !self.collect_until(Instant::now() + LOOK_AROUND, chunks) {
            if cancel.load(Ordering::Relaxed) {
                return false;
            }
        }
        !cancel.load(Ordering::Relaxed)
    }
}

fn put(chunks: &mut [Chunk], found: &Found) {
    let Some(chunk) = chunks.get_mut(found.chunk) else {
        return;
    };
    if chunk.facts.is_empty() {
        chunk.facts = vec![Default::default(); chunk.entries.len()].into();
    }
    if let Some(facts) = Arc::make_mut(&mut chunk.facts).get_mut(found.within) {
        facts.target = found.target;
    }
}

fn end_of(backend: &dyn Backend, path: &VPath) -> LinkTarget {
    let raw = Path::new(path.as_os_str());
    let end = PosixResolver
        .resolve(backend, raw, Last::Follow)
        .and_then(|end| backend.stat(end.at()));
    match end {
        Ok(metadata) => LinkTarget::To(metadata.kind),
        Err(error) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::SymlinkLoop => {
                LinkTarget::Nowhere
            }
            ErrorKind::EscapesRoot => LinkTarget::Outside,
            _ => LinkTarget::Unknown,
        },
    }
}
