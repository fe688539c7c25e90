//! Random sequences of everything at once (handles, drafts, copies, snapshots, trash) against a plain model of the bytes, and an audit of what is left.

use std::collections::HashMap;

use fs_core::extensions::{Trash as _, TrashItem};
use fs_core::{
    At, Backend, Change, Control, ErrorKind, File, FileId, FileKind, Name, NewNode, OpenOptions,
    RenameMode, Result, SetAttr, Staged, VPath, Want, listing,
};
use proptest::prelude::*;

use crate::MemoryBackend;

#[derive(Clone, Debug)]
enum Step {
    Make(usize, bool),
    Link(usize, usize),
    Rename(usize, usize, u8),
    Remove(usize),
    Open(usize),
    Write(usize, u64, u8, usize),
    Append(usize, u8, usize),
    Resize(usize, u64),
    ResizeByPath(usize, u64),
    Close(usize),
    Stage(usize, u8, usize),
    StageCopy(usize, usize),
    StageTree(usize),
    Commit(usize, u8),
    Abort(usize),
    Discard(usize),
    Restore(usize, usize),
    Purge(usize),
    SnapshotAndGoBack,
}

fn step() -> impl Strategy<Value = Step> {
    let at = || 0usize..6;
    let len = || prop_oneof![0usize..3, 65_534usize..65_538];
    let offset = || prop_oneof![0u64..3, 65_534u64..65_538];
    prop_oneof![
        3 => (at(), any::<bool>()).prop_map(|(a, dir)| Step::Make(a, dir)),
        2 => (at(), at()).prop_map(|(a, b)| Step::Link(a, b)),
        4 => (at(), at(), 0u8..4).prop_map(|(a, b, mode)| Step::Rename(a, b, mode)),
        2 => at().prop_map(Step::Remove),
        4 => at().prop_map(Step::Open),
        4 => (at(), offset(), 1u8.., len()).prop_map(|(a, at, byte, len)| Step::Write(a, at, byte, len)),
        2 => (at(), 1u8.., len()).prop_map(|(a, byte, len)| Step::Append(a, byte, len)),
        2 => (at(), offset()).prop_map(|(a, len)| Step::Resize(a, len)),
        2 => (at(), offset()).prop_map(|(a, len)| Step::ResizeByPath(a, len)),
        1 => at().prop_map(Step::Close),
        3 => (at(), 1u8.., len()).prop_map(|(a, byte, len)| Step::Stage(a, byte, len)),
        3 => (at(), at()).prop_map(|(a, b)| Step::StageCopy(a, b)),
        1 => at().prop_map(Step::StageTree),
        5 => (at(), 0u8..4).prop_map(|(a, mode)| Step::Commit(a, mode)),
        1 => at().prop_map(Step::Abort),
        1 => at().prop_map(Step::Discard),
        1 => (at(), at()).prop_map(|(a, b)| Step::Restore(a, b)),
        1 => at().prop_map(Step::Purge),
        1 => Just(Step::SnapshotAndGoBack),
    ]
}

/// Six places: three names in the root, and three in the folder that the first of them may be.
fn place(number: usize) -> VPath {
    let text = match number {
        0..3 => format!("/{number}"),
        _ => format!("/0/{}", number % 3),
    };
    VPath::new(text).unwrap()
}

fn mode(number: u8) -> RenameMode {
    use RenameMode as M;
    [M::Replace, M::NoReplace, M::Exchange, M::LeaveWhiteout][usize::from(number)]
}

/// What a handle must read: shared by all handles of one version of a file.
type Version = usize;

/// With the version it makes, and the file it is a copy of.
type Draft = (Box<dyn Staged>, Option<Version>, Option<FileId>);

struct World {
    fs: MemoryBackend,
    /// The bytes of every version of a file there ever was.
    versions: Vec<Vec<u8>>,
    /// The version a node has now.
    current: HashMap<FileId, Version>,
    handles: Vec<(Box<dyn File>, Version)>,
    drafts: Vec<Draft>,
}

impl World {
    fn stat(&self, at: &VPath) -> Result<fs_core::Metadata> {
        self.fs.stat(At::path(at))
    }

    fn version(&mut self, bytes: Vec<u8>) -> Version {
        self.versions.push(bytes);
        self.versions.len() - 1
    }

    /// The version of the file at `at`.
    fn version_at(&self, at: &VPath) -> Option<Version> {
        let metadata = self.stat(at).ok()?;
        self.current.get(&metadata.id).copied()
    }

    fn bytes(&mut self, version: Version) -> &mut Vec<u8> {
        &mut self.versions[version]
    }

    fn write(&mut self, version: Version, offset: usize, byte: u8, len: usize) {
        if len > 0 {
            let bytes = self.bytes(version);
            let end = bytes.len().max(offset + len);
            bytes.resize(end, 0);
            bytes[offset..offset + len].fill(byte);
        }
    }

