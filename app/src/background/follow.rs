//! Keeping what was found as it is now: what stands at, or below, a name that changed is looked for again, and nothing else.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use fs_core::resolve::{Last, PathResolver as _, PosixResolver};
use fs_core::{At, Backend, EntryBatch, FileKind, Result};

use super::message::FollowRequest;
use super::outbox::Outbox;
use super::search::{self, Finds, Pattern};
use super::watch::Watchers;
use crate::state::{Chunk, RelPath};

/// Looks again where something changed, or everywhere, and answers as a search does.
pub fn follow(
    backend: &dyn Backend,
    request: &FollowRequest,
    watchers: &Watchers,
    outbox: &Outbox,
) {
    let result = run(backend, request, watchers, outbox);
    search::tell_failure(result, &request.search, outbox);
}

fn run(
    backend: &dyn Backend,
    request: &FollowRequest,
    watchers: &Watchers,
    outbox: &Outbox,
) -> Result<()> {
    let (search, below) = (&request.search, &request.search.below);
    let watch = watchers.find_of(below.tab);
    // In this order: the watch of a search that came later is not touched.
    if below.cancel.load(Ordering::Relaxed) {
        return Ok(());
    }
    let noted = watch.as_ref().map(|watch| watch.take());
    let (Some(watch), Some(noted)) = (watch, noted.filter(|noted| !noted.all)) else {
        search::search(backend, search, watchers, outbox);
        return Ok(());
    };
    let raw = Path::new(below.place.path.as_os_str());
    let folder = PosixResolver.resolve(backend, raw, Last::Follow)?.path;
    let stale: HashSet<RelPath> = noted
        .paths
        .iter()
        .filter_map(|path| RelPath::between(&folder, path))
        .collect();
    let mut finds = Finds::new(backend, search, folder.clone(), watch, outbox);
    finds.progress = request.progress;
    for chunk in request.view.chunks().iter() {
        finds.keep(without(chunk, &stale));
    }
    let pattern = Pattern::new(&search.text);
    let hidden = below.arrange.show_hidden;
    for way in &stale {
        let above = Path::new(way.as_os_str()).parent();
        let twice = above.is_some_and(|above| is_in(above.as_os_str(), &stale));
        if twice || (!hidden && search::is_hidden(way)) {
            continue;
        }
        let path = way.in_folder(&folder);
        // What is gone is found no more.
        let Ok(metadata) = backend.stat(At::path(&path)) else {
            continue;
        };
        if pattern.fits(way.file_name()) && !finds.is_full() {
            finds.add(&path, way, metadata.kind)?;
        }
        if metadata.kind == FileKind::Directory && !search.leave_out.contains(&path) {
            search::by_walk(backend, search, &pattern, &mut finds, path)?;
        }
    }
    finds.finish()
}

/// Is this one of `ways`, or below one?
fn is_in(way: &OsStr, ways: &HashSet<RelPath>) -> bool {
    let mut above = Path::new(way).ancestors();
    above.any(|above| ways.contains(above.as_os_str()))
}

/// The entries that are not, and are not below, one of `ways`.
fn without(chunk: &Chunk, ways: &HashSet<RelPath>) -> Chunk {
    let all = chunk.entries.iter().enumerate();
    let stays: Vec<usize> = all
        .filter(|(_, entry)| !is_in(entry.name, ways))
        .map(|(within, _)| within)
        .collect();
    if stays.len() == chunk.entries.len() {
        return chunk.clone();
    }
    let mut entries = EntryBatch::new();
    for within in &stays {
        entries.extend_from(&chunk.entries, *within..within + 1);
    }
    Chunk {
        entries: Arc::new(entries),
        facts: match chunk.facts.is_empty() {
            true => Arc::default(),
            false => stays.iter().map(|at| chunk.facts_of(*at)).collect(),
        },
    }
}
