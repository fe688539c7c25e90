//! Threads on one overlay: what one holds on to stays in its hands while others move the folders around it, and what is left adds up. No caller brings a
//! lock of its own.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::sync::atomic::{AtomicBool, Ordering};

use fs_core::{
    At, Backend, Change, Error, ErrorKind, NewNode, Node, OpenOptions, RenameMode, Result, SetAttr,
    VPath, Want,
};

use crate::support::{MemOverlay, Shell, Stack, at, dump};

/// SplitMix64 (Steele et al., OOPSLA 2014).
struct Rng(u64);

impl Rng {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((x ^ (x >> 31)) % limit as u64).unwrap()
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

const TOPS: [&str; 5] = ["a", "b", "c", "d", "e"];
const SUBS: [&str; 3] = ["x", "y", "z"];

/// Two levels of folders; each file's content is the path it has at first.
fn base(base: &dyn Backend) {
    for top in &TOPS[..3] {
        base.mkdir(&format!("/{top}"));
        base.put(&format!("/{top}/f"), &format!("/{top}/f"));
        for sub in &SUBS[..2] {
            base.mkdir(&format!("/{top}/{sub}"));
            for file in ["f", "g"] {
                let path = format!("/{top}/{sub}/{file}");
                base.put(&path, &path);
            }
        }
    }
}

/// Every folder, and every file with its content.
fn pins(fs: &MemOverlay) -> (Vec<Node>, Vec<(Node, String)>) {
    let (mut dirs, mut files) = (Vec::new(), Vec::new());
    for (path, item) in dump(fs) {
        let node = fs.pin(At::path(&at(&path))).unwrap();
        if item.metadata.is_dir() {
            dirs.push(node);
        } else {
            files.push((node, String::from_utf8(item.content).unwrap()));
        }
    }
    (dirs, files)
}

/// Folders change their names, their places and each other's.
fn move_folders(fs: &MemOverlay, rng: &mut Rng) {
    let folder = |rng: &mut Rng| match rng.below(2) {
        0 => format!("/{}", rng.of(&TOPS)),
        _ => format!("/{}/{}", rng.of(&TOPS), rng.of(&SUBS)),
    };
    let mode = *rng.of(&[RenameMode::NoReplace, RenameMode::Exchange]);
    if let Err(error) = fs.rename(&folder(rng), &folder(rng), mode) {
        let expected = matches!(
            error.kind(),
            ErrorKind::NotFound | ErrorKind::AlreadyExists | ErrorKind::IntoItself
        );
        assert!(expected, "{error}");
    }
}

/// What a file is called by nobody but who made it.
struct Own {
    dir: usize,
    name: String,
}

fn use_file(fs: &MemOverlay, (node, text): &(Node, String), rng: &mut Rng) -> Result<()> {
    let root = VPath::root();
    let here = At::in_dir(node, &root);
    let name = OsStr::new("user.x");
    let found = fs.stat(here)?;
    assert_eq!((found.id, found.nlink), (node.id(), 1));
    match rng.below(5) {
        0 => fs.change(&Change::SetAttr(here, &SetAttr::mode(0o640)))?,
        1 => fs.change(&Change::SetXattr(here, name, Some(b"value")))?,
        2 => {
            let file = fs.open(here, &OpenOptions::read_write())?;
            file.write_at(text.as_bytes(), 0)?;
        }
        3 => match fs.get_xattr(here, name) {
            Ok(value) => assert_eq!(value, b"value"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::XattrNotFound),
        },
        _ => {}
    }
    let file = fs.open(here, &OpenOptions::read())?;
    let mut read = vec![0; text.len() + 1];
    let len = file.read_at(&mut read, 0)?;
    assert_eq!(&read[..len], text.as_bytes());
    Ok(())
}

/// Makes, moves and removes files of this thread's own in folders that others move.
fn use_folders(
    fs: &MemOverlay,
    dirs: &[Node],
    own: &mut Vec<Own>,
    fresh: String,
    rng: &mut Rng,
) -> Result<()> {
    let dir = rng.below(dirs.len());
    let name = at(&format!("/{fresh}"));
    let place = At::in_dir(&dirs[dir], &name);
    match rng.below(6) {
        0 => fs.change(&Change::Create(place, &NewNode::file()))?,
        1 => drop(
            fs.stage(place, &NewNode::file())?
                .commit(RenameMode::NoReplace)?,
        ),
        2 => drop(fs.open(place, &OpenOptions::create_new(0o600))?),
        3 if !own.is_empty() => {
            let old = own.swap_remove(rng.below(own.len()));
            let from = at(&format!("/{}", old.name));
            fs.change(&Change::Rename {
                from: At::in_dir(&dirs[old.dir], &from),
                to: place,
                mode: RenameMode::NoReplace,
            })?;
        }
        4 if !own.is_empty() => {
            let old = own.swap_remove(rng.below(own.len()));
            let from = at(&format!("/{}", old.name));
            return fs.change(&Change::Unlink(At::in_dir(&dirs[old.dir], &from)));
        }
        _ => {
            let root = VPath::root();
            let listing = fs.list(At::in_dir(&dirs[dir], &root), &Want::metadata())?;
            return fs_core::listing::collect(listing).map(drop);
        }
    }
    own.push(Own { dir, name: fresh });
    Ok(())
}

#[test]
fn what_is_pinned_stays_in_hand_while_others_move_the_folders_around_it() {
    for seed in 0..6 {
        let mut t = Stack::new(|fs| base(fs));
        let (dirs, files) = pins(&t.fs);
        let ended = AtomicBool::new(false);
        let own: Vec<Vec<Own>> = std::thread::scope(|scope| {
            let (fs, dirs, files, ended) = (&t.fs, &dirs, &files, &ended);
            for mover in 0..2 {
                let mut rng = Rng(seed * 100 + mover);
                scope.spawn(move || {
                    while !ended.load(Ordering::Relaxed) {
                        move_folders(fs, &mut rng);
                    }
                });
            }
            let users: Vec<_> = (0..3)
                .map(|user| {
                    scope.spawn(move || {
                        let mut rng = Rng(seed * 100 + 10 + user);
                        let mut own = Vec::new();
                        for step in 0..150 {
                            let fresh = format!("{user} {step}");
                            let used = match rng.below(2) {
                                0 => use_file(fs, rng.of(files), &mut rng),
                                _ => use_folders(fs, dirs, &mut own, fresh, &mut rng),
                            };
                            used.unwrap_or_else(|error| {
                                panic!("seed {seed}, step {step}: {error}")
                            });
                        }
                        own
                    })
                })
                .collect();
            let own: Vec<_> = users.into_iter().map(|user| user.join()).collect();
            ended.store(true, Ordering::Relaxed);
            own.into_iter().map(|own| own.unwrap()).collect()
        });
        for own in own.iter().flatten() {
            let name = at(&format!("/{}", own.name));
            t.fs.stat(At::in_dir(&dirs[own.dir], &name)).unwrap();
        }
        let left = dump(&t.fs);
        let made = own.iter().flatten().count();
        let mut texts: Vec<_> = left
            .values()
            .filter(|item| item.metadata.is_file())
            .collect();
        assert_eq!(texts.len(), files.len() + made, "seed {seed}");
        texts.retain(|item| !item.content.is_empty());
        let mut found: Vec<_> = texts.iter().map(|item| item.content.as_slice()).collect();
        found.sort_unstable();
        let mut wanted: Vec<_> = files.iter().map(|(_, text)| text.as_bytes()).collect();
        wanted.sort_unstable();
        assert_eq!(found, wanted, "seed {seed}");
        drop((dirs, files));
        t.reopen();
        assert_eq!(dump(&t.fs), left, "seed {seed}, opened again");
    }
}

/// Whatever happens to a few names at once.
fn step(fs: &MemOverlay, rng: &mut Rng) -> Result<()> {
    let path = |rng: &mut Rng| {
        let names: Vec<_> = (0..=rng.below(2))
            .map(|_| *rng.of(&["a", "b", "x", "f"]))
            .collect();
        at(&format!("/{}", names.join("/")))
    };
    let (a, b) = (path(rng), path(rng));
    let (from, to) = (At::path(&a), At::path(&b));
    match rng.below(10) {
        0 => fs.change(&Change::Create(from, &NewNode::directory())),
        1 => fs.change(&Change::Create(from, &NewNode::file())),
        2 => fs.change(&Change::Unlink(from)),
        3 => fs.change(&Change::Rmdir(from)),
        4 | 5 => {
            let mode = *rng.of(&[
                RenameMode::Replace,
                RenameMode::NoReplace,
                RenameMode::Exchange,
            ]);
            fs.change(&Change::Rename { from, to, mode })
        }
        6 => fs.change(&Change::Link { from, to }),
        7 => fs.change(&Change::SetAttr(from, &SetAttr::mode(0o700))),
        8 => fs
            .open(from, &OpenOptions::read_write())?
            .write_at(b"text", 0),
        _ => {
            let staged = fs.stage(from, &NewNode::file())?;
            staged.commit(RenameMode::Replace).map(drop)
        }
    }
}

fn may_happen(error: &Error) -> bool {
    use ErrorKind as K;
    matches!(
        error.kind(),
        K::NotFound
            | K::AlreadyExists
            | K::NotADirectory
            | K::IsADirectory
            | K::DirectoryNotEmpty
            | K::IntoItself
            | K::NotPermitted
    )
}

#[test]
fn what_threads_leave_of_the_same_few_names_adds_up() {
    for seed in 0..10 {
        let mut t = Stack::new(|fs| base(fs));
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let fs = &t.fs;
                scope.spawn(move || {
                    let mut rng = Rng(seed * 100 + thread);
                    for _ in 0..300 {
                        if let Err(error) = step(fs, &mut rng) {
                            assert!(may_happen(&error), "seed {seed}: {error}");
                        }
                    }
                });
            }
        });
        let left = dump(&t.fs);
        let mut names: HashMap<_, u64> = HashMap::new();
        for item in left.values().filter(|item| !item.metadata.is_dir()) {
            *names.entry(item.metadata.id).or_default() += 1;
        }
        for (path, item) in left.iter().filter(|(_, item)| !item.metadata.is_dir()) {
            let found = names[&item.metadata.id];
            assert_eq!(found, item.metadata.nlink, "seed {seed}: names of {path}");
        }
        t.reopen();
        let again: BTreeMap<_, _> = dump(&t.fs);
        assert_eq!(again, left, "seed {seed}, opened again");
    }
}
