//! Reading again: nothing that a backend remembers of what was read before hides a change.

use std::collections::BTreeMap;
use std::ffi::OsStr;

use super::check::{Failure, Rng, ensure, same, vpath};
use super::{Case, Check, Fixture, Level};
use crate::backend::{At, Want};
use crate::control::Control;
use crate::error::Result;
use crate::extensions::Wanted;
use crate::listing::collect;
use crate::metadata::FileKind;
use crate::path::{Name, VPath};

/// What a tree holds: path and whether it is a folder.
type Tree = BTreeMap<VPath, bool>;

pub(super) const CASES: &[Case] = &[
    Case::new(
        Level::Two,
        "AG01",
        "listing, stat and search see every change at once",
        |t| {
            let mut rng = Rng(20);
            let mut model = Tree::from([(VPath::root(), true)]);
            for round in 0..t.scale(60, 1_000) {
                change(t, &mut model, &mut rng, round)?;
                let mut expected = model.clone();
                expected.remove(&VPath::root());
                for _ in 0..2 {
                    same(walked(t)?, expected.clone())?;
                    searched(t, &expected, "")?;
                    searched(t, &expected, "1")?;
                }
            }
            Ok(())
        },
    ),
    Case::new(
        Level::Threads,
        "AG02",
        "who changed something sees it, whatever others do",
        |t| {
            t.fs.create_dir("/d")?;
            std::thread::scope(|scope| {
                let threads = (0..4).map(|thread| scope.spawn(move || own_changes(t, thread)));
                let threads: Vec<_> = threads.collect();
                threads.into_iter().try_for_each(|thread| {
                    let panicked = |_| Err(Failure::from("a thread panicked".to_owned()));
                    thread.join().unwrap_or_else(panicked)
                })
            })
        },
    ),
];

fn change(t: &Fixture, model: &mut Tree, rng: &mut Rng, round: usize) -> Check {
    let pick = |rng: &mut Rng, model: &Tree, folder: bool| -> Option<VPath> {
        let fit = model.iter().filter(|(_, is_folder)| !folder || **is_folder);
        let fit: Vec<_> = fit.map(|(path, _)| path.clone()).collect();
        let at = rng.below(fit.len() as u64);
        fit.get(usize::try_from(at).unwrap_or(0)).cloned()
    };
    let Some(folder) = pick(rng, model, true) else {
        return Ok(());
    };
    let new = folder.join(&Name::new(format!("entry {round}"))?);
    match rng.below(6) {
        0 | 1 => {
            t.fs.create_dir(new.as_path())?;
            model.insert(new, true);
        }
        2 | 3 => {
            t.fs.write(new.as_path(), format!("{round}"))?;
            model.insert(new, false);
        }
        4 => {
            let Some(old) = pick(rng, model, false).filter(|old| !old.is_root()) else {
                return Ok(());
            };
            if new.starts_with(&old) {
                return Ok(());
            }
            t.fs.rename(old.as_path(), new.as_path())?;
            let moved = std::mem::take(model).into_iter().map(|(path, is_folder)| {
                let rest = path.strip_prefix(&old);
                (rest.map_or(path, |rest| new.append(&rest)), is_folder)
            });
            *model = moved.collect();
        }
        _ => {
            let Some(old) = pick(rng, model, false).filter(|old| !old.is_root()) else {
                return Ok(());
            };
            match model.get(&old) {
                Some(true) => t.fs.remove_dir_all(old.as_path())?,
                _ => t.fs.remove_file(old.as_path())?,
            }
            model.retain(|path, _| !path.starts_with(&old));
        }
    }
    Ok(())
}

/// Everything that listings show; what they say of an entry must be what `stat` says.
fn walked(t: &Fixture) -> Result<Tree, Failure> {
    let (mut tree, mut todo) = (Tree::new(), vec![VPath::root()]);
    while let Some(folder) = todo.pop() {
        let names = collect(t.backend.list(At::path(&folder), &Want::names())?)?;
        let entries = collect(t.backend.list(At::path(&folder), &Want::metadata())?)?;
        same(names.len(), entries.len())?;
        for entry in entries.iter() {
            let path = folder.join(&Name::new(entry.name)?);
            let found = t.backend.stat(At::path(&path))?;
            ensure(
                found.kind == entry.kind
                    && entry.metadata.is_some_and(|listed| {
                        (listed.id, listed.size, listed.nlink)
                            == (found.id, found.size, found.nlink)
                    }),
                format!("{path:?} is listed as {entry:?}, and is {found:?}"),
            )?;
            if found.is_dir() {
                todo.push(path.clone());
            }
            tree.insert(path, found.is_dir());
        }
    }
    Ok(tree)
}

/// Looks in every folder for names that contain `part`.
fn searched(t: &Fixture, tree: &Tree, part: &str) -> Check {
    let Some(search) = t.backend.extensions().search else {
        return Ok(());
    };
    let fits = |name: &OsStr| name.to_str().is_some_and(|name| name.contains(part));
    let root = VPath::root();
    let folders = tree.iter().filter(|(_, is_folder)| **is_folder);
    for folder in folders.map(|(path, _)| path).chain([&root]) {
        let wanted = Wanted {
            contains: part.as_bytes(),
            fits: &|name, _| fits(name),
        };
        let mut found = Tree::new();
        search.search(folder, &wanted, &Control::new(), &mut |path, kind| {
            found.insert(path, kind == FileKind::Directory);
            Ok(())
        })?;
        let below = tree.iter().filter(|(path, _)| {
            let last = path.as_split_last();
            path.starts_with(folder) && *path != folder && last.is_some_and(|(_, name)| fits(name))
        });
        same(
            found,
            below
                .map(|(path, it)| (path.clone(), *it))
                .collect::<Tree>(),
        )?;
    }
    Ok(())
}

fn own_changes(t: &Fixture, thread: usize) -> Check {
    let folder = vpath("/d")?;
    let listed = |name: &str| -> Result<bool, Failure> {
        let entries = collect(t.backend.list(At::path(&folder), &Want::metadata())?)?;
        Ok(entries.iter().any(|entry| entry.name == name))
    };
    for round in 0..t.scale(20, 300) {
        let name = format!("{thread}-{round}");
        let (path, renamed) = (format!("/d/{name}"), format!("/d/renamed {name}"));
        t.fs.write(&path, &name)?;
        ensure(listed(&name)?, "what was written is not listed")?;
        same(t.fs.read(&path)?, name.as_bytes())?;
        t.fs.append(&path, "+")?;
        same(t.fs.metadata(&path)?.size, name.len() as u64 + 1)?;
        same(t.fs.read(&path)?, format!("{name}+").as_bytes())?;
        t.fs.rename(&path, &renamed)?;
        ensure(!listed(&name)?, "what was renamed is listed as before")?;
        ensure(!t.fs.exists(&path)?, "what was renamed has its old name")?;
        same(t.fs.read(&renamed)?, format!("{name}+").as_bytes())?;
        t.fs.remove_file(&renamed)?;
        ensure(!t.fs.exists(&renamed)?, "what was removed is there")?;
    }
    Ok(())
}
