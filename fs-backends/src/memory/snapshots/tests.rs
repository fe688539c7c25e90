//! Random histories with snapshots: what differs, what is shared and what is saved, against a walk over everything.

mod rules;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsString;
use std::sync::Arc;

use fs_core::extensions::Trash as _;
use fs_core::listing::collect;
use fs_core::snapshots::{ChangeKind, SnapshotUsage};
use fs_core::{
    At, ErrorKind, FileKind, FileStorage, Metadata, Name, OpenOptions, Permissions, RenameMode,
    VPath, Want,
};
use proptest::prelude::*;

use super::super::bytes::CHUNK_BYTES;
use super::super::content::Contents;
use super::*;

#[derive(Clone, Debug)]
enum Step {
    Write(usize, u8, usize),
    WriteInPlace(usize, u64, u8, usize),
    Truncate(usize, u64),
    Folder(usize),
    Link(usize, usize),
    Symlink(usize, usize),
    Copy(usize, usize),
    Rename(usize, usize),
    Exchange(usize, usize),
    Remove(usize),
    Discard(usize),
    BringBack(usize, usize),
    Mode(usize, u32),
    Xattr(usize, u8),
    Snapshot,
    Restore(usize),
    Forget(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let at = || 0usize..PLACES.len();
    let len = || prop_oneof![0usize..9, CHUNK_BYTES - 2..CHUNK_BYTES * 2];
    let step = prop_oneof![
        4 => (at(), 1u8.., len()).prop_map(|(at, byte, len)| Step::Write(at, byte, len)),
        3 => (at(), 0..CHUNK_BYTES as u64 * 3, 1u8.., 1usize..9)
            .prop_map(|(at, offset, byte, len)| Step::WriteInPlace(at, offset, byte, len)),
        1 => (at(), 0..CHUNK_BYTES as u64 * 2).prop_map(|(at, len)| Step::Truncate(at, len)),
        4 => at().prop_map(Step::Folder),
        2 => (at(), at()).prop_map(|(a, b)| Step::Link(a, b)),
        1 => (at(), at()).prop_map(|(a, b)| Step::Symlink(a, b)),
        2 => (at(), at()).prop_map(|(a, b)| Step::Copy(a, b)),
        4 => (at(), at()).prop_map(|(a, b)| Step::Rename(a, b)),
        1 => (at(), at()).prop_map(|(a, b)| Step::Exchange(a, b)),
        2 => at().prop_map(Step::Remove),
        1 => at().prop_map(Step::Discard),
        1 => (at(), at()).prop_map(|(a, b)| Step::BringBack(a, b)),
        1 => (at(), 0u32..0o777).prop_map(|(at, mode)| Step::Mode(at, mode)),
        1 => (at(), 0u8..2).prop_map(|(at, value)| Step::Xattr(at, value)),
        4 => Just(Step::Snapshot),
        1 => (0usize..4).prop_map(Step::Restore),
        1 => (0usize..4).prop_map(Step::Forget),
    ];
    prop::collection::vec(step, 1..60)
}

const PLACES: [&str; 9] = [
    "/a", "/b", "/c", "/a/a", "/a/b", "/b/a", "/b/b", "/a/a/a", "/a/a/b",
];

struct World {
    fs: Arc<MemoryBackend>,
    storage: FileStorage<Arc<MemoryBackend>>,
    taken: usize,
}

impl World {
    fn new() -> Self {
        let fs = Arc::new(MemoryBackend::new());
        Self {
            storage: FileStorage::new(Arc::clone(&fs)),
            fs,
            taken: 0,
        }
    }

    fn nth(&self, number: usize) -> Option<SnapshotId> {
        let all = Snapshots::list(&*self.fs).unwrap();
        all.get(number % all.len().max(1)).map(|it| it.id)
    }

