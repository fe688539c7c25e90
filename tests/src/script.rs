//! Scripts of changes that a child follows and its parent can follow in thought: what must be there after each step.

use std::collections::BTreeMap;
use std::sync::Arc;

use fs_core::{At, Backend, Change, FileStorage, NewNode, RenameMode, Result, VPath};

use crate::random::Random;

/// The folders scripts work in.
pub const FOLDERS: [&str; 4] = ["/d0", "/d1", "/d2", "/d3"];
/// Names in each.
const NAMES: u64 = 12;
const BLOCK_BYTES: usize = 4096;

/// What a script is mostly made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Focus {
    /// Everything.
    Mixed,
    /// New files, many in one step, and large ones.
    Import,
    /// New content for files that are there.
    Overwrite,
    /// Names.
    Rename,
    /// Removals.
    Delete,
}

/// Bytes made from a seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    seed: u64,
    length: usize,
}

impl Piece {
    fn draw(random: &mut Random, large: bool) -> Self {
        let length = match random.below(32) {
            0..=23 => random.below(5000),
            24..=30 => random.below(100_000),
            _ if large => 4_000_000 + random.below(8_000_000),
            _ => 300_000 + random.below(900_000),
        };
        Self {
            seed: random.next(),
            length: length as usize,
        }
    }

    /// The bytes: one random block again and again, each with its number.
    pub fn bytes(&self) -> Vec<u8> {
        let mut random = Random(self.seed);
        let words = BLOCK_BYTES.min(self.length).div_ceil(8);
        let block: Vec<u8> = (0..words)
            .flat_map(|_| random.next().to_le_bytes())
            .collect();
        let mut bytes = Vec::with_capacity(self.length + BLOCK_BYTES);
        for number in 0..self.length.div_ceil(BLOCK_BYTES) as u64 {
            bytes.extend_from_slice(&block);
            let start = number as usize * BLOCK_BYTES;
            for (byte, mark) in bytes[start..].iter_mut().zip(number.to_le_bytes()) {
                *byte ^= mark;
            }
        }
        bytes.truncate(self.length);
        bytes
    }
}

/// One change, acknowledged as a whole.
#[derive(Clone, Debug)]
pub enum Step {
    /// A file gets new content in one step.
    Write(String, Piece),
    /// Many files appear in one step.
    Import(Vec<(String, Piece)>),
    /// More bytes at the end, in place.
    Append(String, Piece),
    /// A copy, in one step.
    Copy(String, String),
    /// A file gets another name, perhaps another file's.
    Rename(String, String),
    /// Two folders swap.
    Swap(String, String),
    /// A name goes.
    Remove(String),
    /// Several names go.
    RemoveMany(Vec<String>),
}

/// What lies in the lower layer of an overlay.
pub fn base_files() -> Model {
    let mut random = Random(1);
    let mut files = Model::new();
    for folder in FOLDERS {
        for number in 0..NAMES / 2 {
            let piece = Piece::draw(&mut random, false);
            files.insert(format!("{folder}/f{number}"), vec![piece]);
        }
    }
    files
}

/// Every file: its path, and what its content is made of.
pub type Model = BTreeMap<String, Vec<Piece>>;
/// Every file: its path and its bytes.
pub type Files = BTreeMap<String, Vec<u8>>;

/// The bytes of a file of the model.
pub fn content(pieces: &[Piece]) -> Vec<u8> {
    pieces.iter().flat_map(Piece::bytes).collect()
}

/// The same sequence of steps for the same seed, as long as the same ones are accepted.
#[derive(Clone, Debug)]
pub struct Script {
    random: Random,
    focus: Focus,
    large: bool,
    in_parts: bool,
    /// What must be there now.
    pub model: Model,
}

impl Script {
    /// A script from the beginning.
    pub fn new(seed: u64, focus: Focus) -> Self {
        Self {
            random: Random(seed),
            focus,
            large: focus == Focus::Import,
            in_parts: false,
            model: Model::new(),
        }
    }

    /// The same, begun where these files are. An overlay, which has some from the beginning, may do an import in part.
    #[must_use]
    pub fn over(self, base: Model) -> Self {
        Self {
            in_parts: !base.is_empty(),
            model: base,
            ..self
        }
    }

    /// The same, with files of a few kilobytes and now and then a hundred.
    #[must_use]
    pub fn small(self) -> Self {
        Self {
            large: false,
            ..self
        }
    }

