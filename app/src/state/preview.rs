//! What the preview shows, as plain data made by a worker.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use egui::ColorImage;
use fs_core::ops::Place;
use fs_core::{Error, FileKind, Time};

use super::Generation;

/// The content of a file, as far as a preview shows it.
#[derive(Clone, Debug)]
pub enum Preview {
    /// Readable text.
    Text(TextPreview),
    /// A picture.
    Image(ImagePreview),
    /// Anything else.
    Hex(HexPreview),
    /// There is nothing to read, and why.
    Nothing(&'static str),
}

/// Text and how it is coloured.
#[derive(Clone, Debug)]
pub struct TextPreview {
    /// The text, at most the first part of the file.
    pub text: Arc<str>,
    /// Where its lines are, without line ends; byte offsets.
    pub lines: Arc<[Range<u32>]>,
    /// Parts with a meaning, in order, not overlapping; byte offsets.
    pub spans: Arc<[Span]>,
    /// Bytes of the whole file.
    pub size_bytes: u64,
    /// Is it not all?
    pub is_cut: bool,
}

/// A part of a text with a meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Byte offsets.
    pub range: Range<u32>,
    /// What it is.
    pub syntax: Syntax,
}

/// What a part of source code is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is what its name says")]
pub enum Syntax {
    Comment,
    Keyword,
    Text,
    Number,
    Type,
    Function,
}

/// A picture, scaled down to what a screen can show.
#[derive(Clone, Debug)]
pub struct ImagePreview {
    /// The pixels.
    pub image: Arc<ColorImage>,
    /// Width and height of the file's picture.
    pub size_px: [u32; 2],
    /// Its format: `PNG`.
    pub format: &'static str,
}

/// Bytes.
#[derive(Clone, Debug)]
pub struct HexPreview {
    /// The first bytes of the file.
    pub bytes: Arc<[u8]>,
    /// Bytes of the whole file.
    pub size_bytes: u64,
}

impl Preview {
    /// Memory it takes, in bytes; for the budget of what is kept.
    pub fn cost_bytes(&self) -> usize {
        match self {
            Self::Text(text) => {
                text.text.len()
                    + text.lines.len() * size_of::<Range<u32>>()
                    + text.spans.len() * size_of::<Span>()
            }
            Self::Image(image) => image.image.pixels.len() * size_of::<egui::Color32>(),
            Self::Hex(hex) => hex.bytes.len(),
            Self::Nothing(_) => 0,
        }
    }
}

/// Which content a preview is of: another size or time is another content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviewKey {
    /// The entry.
    pub place: Place,
    /// What it is.
    pub kind: FileKind,
    /// Its size in bytes, when the list knows it.
    pub size_bytes: Option<u64>,
    /// Its last change, when the list knows it.
    pub mtime: Option<Time>,
}

/// How far a preview is.
#[derive(Clone, Debug, Default)]
pub enum PreviewLoad {
    /// Nothing is under the cursor.
    #[default]
    Nothing,
    /// A worker reads it.
    Loading,
    /// Here it is.
    Ready(Arc<Preview>),
    /// It could not be read.
    Failed(Error),
}

/// The preview of the entry under the cursor.
#[derive(Debug, Default)]
pub struct PreviewState {
    /// What it is of.
    pub key: Option<PreviewKey>,
    /// How far it is.
    pub load: PreviewLoad,
    /// The question it waits for.
    wanted: Option<Generation>,
    cancel: Arc<AtomicBool>,
    kept: Kept,
}

/// Most memory for previews that are kept, bytes.
const KEPT_MAX_BYTES: usize = 64 << 20;

/// Previews seen lately, the newest at the end.
#[derive(Debug, Default)]
struct Kept(Vec<(PreviewKey, Arc<Preview>)>);

impl Kept {
    fn take(&mut self, key: &PreviewKey) -> Option<Arc<Preview>> {
        let at = self.0.iter().position(|(kept, _)| kept == key)?;
        let entry = self.0.remove(at);
        let preview = Arc::clone(&entry.1);
        self.0.push(entry);
        Some(preview)
    }

    fn put(&mut self, key: PreviewKey, preview: Arc<Preview>) {
        self.0.retain(|(kept, _)| kept.place != key.place);
        self.0.push((key, preview));
        let mut cost: usize = self.0.iter().map(|(_, preview)| preview.cost_bytes()).sum();
        while cost > KEPT_MAX_BYTES && self.0.len() > 1 {
            let (_, oldest) = self.0.remove(0);
            cost -= oldest.cost_bytes();
        }
    }
}

impl PreviewState {
    /// Wants another content. When a worker has to be asked: the question, and the flag that ends it.
    pub fn want(&mut self, key: Option<PreviewKey>) -> Option<(Generation, Arc<AtomicBool>)> {
        if key == self.key {
            return None;
        }
        self.cancel.store(true, Ordering::Relaxed);
        self.key = key;
        self.wanted = None;
        let Some(key) = &self.key else {
            self.load = PreviewLoad::Nothing;
            return None;
        };
        if let Some(preview) = self.kept.take(key) {
            self.load = PreviewLoad::Ready(preview);
            return None;
        }
        // A file that only changed stays in sight until its new content is there.
        let is_same_file = matches!(self.load, PreviewLoad::Ready(_))
            && self
                .kept
                .0
                .last()
                .is_some_and(|(kept, _)| kept.place == key.place);
        if !is_same_file {
            self.load = PreviewLoad::Loading;
        }
        let generation = Generation::fresh();
        self.wanted = Some(generation);
        self.cancel = Arc::default();
        Some((generation, Arc::clone(&self.cancel)))
    }

    /// Takes an answer, if it is still wanted.
    pub fn answer(&mut self, generation: Generation, result: Result<Preview, Error>) {
        if self.wanted != Some(generation) {
            return;
        }
        let Some(key) = &self.key else {
            return;
        };
        self.load = match result {
            Ok(preview) => {
                let preview = Arc::new(preview);
                self.kept.put(key.clone(), Arc::clone(&preview));
                PreviewLoad::Ready(preview)
            }
            Err(error) => PreviewLoad::Failed(error),
        };
    }

    /// Forgets the content of filesystems that are not open any more.
    pub fn keep_only(&mut self, is_open: impl Fn(&Place) -> bool) {
        self.kept.0.retain(|(key, _)| is_open(&key.place));
        if self.key.as_ref().is_some_and(|key| !is_open(&key.place)) {
            self.want(None);
        }
    }
}
