//! Finding names below a folder: by the filesystem's own search where it has one, else folder after folder, nearest first. What is found is sent while
//! it is found. What was found is watched from then on (`follow`).

use std::cell::Cell;
use std::collections::VecDeque;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use fs_core::extensions::{self, Layers};
use fs_core::resolve::{Last, PathResolver as _, PosixResolver};
use fs_core::{
    At, Backend, Control, EntryBatch, Error, ErrorKind, FileKind, Metadata, Name, Result, VPath,
    Want,
};
use globset::{GlobBuilder, GlobMatcher};

use super::arrange::Arranger;
use super::message::{Event, SearchRequest};
use super::outbox::Outbox;
use super::watch::{FindWatch, Watchers};
use crate::state::{Chunk, EntryFacts, RelPath, SearchProgress};

/// No more is shown: whoever finds so much has to say more of what is looked for.
const MOST_FOUND: usize = 100_000;
/// What was found first is sent after this time,
const FIRST_AFTER: Duration = Duration::from_millis(30);
/// and then what came since, no more often than this.
const BETWEEN_VIEWS: Duration = Duration::from_millis(200);

/// Searches and reports; returns when done or cancelled.
pub fn search(
    backend: &dyn Backend,
    request: &SearchRequest,
    watchers: &Watchers,
    outbox: &Outbox,
) {
    tell_failure(run(backend, request, watchers, outbox), request, outbox);
}

/// Tells why nothing was found, unless nobody wanted to know any more.
pub(super) fn tell_failure(result: Result<()>, request: &SearchRequest, outbox: &Outbox) {
    if let Err(error) = result
        && error.kind() != ErrorKind::Cancelled
    {
        outbox.send(Event::ListFailed {
            tab: request.below.tab,
            generation: request.below.generation,
            error,
        });
    }
}

fn run(
    backend: &dyn Backend,
    request: &SearchRequest,
    watchers: &Watchers,
    outbox: &Outbox,
) -> Result<()> {
    let raw = Path::new(request.below.place.path.as_os_str());
    let folder = PosixResolver.resolve(backend, raw, Last::Follow)?;
    let wanted = Pattern::new(&request.text);
    let below = &request.below;
    // First watched, then looked for: what changes in between is told, not lost.
    let watch = watchers.begin_find(below.tab, &below.place.fs, &folder.path, backend, outbox);
    let mut finds = Finds::new(backend, request, folder.path.clone(), watch, outbox);
    if !by_extension(backend, request, &wanted, &mut finds)? {
        by_walk(backend, request, &wanted, &mut finds, folder.path)?;
    }
    finds.finish()
}

/// Asks the filesystem; `false`: it can't tell faster than a walk.
fn by_extension(
    backend: &dyn Backend,
    request: &SearchRequest,
    pattern: &Pattern,
    finds: &mut Finds<'_>,
) -> Result<bool> {
    let Some(search) = backend.extensions().search else {
        return Ok(false);
    };
    let control = Control::new();
    let wanted = extensions::Wanted {
        contains: b"",
        fits: &|name, _| {
            if request.below.cancel.load(Ordering::Relaxed) {
                control.cancel();
            }
            pattern.fits(name)
        },
    };
    let hidden = request.below.arrange.show_hidden;
    let mut paths = Vec::new();
    let cut_off = Cell::new(false);
    let mut found = |path: VPath, kind| {
        let way = RelPath::between(&finds.folder, &path);
        if let Some(way) = way.filter(|way| hidden || !is_hidden(way)) {
            if paths.len() == MOST_FOUND {
                cut_off.set(true);
                return Err(Error::new(ErrorKind::Cancelled, "search"));
            }
            paths.push((path, way, kind));
        }
        Ok(())
    };
    match search.search(&finds.folder, &wanted, &control, &mut found) {
        Ok(()) => {}
        Err(_) if cut_off.get() => finds.progress.cut_off = true,
        // A walk finds what is not damaged.
        Err(error) if error.kind() == ErrorKind::Corrupted => return Ok(false),
        Err(error) => return Err(error),
    }
    for (path, way, kind) in paths {
        finds.add(&path, &way, kind)?;
    }
    Ok(true)
}

/// Is it, or a folder on the way to it, hidden?
pub(super) fn is_hidden(way: &RelPath) -> bool {
    let way = Path::new(way.as_os_str());
    way.iter().any(starts_with_dot)
}