    /// The script after `steps` accepted steps.
    #[must_use]
    pub fn after(mut self, steps: usize) -> Self {
        for _ in 0..steps {
            let step = self.draw();
            self.accept(&step);
        }
        self
    }

    /// The next step.
    pub fn draw(&mut self) -> Step {
        let random = &mut self.random;
        let new = |random: &mut Random| {
            let folder = random.one_of(&FOLDERS);
            format!("{folder}/f{}", random.below(NAMES))
        };
        let names: Vec<&String> = self.model.keys().collect();
        if names.is_empty() {
            return Step::Write(new(random), Piece::draw(random, false));
        }
        let old = random.one_of(&names).clone();
        let kind = match (self.focus, random.below(10)) {
            (Focus::Mixed, kind) => kind,
            (Focus::Import, 0..=6) => random.below(2),
            (Focus::Overwrite, 0..=6) => 2 + random.below(3),
            (Focus::Rename, 0..=6) => 5 + random.below(2),
            (Focus::Delete, 0..=5) => 7 + random.below(2),
            (_, kind) => kind,
        };
        match kind {
            0 => {
                let count = 1 + random.below(30);
                let mut files: BTreeMap<String, Piece> = BTreeMap::new();
                for _ in 0..count {
                    files.insert(new(random), Piece::draw(random, false));
                }
                Step::Import(files.into_iter().collect())
            }
            1 | 9 => Step::Write(new(random), Piece::draw(random, self.large)),
            2 => Step::Write(old, Piece::draw(random, false)),
            3 => Step::Append(old, Piece::draw(random, false)),
            4 => Step::Copy(old, new(random)),
            5 => Step::Rename(old, new(random)),
            6 => Step::Swap(
                random.one_of(&FOLDERS).into(),
                random.one_of(&FOLDERS).into(),
            ),
            7 => Step::Remove(old),
            _ => {
                let count = 1 + random.index(names.len().min(10));
                let start = random.index(names.len() - count + 1);
                let some = names.iter().skip(start).take(count);
                Step::RemoveMany(some.map(|name| (*name).clone()).collect())
            }
        }
    }

    /// The step was done.
    pub fn accept(&mut self, step: &Step) {
        apply(&mut self.model, step);
    }

    /// Is `now` what the model says?
    pub fn agrees(&self, now: &Files) -> bool {
        agrees(&self.model, now)
    }

    /// May `now` be there when `step` was interrupted, or failed? One that is no single change may be done in part.
    pub fn explains(&self, step: &Step, now: &Files) -> bool {
        let mut after = self.model.clone();
        apply(&mut after, step);
        match step {
            Step::Append(path, _) => {
                let (Some(found), Some(pieces)) = (now.get(path), after.get(path)) else {
                    return false;
                };
                let mut rest = now.clone();
                rest.insert(path.clone(), content(pieces));
                let least = content(&self.model[path]).len();
                found.len() >= least && content(pieces).starts_with(found) && agrees(&after, &rest)
            }
            Step::RemoveMany(_) => {
                now.keys().all(|path| self.model.contains_key(path))
                    && self.model.iter().all(|(path, pieces)| match now.get(path) {
                        Some(bytes) => *bytes == content(pieces),
                        None => !after.contains_key(path),
                    })
            }
            Step::Import(files) if self.in_parts => {
                let done: Vec<_> = files
                    .iter()
                    .filter(|(path, piece)| now.get(path) == Some(&piece.bytes()))
                    .collect();
                let mut some = self.model.clone();
                some.extend(
                    done.iter()
                        .map(|(path, piece)| (path.clone(), vec![*piece])),
                );
                agrees(&some, now)
            }
            _ => agrees(&self.model, now) || agrees(&after, now),
        }
    }

    /// Takes what is there after a step that failed: none of it, all of it (what failed was the sync after it), or what is allowed of one that is no
    /// single change.
    ///
    /// # Panics
    /// When the step left something else.
    pub fn adopt(&mut self, step: &Step, now: &Files) {
        if agrees(&self.model, now) {
            return;
        }
        let mut after = self.model.clone();
        apply(&mut after, step);
        if agrees(&after, now) {
            // It was done, and only making it durable failed.
            self.model = after;
            return;
        }
        match step {
            Step::RemoveMany(_) if self.explains(step, now) => {
                self.model.retain(|path, _| now.contains_key(path));
            }
            Step::Append(path, piece) if self.explains(step, now) => {
                let before = content(&self.model[path]).len();
                let length = now[path].len() - before;
                // The bytes of a shorter piece are the first of a longer one.
                let cut = Piece { length, ..*piece };
                self.model.get_mut(path).unwrap().push(cut);
            }
            _ => panic!(
                "{step:?} failed and left {:?}, before {:?}",
                sizes(now),
                self.model.keys()
            ),
        }
    }
}