    /// Much of it can't be done where it is tried; then nothing changes.
    fn apply(&mut self, step: &Step) -> fs_core::Result<()> {
        let storage = &self.storage;
        match step {
            Step::Write(at, byte, len) => storage.write(PLACES[*at], vec![*byte; *len]),
            Step::WriteInPlace(at, offset, byte, len) => {
                let path = VPath::new(PLACES[*at])?;
                let file = Backend::open(&*self.fs, At::path(&path), &OpenOptions::read_write())?;
                file.write_at(&vec![*byte; *len], *offset)
            }
            Step::Truncate(at, len) => storage.truncate(PLACES[*at], *len),
            Step::Folder(at) => storage.create_dir(PLACES[*at]),
            Step::Link(a, b) => storage.hard_link(PLACES[*a], PLACES[*b]),
            Step::Symlink(a, b) => storage.symlink(PLACES[*a], PLACES[*b]),
            Step::Copy(a, b) => storage.copy(PLACES[*a], PLACES[*b]).map(drop),
            Step::Rename(a, b) => storage.rename(PLACES[*a], PLACES[*b]),
            Step::Exchange(a, b) => {
                let (a, b) = (VPath::new(PLACES[*a])?, VPath::new(PLACES[*b])?);
                let mode = RenameMode::Exchange;
                self.fs.change(&fs_core::Change::Rename {
                    from: At::path(&a),
                    to: At::path(&b),
                    mode,
                })
            }
            Step::Remove(at) => storage
                .remove_file(PLACES[*at])
                .or_else(|_| storage.remove_dir_all(PLACES[*at])),
            Step::Discard(at) => self.fs.discard(&VPath::new(PLACES[*at])?).map(drop),
            Step::BringBack(number, to) => {
                let items = self.fs.items()?;
                let to = VPath::new(PLACES[*to])?;
                match items.get(number % items.len().max(1)) {
                    Some(item) => fs_core::extensions::Trash::restore(
                        &*self.fs,
                        &item.id,
                        &to,
                        RenameMode::NoReplace,
                    ),
                    None => Ok(()),
                }
            }
            Step::Mode(at, mode) => {
                storage.set_permissions(PLACES[*at], Permissions::from_mode(*mode))
            }
            Step::Xattr(at, value) => storage.set_xattr(PLACES[*at], "user.a", &[*value]),
            Step::Snapshot => {
                self.taken += 1;
                self.fs.take(&self.taken.to_string()).map(drop)
            }
            Step::Restore(number) => match self.nth(*number) {
                Some(id) => {
                    let wanted = see(&*Snapshots::open(&*self.fs, id)?);
                    let was = see(&*self.fs);
                    let before = Snapshots::restore(&*self.fs, id)?;
                    assert!(see(&*self.fs) == wanted);
                    assert!(see(&*Snapshots::open(&*self.fs, before.id)?) == was);
                    Ok(())
                }
                None => Ok(()),
            },
            Step::Forget(number) => match self.nth(*number) {
                Some(id) => Snapshots::delete(&*self.fs, id),
                None => Ok(()),
            },
        }
    }
}

/// All there is to see of a node.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    path: VPath,
    metadata: Metadata,
    bytes: Vec<u8>,
    target: Option<OsString>,
    xattrs: Vec<Vec<u8>>,
}

/// By folder and name; of the root by nothing.
type Tree = BTreeMap<(u64, Option<Name>), Seen>;

fn see(fs: &dyn Backend) -> Tree {
    let mut tree = Tree::new();
    let mut to_see = vec![(0, None, VPath::root())];
    while let Some((dir, name, path)) = to_see.pop() {
        let at = At::path(&path);
        let mut metadata = fs.stat(at).unwrap();
        metadata.id.fs = 0;
        let mut bytes = vec![0; metadata.size as usize];
        match metadata.kind {
            FileKind::Directory => {
                let entries = collect(fs.list(at, &Want::names()).unwrap()).unwrap();
                for entry in entries.iter() {
                    let name = Name::new(entry.name).unwrap();
                    to_see.push((metadata.id.ino, Some(name.clone()), path.join(&name)));
                }
            }
            FileKind::File => {
                let file = fs.open(at, &OpenOptions::read()).unwrap();
                file.read_at(&mut bytes, 0).unwrap();
            }
            _ => {}
        }
        let xattrs = fs.list_xattrs(at).unwrap().into_iter();
        let seen = Seen {
            target: fs.read_link(at).ok(),
            xattrs: xattrs
                .map(|name| fs.get_xattr(at, &name).unwrap())
                .collect(),
            path,
            metadata,
            bytes,
        };
        tree.insert((dir, name), seen);
    }
    tree
}

type Difference = (VPath, ChangeKind, Option<VPath>);

/// What [`Snapshots::diff`] must find, from two whole walks.
fn expected(before: &Tree, after: &Tree) -> Vec<Difference> {
    let one_name = |seen: &Seen| seen.metadata.is_dir() || seen.metadata.nlink <= 1;
    let by_ino = |tree: &Tree| -> HashMap<u64, ((u64, Option<Name>), Seen)> {
        let all = tree.iter();
        all.map(|(key, seen)| (seen.metadata.id.ino, (key.clone(), seen.clone())))
            .collect()
    };
    let (old_nodes, new_nodes) = (by_ino(before), by_ino(after));
    let is_elsewhere = |ino: u64| match (old_nodes.get(&ino), new_nodes.get(&ino)) {
        (Some((_, old)), Some((_, new))) => one_name(old) && one_name(new),
        _ => false,
    };
    let differs = |old: &Seen, new: &Seen| {
        let attributes = |seen: &Seen| (seen.metadata.mode, seen.xattrs.clone());
        let content = |seen: &Seen| (seen.metadata.mtime, seen.bytes.clone());
        attributes(old) != attributes(new) || !old.metadata.is_dir() && content(old) != content(new)
    };
    let mut found = Vec::new();
    for (ino, (new_key, new)) in &new_nodes {
        if !is_elsewhere(*ino) {
            continue;
        }
        let (old_key, old) = &old_nodes[ino];
        if old_key != new_key {
            found.push((new.path.clone(), ChangeKind::Moved, Some(old.path.clone())));
        } else if differs(old, new) {
            found.push((new.path.clone(), ChangeKind::Changed, None));
        }
    }
    let named = |tree: &Tree, key: &(u64, Option<Name>)| -> Option<Seen> {
        let seen = tree.get(key)?;
        (!is_elsewhere(seen.metadata.id.ino)).then(|| seen.clone())
    };
    let keys: HashSet<_> = before.keys().chain(after.keys()).collect();
    for key in keys {
        match (named(before, key), named(after, key)) {
            (Some(old), Some(new)) if old.metadata.id == new.metadata.id => {
                if differs(&old, &new) {
                    found.push((new.path, ChangeKind::Changed, None));
                }
            }
            (Some(_), Some(new)) => found.push((new.path, ChangeKind::Changed, None)),
            (Some(old), None) => found.push((old.path, ChangeKind::Removed, None)),
            (None, Some(new)) => found.push((new.path, ChangeKind::Added, None)),
            (None, None) => {}
        }
    }
    found.sort_by(|a, b| (&a.0, a.1 as u8, &a.2).cmp(&(&b.0, b.1 as u8, &b.2)));
    found
}