fn starts_with_dot(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

/// Looks into `from` and every folder below, those nearest first. Folders that can't be read are counted; only the one that is searched must be there.
pub(super) fn by_walk(
    backend: &dyn Backend,
    request: &SearchRequest,
    pattern: &Pattern,
    finds: &mut Finds<'_>,
    from: VPath,
) -> Result<()> {
    let hidden = request.below.arrange.show_hidden;
    let mut folders = VecDeque::from([from]);
    let mut batch = EntryBatch::new();
    while let Some(folder) = folders.pop_front() {
        finds.check()?;
        finds.watch.pass(backend, &folder);
        let mut listing = match backend.list(At::path(&folder), &Want::names()) {
            Ok(listing) => listing,
            Err(error) if folder == finds.folder => return Err(error),
            Err(_) => {
                finds.progress.unreadable += 1;
                continue;
            }
        };
        finds.progress.folders += 1;
        loop {
            batch.clear();
            let more = match listing.next(&mut batch) {
                Ok(more) => more,
                Err(_) => {
                    finds.progress.unreadable += 1;
                    false
                }
            };
            for entry in batch.iter().filter(|e| hidden || !starts_with_dot(e.name)) {
                let Ok(name) = Name::new(entry.name) else {
                    continue;
                };
                let path = folder.join(&name);
                if pattern.fits(entry.name)
                    && let Some(way) = RelPath::between(&finds.folder, &path)
                {
                    if finds.is_full() {
                        finds.progress.cut_off = true;
                        return Ok(());
                    }
                    finds.add(&path, &way, entry.kind)?;
                }
                if entry.kind == FileKind::Directory && !request.leave_out.contains(&path) {
                    folders.push_back(path);
                }
            }
            if !more {
                break;
            }
            finds.check()?;
        }
        finds.tell_in_time();
    }
    Ok(())
}

/// What names are looked for.
pub(super) struct Pattern {
    /// In lower case.
    part: String,
    glob: Option<GlobMatcher>,
}

impl Pattern {
    /// A part of a name, or, with `*`, `?`, `[` or `{` in it, a pattern for all of it. Capital and small letters are the same.
    pub fn new(text: &str) -> Self {
        let is_glob = text.contains(['*', '?', '[', '{']);
        let glob = || GlobBuilder::new(text).case_insensitive(true).build().ok();
        Self {
            part: text.to_lowercase(),
            // What is no pattern is looked for as it stands.
            glob: is_glob
                .then(glob)
                .flatten()
                .map(|glob| glob.compile_matcher()),
        }
    }

    pub fn fits(&self, name: &OsStr) -> bool {
        match &self.glob {
            Some(glob) => glob.is_match(Path::new(name)),
            None => name.to_string_lossy().to_lowercase().contains(&self.part),
        }
    }
}

/// What was found, and how it is told.
pub(super) struct Finds<'a> {
    backend: &'a dyn Backend,
    layers: Option<&'a dyn Layers>,
    request: &'a SearchRequest,
    outbox: &'a Outbox,
    /// The folder that is searched below, links in its path followed.
    folder: VPath,
    watch: Arc<FindWatch>,
    count: usize,
    batch: EntryBatch,
    facts: Vec<EntryFacts>,
    arranger: Arranger,
    pub progress: SearchProgress,
    next_view: Instant,
}

impl<'a> Finds<'a> {
    pub fn new(
        backend: &'a dyn Backend,
        request: &'a SearchRequest,
        folder: VPath,
        watch: Arc<FindWatch>,
        outbox: &'a Outbox,
    ) -> Self {
        Self {
            backend,
            layers: backend.extensions().layers,
            request,
            outbox,
            folder,
            watch,
            count: 0,
            batch: EntryBatch::new(),
            facts: Vec::new(),
            arranger: Arranger::new(request.below.arrange.clone()),
            progress: SearchProgress::default(),
            next_view: Instant::now() + FIRST_AFTER,
        }
    }

    /// Takes over what was found before.
    pub fn keep(&mut self, chunk: Chunk) {
        self.count += chunk.entries.len();
        self.arranger.add(chunk);
    }

    /// Is so much found that no more is shown?
    pub fn is_full(&self) -> bool {
        self.count >= MOST_FOUND
    }

    /// `Cancelled`, when nobody wants to know any more.
    pub fn check(&self) -> Result<()> {
        if self.request.below.cancel.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Cancelled, "search"));
        }
        Ok(())
    }

    pub fn add(&mut self, path: &VPath, way: &RelPath, kind: FileKind) -> Result<()> {
        self.check()?;
        self.watch.hit(self.backend, path);
        // What went away meanwhile was not found.
        let metadata: Option<Metadata> = match self.backend.stat(At::path(path)) {
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(_) => None,
        };
        let ino = metadata.map_or(0, |metadata| metadata.id.ino);
        self.batch.push(way.as_os_str(), kind, ino, metadata);
        if let Some(layers) = self.layers {
            self.facts.push(EntryFacts {
                origin: layers.origin(path).ok(),
                ..EntryFacts::default()
            });
        }
        self.count += 1;
        self.tell_in_time();
        Ok(())
    }

    fn tell_in_time(&mut self) {
        if self.request.below.stream && Instant::now() >= self.next_view {
            self.tell(true);
            self.next_view = Instant::now() + BETWEEN_VIEWS;
        }
    }

    fn tell(&mut self, streaming: bool) {
        if !self.batch.is_empty() {
            self.arranger.add(Chunk {
                entries: Arc::new(std::mem::take(&mut self.batch)),
                facts: std::mem::take(&mut self.facts).into(),
            });
        }
        let mut view = self.arranger.view();
        view.streaming = streaming;
        self.progress.unwatched = self.watch.misses();
        self.outbox.send(Event::Found {
            tab: self.request.below.tab,
            generation: self.request.below.generation,
            view,
            progress: self.progress,
        });
    }

    pub fn finish(mut self) -> Result<()> {
        self.check()?;
        self.tell(false);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_patterns_fit_whatever_the_case() {
        let fits = |pattern: &str, name: &str| Pattern::new(pattern).fits(OsStr::new(name));
        assert!(fits("READ", "Readme.md") && fits("ü", "ÜBER.txt"));
        assert!(!fits("reed", "Readme.md"));
        assert!(fits("*.MD", "Readme.md") && !fits("*.md", "Readme.mdx"));
        assert!(fits("re?dme*", "Readme.md") && !fits("?", "ab"));
        assert!(fits("*.{md,txt}", "a.txt"));
        // A bracket alone is a part of a name.
        assert!(fits("[1", "scan [1].pdf"));
    }

    #[test]
    fn what_is_in_hidden_folders_is_hidden() {
        let way = |text: &str| RelPath::new(OsStr::new(text)).unwrap();
        assert!(is_hidden(&way(".a")) && is_hidden(&way("b/.git/c")) && is_hidden(&way(".x/y")));
        assert!(!is_hidden(&way("a.b/c.d")));
    }
}