/// The length of every file: what a message can show.
pub fn sizes(files: &Files) -> BTreeMap<&str, usize> {
    let all = files.iter();
    all.map(|(path, bytes)| (path.as_str(), bytes.len()))
        .collect()
}

fn agrees(model: &Model, now: &Files) -> bool {
    model.len() == now.len()
        && model
            .iter()
            .zip(now)
            .all(|((path, pieces), (found, bytes))| {
                let length: usize = pieces.iter().map(|piece| piece.length).sum();
                path == found && length == bytes.len() && content(pieces) == *bytes
            })
}

fn apply(model: &mut Model, step: &Step) {
    match step {
        Step::Write(path, piece) => {
            model.insert(path.clone(), vec![*piece]);
        }
        Step::Import(files) => {
            for (path, piece) in files {
                model.insert(path.clone(), vec![*piece]);
            }
        }
        Step::Append(path, piece) => model.get_mut(path).unwrap().push(*piece),
        Step::Copy(from, to) => {
            let pieces = model[from].clone();
            model.insert(to.clone(), pieces);
        }
        Step::Rename(from, to) => {
            let pieces = model.remove(from).unwrap();
            model.insert(to.clone(), pieces);
        }
        Step::Swap(one, other) => {
            let all = std::mem::take(model);
            model.extend(all.into_iter().map(|(path, pieces)| {
                let (folder, name) = path.rsplit_once('/').unwrap();
                let folder = match folder {
                    it if it == one => other,
                    it if it == other => one,
                    it => it,
                };
                (format!("{folder}/{name}"), pieces)
            }));
        }
        Step::Remove(path) => {
            model.remove(path);
        }
        Step::RemoveMany(paths) => {
            for path in paths {
                model.remove(path);
            }
        }
    }
}

/// Does a step.
///
/// Errors: the first one of the filesystem.
pub fn perform(fs: &FileStorage<Arc<dyn Backend>>, step: &Step) -> Result<()> {
    match step {
        Step::Write(path, piece) => put(fs, path, &piece.bytes()),
        Step::Import(files) => import(&**fs.backend(), files),
        Step::Append(path, piece) => fs.append(path, piece.bytes()),
        Step::Copy(from, to) if from == to => Ok(()),
        Step::Copy(from, to) => fs.copy(from, to).map(drop),
        Step::Rename(from, to) => fs.rename(from, to),
        Step::Swap(one, other) if one == other => Ok(()),
        Step::Swap(one, other) => fs.rename_with(one, other, RenameMode::Exchange),
        Step::Remove(path) => fs.remove_file(path),
        Step::RemoveMany(paths) => {
            let paths: Vec<VPath> = paths.iter().map(|path| VPath::new(path).unwrap()).collect();
            let changes: Vec<Change<'_>> = paths
                .iter()
                .map(|path| Change::Unlink(At::path(path)))
                .collect();
            fs.backend().change_all(&changes).into_iter().collect()
        }
    }
}

/// Gives a file new content in one step: the front door does, but on a host, where it is `std::fs::write`.
///
/// Errors: those of the filesystem.
pub fn put(fs: &FileStorage<Arc<dyn Backend>>, path: &str, bytes: &[u8]) -> Result<()> {
    let place = VPath::new(path)?;
    let capabilities = fs.backend().capabilities(At::path(&place));
    if capabilities.contains(fs_core::Capabilities::ATOMIC_KEEPS_INODE) {
        return fs.write(path, bytes);
    }
    let mut staged = fs.backend().stage(At::path(&place), &NewNode::file())?;
    staged
        .file()
        .expect("a file has content")
        .write_at(bytes, 0)?;
    staged.commit(RenameMode::Replace).map(drop)
}

fn import(backend: &dyn Backend, files: &[(String, Piece)]) -> Result<()> {
    let mut batch = Vec::new();
    for (path, piece) in files {
        let path = VPath::new(path)?;
        let mut staged = backend.stage(At::path(&path), &NewNode::file())?;
        let file = staged.file().expect("a file has content");
        file.write_at(&piece.bytes(), 0)?;
        batch.push((staged, RenameMode::Replace));
    }
    backend
        .commit_all(batch)
        .into_iter()
        .try_for_each(|done| done.map(drop))
}