fn moments(fs: &MemoryBackend) -> Vec<(Moment, Tree)> {
    let all = Snapshots::list(fs).unwrap().into_iter();
    let mut moments: Vec<_> = all
        .map(|it| {
            (
                Moment::Snapshot(it.id),
                see(&*Snapshots::open(fs, it.id).unwrap()),
            )
        })
        .collect();
    moments.push((Moment::Now, see(fs)));
    moments
}

fn check_diffs(fs: &MemoryBackend) {
    let moments = moments(fs);
    for (from, before) in &moments {
        for (to, after) in &moments {
            let changes = fs.diff(*from, *to, &Control::new()).unwrap();
            let mut found: Vec<Difference> = changes
                .iter()
                .map(|it| (it.path.clone(), it.kind(), it.moved_from.clone()))
                .collect();
            found.sort_by(|a, b| (&a.0, a.1 as u8, &a.2).cmp(&(&b.0, b.1 as u8, &b.2)));
            assert_eq!(found, expected(before, after), "{from:?} to {to:?}");
        }
    }
}

/// The same as [`usage::usage`], chunk by chunk.
fn counted(moments: &[&Contents]) -> (Vec<SnapshotUsage>, u64) {
    let none = Contents::default();
    let chunks: Vec<HashMap<usize, u64>> = moments
        .iter()
        .map(|contents| {
            let all = none.diff(contents).filter_map(|(_, _, bytes)| bytes);
            all.flat_map(|bytes| bytes.chunks())
                .map(|(_, chunk)| (chunk.address(), chunk.len() as u64))
                .collect()
        })
        .collect();
    let usage = chunks.iter().enumerate().map(|(moment, own)| {
        let is_shared = |chunk: &usize| {
            let mut others = chunks.iter().enumerate();
            others.any(|(other, chunks)| other != moment && chunks.contains_key(chunk))
        };
        let sum = |shared: bool| {
            let mine = own.iter().filter(|(chunk, _)| is_shared(chunk) == shared);
            mine.map(|(_, bytes)| bytes).sum::<u64>()
        };
        SnapshotUsage {
            content_bytes: own.values().sum(),
            own_bytes: sum(false),
            shared_bytes: sum(true),
        }
    });
    let all: HashMap<usize, u64> = chunks.iter().flatten().map(|(a, b)| (*a, *b)).collect();
    (usage.collect(), all.values().sum())
}

fn check_usage(fs: &MemoryBackend) -> SnapshotsUsage {
    let usage = Snapshots::usage(fs).unwrap();
    let now = fs.store().settled_image();
    let kept = fs.store().kept();
    let images = kept.all().iter().map(|it| &it.image.contents);
    let contents: Vec<&Contents> = images.chain([&now.contents]).collect();
    let (mut all, total_bytes) = counted(&contents);
    assert_eq!(Some(usage.now), all.pop());
    let snapshots: Vec<SnapshotUsage> = usage.snapshots.iter().map(|(_, usage)| *usage).collect();
    assert_eq!((snapshots, usage.total_bytes), (all, total_bytes));
    usage
}

/// Saved and loaded, it is the same to the last shared chunk; without `exact`, content may be shared that was not.
fn check_saved(fs: &MemoryBackend) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.mem");
    fs.save_to(&file).unwrap();
    assert!(!fs.is_modified());
    let loaded = MemoryBackend::load_from(&file).unwrap();
    assert!(!loaded.is_modified());
    assert_eq!(
        Snapshots::list(&loaded).unwrap(),
        Snapshots::list(fs).unwrap()
    );
    assert!(moments(&loaded) == moments(fs));
    assert_eq!(check_usage(&loaded), Snapshots::usage(fs).unwrap());
    check_diffs(&loaded);
    let again = folder.path().join("again.mem");
    loaded.save_to(&again).unwrap();
    let again = MemoryBackend::load_from(&again).unwrap();
    assert!(moments(&again) == moments(fs));
    assert_eq!(check_usage(&again), Snapshots::usage(fs).unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn histories_are_told_counted_and_saved_as_they_were(steps in steps()) {
        let mut world = World::new();
        for step in &steps {
            world.apply(step).ok();
        }
        check_diffs(&world.fs);
        check_usage(&world.fs);
        check_saved(&world.fs);
    }
}
