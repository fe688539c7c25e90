//! The journal of operations, which a vault of somebody else may bring with it.

use std::sync::{Arc, LazyLock};

use fs_backends::MemoryBackend;
use fs_backends::sqlite::{Durability, VaultOptions};
use fs_core::ops::{
    AttrChange, Decision, Decisions, Engine, Filesystems, FsRef, ModeChange, Monitor, Operation,
    Place, Transfer,
};
use fs_core::{Backend, Control, Error, ErrorKind, FileStorage, Name, Result, VPath};

use super::{catalog, walk};

/// A vault, and memory beside it; nothing else can be opened.
struct Two {
    vault: Arc<dyn Backend>,
    beside: Arc<dyn Backend>,
}

impl Filesystems for Two {
    fn backend(&self, fs: &FsRef) -> Result<Arc<dyn Backend>> {
        match fs.as_str() {
            "vault" => Ok(self.vault.clone()),
            "beside" => Ok(self.beside.clone()),
            _ => Err(Error::new(ErrorKind::NotFound, "open")),
        }
    }
}

fn two() -> (tempfile::TempDir, Two) {
    let folder = crate::folder();
    let path = folder.path().join("v.db");
    std::fs::copy(TEMPLATE.path().join("v.db"), &path).unwrap();
    let vault = VaultOptions::new().durability(Durability::OnSync);
    let two = Two {
        vault: Arc::new(vault.open(&path).unwrap()),
        beside: Arc::new(MemoryBackend::with_limit(64 << 20)),
    };
    (folder, two)
}

static TEMPLATE: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = crate::folder();
    let vault = VaultOptions::new().durability(Durability::OnSync);
    let vault = vault.create(folder.path().join("v.db")).unwrap();
    catalog::fill(&vault);
    folder
});

/// The text of a journal inside a vault: it is taken over, and what was interrupted is finished or undone.
///
/// # Panics
/// When a rule is broken.
pub fn journal(data: &[u8]) {
    let (_folder, two) = two();
    let (vault, beside) = (two.vault.clone(), two.beside.clone());
    let notes = vault.extensions().notes.unwrap();
    notes.append("journal/7", data, false).unwrap();
    let engine = Engine::open(Arc::new(two), None).unwrap();
    let here = FsRef::new("vault");
    if engine.adopt(&here).is_ok() {
        let control = Control::new();
        let monitor = Monitor::silent(&control);
        for pending in engine.pending() {
            if data.len().is_multiple_of(2) {
                drop(engine.finish(pending.id, monitor));
            } else {
                drop(engine.undo(pending.id, monitor));
            }
        }
        for past in engine.history() {
            drop(engine.undo(past.id, monitor));
        }
        engine.release(&here);
    }
    for backend in [&vault, &beside] {
        let errors = walk::walk(backend);
        assert!(errors.is_empty(), "{errors:?}");
    }
    crate::audit::is_sound(&vault, "after a foreign journal");
    vault.close().unwrap();
}

/// Journals as operations leave them: done, and cut off in the middle.
///
/// # Panics
/// When an operation fails.
pub fn journal_seeds() -> Vec<Vec<u8>> {
    let (folder, two) = two();
    FileStorage::new(two.beside.clone())
        .write("/other", "from beside")
        .unwrap();
    let engine = Engine::open(Arc::new(two), Some(folder.path())).unwrap();
    let place = |fs: &str, path: &str| Place::new(FsRef::new(fs), VPath::new(path).unwrap());
    let transfer = |from: Place, into: Place| Transfer {
        sources: vec![from],
        into,
        name: None,
        contents: false,
    };
    let change = AttrChange {
        mode: Some(ModeChange::exactly(0o700)),
        ..AttrChange::default()
    };
    let operations = [
        Operation::Copy(transfer(place("beside", "/other"), place("vault", "/a"))),
        Operation::Move(transfer(place("vault", "/a/b"), place("vault", "/"))),
        Operation::Move(transfer(place("vault", "/b"), place("beside", "/"))),
        Operation::Rename {
            item: place("vault", "/a/small"),
            name: Name::new("large").unwrap(),
        },
        Operation::Trash(vec![place("vault", "/a/large")]),
        Operation::CreateFolder(place("vault", "/new")),
        Operation::SetAttr {
            items: vec![place("vault", "/a")],
            change,
            recursive: true,
        },
        Operation::Delete(vec![place("vault", "/new")]),
    ];
    let control = Control::new();
    let monitor = Monitor::silent(&control);
    for operation in operations {
        let plan = engine.plan(operation, monitor).unwrap();
        let decisions = Decisions::all(Decision::Replace);
        engine.run(&plan, &decisions, monitor).unwrap();
    }
    let mut paths: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "journal"))
        .collect();
    paths.sort();
    let mut seeds = Vec::new();
    for path in paths {
        // What a journal inside a filesystem calls that filesystem.
        let whole = std::fs::read_to_string(path)
            .unwrap()
            .replace("\"vault\"", "\"\"");
        let lines: Vec<_> = whole.split_inclusive('\n').collect();
        seeds.push(lines[..lines.len() - 1].concat().into_bytes());
        seeds.push(whole.into_bytes());
    }
    seeds
}