    fn handle(&self, number: usize) -> Option<&(Box<dyn File>, Version)> {
        self.handles.get(number % self.handles.len().max(1))
    }

    fn item(&self, number: usize) -> Option<TrashItem> {
        let items = self.fs.items().unwrap();
        items.get(number % items.len().max(1)).cloned()
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Make(at, true) => {
                let at = place(at);
                self.fs
                    .change(&Change::Create(At::path(&at), &NewNode::directory()))
                    .ok();
            }
            Step::Make(at, false) => {
                let at = place(at);
                if self
                    .fs
                    .change(&Change::Create(At::path(&at), &NewNode::file()))
                    .is_ok()
                {
                    let version = self.version(Vec::new());
                    self.current.insert(self.stat(&at).unwrap().id, version);
                }
            }
            Step::Link(from, to) => {
                let (from, to) = (place(from), place(to));
                self.fs
                    .change(&Change::Link {
                        from: At::path(&from),
                        to: At::path(&to),
                    })
                    .ok();
            }
            Step::Rename(from, to, how) => {
                let (from, to) = (place(from), place(to));
                let mode = mode(how);
                self.fs
                    .change(&Change::Rename {
                        from: At::path(&from),
                        to: At::path(&to),
                        mode,
                    })
                    .ok();
            }
            Step::Remove(at) => {
                let at = place(at);
                if self.fs.change(&Change::Unlink(At::path(&at))).is_err() {
                    self.fs.change(&Change::Rmdir(At::path(&at))).ok();
                }
            }
            Step::Open(at) => {
                let at = place(at);
                if let Ok(handle) = self.fs.open(At::path(&at), &OpenOptions::read_write()) {
                    let version = self.version_at(&at).unwrap();
                    self.handles.push((handle, version));
                }
            }
            Step::Write(handle, offset, byte, len) => {
                if let Some((handle, version)) = self.handle(handle) {
                    handle.write_at(&vec![byte; len], offset).unwrap();
                    self.write(*version, offset as usize, byte, len);
                }
            }
            Step::Append(handle, byte, len) => {
                if let Some((handle, version)) = self.handle(handle) {
                    let version = *version;
                    let landed = handle.append(&vec![byte; len]).unwrap();
                    assert_eq!(landed, self.versions[version].len() as u64);
                    self.write(version, landed as usize, byte, len);
                }
            }
            Step::Resize(handle, len) => {
                if let Some((handle, version)) = self.handle(handle) {
                    handle.set_len(len).unwrap();
                    let version = *version;
                    self.bytes(version).resize(len as usize, 0);
                }
            }
            Step::ResizeByPath(at, len) => {
                let at = place(at);
                let change = SetAttr::size(len);
                if self
                    .fs
                    .change(&Change::SetAttr(At::path(&at), &change))
                    .is_ok()
                {
                    let version = self.version_at(&at).unwrap();
                    self.bytes(version).resize(len as usize, 0);
                }
            }
            Step::Close(handle) if !self.handles.is_empty() => {
                self.handles.swap_remove(handle % self.handles.len());
            }
            Step::Stage(at, byte, len) => {
                if let Ok(mut staged) = self.fs.stage(At::path(&place(at)), &NewNode::file()) {
                    staged
                        .file()
                        .unwrap()
                        .write_at(&vec![byte; len], 0)
                        .unwrap();
                    let version = self.version(vec![byte; len]);
                    self.drafts.push((staged, Some(version), None));
                }
            }
            Step::StageCopy(from, to) => {
                let from = place(from);
                let Ok(mut staged) = self.fs.stage(At::path(&place(to)), &NewNode::file()) else {
                    return;
                };
                if staged.fill_from(At::path(&from), &Control::new()).is_ok() {
                    let bytes = self.versions[self.version_at(&from).unwrap()].clone();
                    let version = self.version(bytes);
                    let source = self.stat(&from).unwrap().id;
                    self.drafts.push((staged, Some(version), Some(source)));
                }
            }
            Step::StageTree(at) => {
                if let Ok(staged) = self.fs.stage(At::path(&place(at)), &NewNode::directory()) {
                    let (dir, inside) = (staged.node().unwrap(), place(1));
                    let inside = At::in_dir(&dir, &inside);
                    self.fs
                        .change(&Change::Create(inside, &NewNode::file()))
                        .unwrap();
                    let version = self.version(Vec::new());
                    self.current
                        .insert(self.fs.stat(inside).unwrap().id, version);
                    self.drafts.push((staged, None, None));
                }
            }
            Step::Commit(draft, how) if !self.drafts.is_empty() => {
                let (staged, version, source) = self.drafts.swap_remove(draft % self.drafts.len());
                match (staged.commit(mode(how)), version) {
                    (Ok(id), Some(version)) => {
                        let before = self.current.insert(id, version);
                        // A copy in the place of its own source may be no change of content, and then the handles go on with it.
                        if source == Some(id) {
                            self.handles.retain(|(_, version)| Some(*version) != before);
                        }
                    }
                    (Ok(_), None) => {}
                    (Err(error), _) => assert_ne!(error.kind(), ErrorKind::Corrupted, "{error}"),
                }
            }
            Step::Abort(draft) if !self.drafts.is_empty() => {
                self.drafts.swap_remove(draft % self.drafts.len());
            }
            Step::Discard(at) => drop(self.fs.discard(&place(at))),
            Step::Restore(item, to) => {
                if let Some(item) = self.item(item) {
                    fs_core::extensions::Trash::restore(
                        &self.fs,
                        &item.id,
                        &place(to),
                        RenameMode::Replace,
                    )
                    .ok();
                }
            }
            Step::Purge(item) => {
                if let Some(item) = self.item(item) {
                    self.fs.purge(&item.id).unwrap();
                }
            }
            Step::SnapshotAndGoBack => {
                let snapshot = self.fs.clone();
                let scratch = place(0);
                self.fs
                    .change(&Change::Create(At::path(&scratch), &NewNode::file()))
                    .ok();
                self.fs.discard(&scratch).ok();
                self.fs.restore(&snapshot).unwrap();
                self.check_tree(&snapshot, false);
            }
            Step::Close(_) | Step::Commit(..) | Step::Abort(_) => {}
        }
    }

    /// Every handle and every name reads what the model says.
    fn check(&self) {
        for (handle, version) in &self.handles {
            assert_bytes(&**handle, &self.versions[*version], "an open handle");
        }
        self.check_tree(&self.fs, true);
    }

    fn check_tree(&self, fs: &MemoryBackend, same_ids: bool) {
        let mut names: HashMap<FileId, (u64, u64)> = HashMap::new();
        let mut to_see = vec![VPath::root()];
        while let Some(path) = to_see.pop() {
            let entries =
                listing::collect(fs.list(At::path(&path), &Want::metadata()).unwrap()).unwrap();
            let mut subdirs = 0;
            for entry in entries.iter() {
                let path = path.join(&Name::new(entry.name).unwrap());
                let metadata = fs.stat(At::path(&path)).unwrap();
                assert_eq!(entry.metadata, Some(&metadata), "{path:?}");
                match metadata.kind {
                    FileKind::Directory => {
                        subdirs += 1;
                        to_see.push(path);
                    }
                    FileKind::File => {
                        let names = names.entry(metadata.id).or_insert((0, metadata.nlink));
                        names.0 += 1;
                        if same_ids {
                            let file = fs.open(At::path(&path), &OpenOptions::read()).unwrap();
                            let version = self.current[&metadata.id];
                            assert_bytes(&*file, &self.versions[version], &path.display());
                        }
                    }
                    _ => {}
                }
            }
            assert_eq!(
                fs.stat(At::path(&path)).unwrap().nlink,
                2 + subdirs,
                "{path:?}"
            );
        }
        if fs.items().unwrap().is_empty() {
            assert!(names.values().all(|(names, nlink)| names == nlink));
        }
    }
}

