//! Listing a folder: first rows at once, then views that double in size, at most ten a second.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use fs_core::extensions::Layers;
use fs_core::resolve::{Last, PathResolver as _, PosixResolver};
use fs_core::{Backend, EntryBatch, Name, Result, VPath, Want};

use super::arrange::Arranger;
use super::links;
use super::message::{Event, ListRequest};
use super::outbox::Outbox;
use crate::state::{Chunk, EntryFacts, View};

/// The first view is sent when there are this many rows,
const FIRST_ROWS: usize = 200;
/// or when the listing has taken this long.
const FIRST_AFTER: Duration = Duration::from_millis(30);
/// In larger folders the layers of entries are not asked for: each is a question of its own.
const MOST_ORIGINS: usize = 20_000;
/// Views follow each other no faster than this.
const BETWEEN_VIEWS: Duration = Duration::from_millis(100);

/// Lists and reports; returns when done or cancelled.
pub fn list(backend: &Arc<dyn Backend>, request: &ListRequest, outbox: &Outbox) {
    if let Err(error) = run(backend, request, outbox) {
        outbox.send(Event::ListFailed {
            tab: request.tab,
            generation: request.generation,
            error,
        });
    }
}

fn run(backend: &Arc<dyn Backend>, request: &ListRequest, outbox: &Outbox) -> Result<()> {
    let cancelled = || request.cancel.load(Ordering::Relaxed);
    if cancelled() {
        return Ok(());
    }
    let raw = Path::new(request.place.path.as_os_str());
    let folder = PosixResolver.resolve(&**backend, raw, Last::Follow)?;
    let id = backend.stat(folder.at()).ok().map(|metadata| metadata.id);
    let mut listing = backend.list(folder.at(), &Want::metadata())?;
    let layers = backend.extensions().layers;
    let mut arranger = Arranger::new(request.arrange.clone());
    let mut pacer = Pacer::start(Instant::now());
    let mut batch = EntryBatch::new();
    let mut chunks = Vec::new();
    let send = |mut view: View, streaming| {
        view.streaming = streaming;
        outbox.send(Event::View {
            tab: request.tab,
            generation: request.generation,
            view,
            folder: id,
        });
    };
    loop {
        let more = listing.next(&mut batch)?;
        if cancelled() {
            return Ok(());
        }
        let rows = arranger.len() + batch.len();
        if more && !(request.stream && pacer.is_due(rows, Instant::now())) {
            continue;
        }
        let known = rows <= MOST_ORIGINS;
        let facts = layers
            .filter(|_| known)
            .map_or_else(Arc::default, |layers| {
                origins_of(layers, &folder.path, &batch)
            });
        let chunk = Chunk {
            entries: Arc::new(std::mem::take(&mut batch)),
            facts,
        };
        chunks.push(chunk.clone());
        arranger.add(chunk);
        if !more {
            break;
        }
        send(arranger.view(), true);
        pacer.sent(rows, Instant::now());
    }
    if let Some(layers) = layers.filter(|_| request.arrange.show_deleted) {
        let chunk = deleted(layers, &folder.path)?;
        chunks.push(chunk.clone());
        arranger.add(chunk);
    }
    let Some(links) = links::follow(backend, &folder.path, &chunks, &request.cancel) else {
        send(arranger.view(), false);
        return Ok(());
    };
    let view_of = |chunks: &[Chunk]| Arranger::view_of(chunks, &request.arrange);
    let all = links.collect_until(Instant::now() + links::PATIENCE, &mut chunks);
    send(view_of(&chunks), false);
    if !all && links.collect_rest(&request.cancel, &mut chunks) {
        send(view_of(&chunks), false);
    }
    Ok(())
}

/// Which layer each entry of a batch is seen from.
fn origins_of(layers: &dyn Layers, folder: &VPath, batch: &EntryBatch) -> Arc<[EntryFacts]> {
    let origin = |name| layers.origin(&folder.join(&Name::new(name).ok()?)).ok();
    batch
        .iter()
        .map(|entry| EntryFacts {
            origin: origin(entry.name),
            ..EntryFacts::default()
        })
        .collect()
}

/// What layers deleted in a folder, as entries.
fn deleted(layers: &dyn Layers, folder: &VPath) -> Result<Chunk> {
    let all = layers.deleted(folder)?;
    let mut entries = EntryBatch::new();
    for gone in &all {
        let below = gone.below;
        entries.push(gone.name.as_os_str(), below.kind, below.id.ino, Some(below));
    }
    let facts = all.iter().map(|gone| EntryFacts {
        deleted_in: Some(gone.layer),
        ..EntryFacts::default()
    });
    Ok(Chunk {
        entries: Arc::new(entries),
        facts: facts.collect(),
    })
}

/// Decides when a view is worth sending, so that the sum of all sorting stays that of one sort.
struct Pacer {
    last: Instant,
    next_rows: usize,
    first: bool,
}

impl Pacer {
    fn start(now: Instant) -> Self {
        Self {
            last: now,
            next_rows: FIRST_ROWS,
            first: true,
        }
    }

    fn is_due(&self, rows: usize, now: Instant) -> bool {
        let waited = now.duration_since(self.last);
        if self.first {
            rows >= self.next_rows || (rows > 0 && waited >= FIRST_AFTER)
        } else {
            rows >= self.next_rows && waited >= BETWEEN_VIEWS
        }
    }

    fn sent(&mut self, rows: usize, now: Instant) {
        self.first = false;
        self.last = now;
        self.next_rows = rows.saturating_mul(2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_start_soon_then_double_and_never_crowd() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut pacer = Pacer::start(start);
        assert!(!pacer.is_due(10, at(1)));
        assert!(pacer.is_due(10, at(30)));
        assert!(pacer.is_due(200, at(1)));
        pacer.sent(200, at(1));
        assert!(!pacer.is_due(100_000, at(50)), "ten a second at most");
        assert!(!pacer.is_due(399, at(500)), "doubling");
        assert!(pacer.is_due(400, at(500)));
    }
}