fn assert_bytes(file: &dyn File, expected: &[u8], what: &str) {
    let metadata = file.metadata().unwrap();
    assert_eq!(metadata.size, expected.len() as u64, "size of {what}");
    let mut bytes = vec![1; expected.len()];
    assert_eq!(file.read_at(&mut bytes, 0).unwrap(), expected.len());
    assert!(bytes == expected, "bytes of {what}");
}

/// When all is closed, nothing but the tree and the trash is left: what is saved and loaded again counts the same.
fn assert_nothing_leaks(fs: &MemoryBackend) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.mem");
    fs.save_to(&file).unwrap();
    let loaded = MemoryBackend::load_from(&file).unwrap();
    let space = |fs: &MemoryBackend| {
        let extensions = fs.extensions();
        extensions
            .space
            .unwrap()
            .space(At::path(&VPath::root()))
            .unwrap()
    };
    assert_eq!(space(fs), space(&loaded));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn any_sequence_reads_as_the_model_says_and_leaks_nothing(steps in prop::collection::vec(step(), 1..60)) {
        let fs = MemoryBackend::new();
        let mut world = World {
            fs,
            versions: Vec::new(),
            current: HashMap::new(),
            handles: Vec::new(),
            drafts: Vec::new(),
        };
        world.run(&Step::Make(0, true));
        (1..5).for_each(|file| world.run(&Step::Make(file, false)));
        for step in &steps {
            world.run(step);
            world.check();
        }
        world.handles.clear();
        world.drafts.clear();
        world.check();
        assert_nothing_leaks(&world.fs);
    }
}
