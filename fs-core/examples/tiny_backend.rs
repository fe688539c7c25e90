//! A backend of a third party: a tree in memory. The four required methods and `change`; it passes level 1 of the conformance suite.

use std::{collections::BTreeMap, sync::atomic::*};

use fs_core::{ErrorKind::*, listing::Ready, *};
use parking_lot::Mutex;

type Entries = BTreeMap<Name, Node>;

enum Node {
    File(Buffer),
    Dir(Metadata, Entries),
}

/// The root, locked while it is used.
pub struct TinyBackend(Mutex<Node>);

pub(crate) fn tiny_backend() -> TinyBackend {
    TinyBackend(Mutex::new(Node::new(&NewNode::directory())))
}

fn error(kind: ErrorKind) -> Error {
    Error::new(kind, "tiny")
}

fn check(holds: bool, otherwise: ErrorKind) -> Result<()> {
    holds.then_some(()).ok_or_else(|| error(otherwise))
}

impl Node {
    fn new(new: &NewNode) -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let (ino, kind) = (LAST.fetch_add(1, Ordering::Relaxed), new.kind.kind());
        let meta = Metadata::new(FileId { fs: 0, ino }, kind, new.mode, Time::now());
        match new.kind {
            NewKind::Directory => Self::Dir(meta, Entries::new()),
            _ => Self::File(Buffer::new(meta, Vec::new())),
        }
    }

    fn find(&mut self, path: &VPath) -> Result<&mut Self> {
        path.names().try_fold(self, |node, name| {
            node.entries()?.get_mut(&name).ok_or(error(NotFound))
        })
    }

    /// What holds the last name of a path, and the name.
    fn slot(&mut self, path: &VPath) -> Result<(&mut Entries, Name)> {
        let (parent, name) = path.split_last().ok_or_else(|| error(IsRoot))?;
        Ok((self.find(&parent)?.entries()?, name))
    }

    fn entries(&mut self) -> Result<&mut Entries> {
        match self {
            Self::Dir(_, entries) => Ok(entries),
            Self::File(_) => Err(error(NotADirectory)),
        }
    }

    fn file(&self) -> Result<&Buffer> {
        match self {
            Self::Dir(..) => Err(error(IsADirectory)),
            Self::File(file) => Ok(file),
        }
    }

    fn metadata(&self) -> Result<Metadata> {
        match self {
            Self::Dir(metadata, _) => Ok(*metadata),
            Self::File(file) => file.metadata(),
        }
    }
}

impl Backend for TinyBackend {
    fn capabilities(&self, _: At<'_>) -> Capabilities {
        Capabilities::WRITE | Capabilities::CASE_SENSITIVE | Capabilities::RAW_NAMES
    }

    fn stat(&self, at: At<'_>) -> Result<Metadata> {
        self.0.lock().find(at.path)?.metadata()
    }

    fn list(&self, at: At<'_>, _: &Want) -> Result<Box<dyn Listing>> {
        let mut batch = EntryBatch::new();
        for (name, node) in self.0.lock().find(at.path)?.entries()? {
            let meta = node.metadata()?;
            batch.push(name.as_ref(), meta.kind, meta.id.ino, Some(meta));
        }
        Ok(Box::new(Ready::new(batch)))
    }

    fn open(&self, at: At<'_>, how: &OpenOptions) -> Result<Box<dyn File>> {
        check(!at.path.is_root(), IsADirectory)?;
        let mut root = self.0.lock();
        let (dir, name) = root.slot(at.path)?;
        let (taken, create) = (dir.contains_key(&name), how.create || how.create_new);
        check(!(taken && how.create_new), AlreadyExists)?;
        check(taken || create, NotFound)?;
        let made = || Node::new(&NewNode::file().with_mode(how.mode));
        let file = dir.entry(name).or_insert_with(made).file()?.clone();
        if how.truncate {
            file.set_len(0)?;
        }
        Ok(Box::new(file))
    }

    fn change(&self, change: &Change<'_>) -> Result<()> {
        let (mut root, path) = (self.0.lock(), change.at().path);
        if let Change::Create(_, new) = *change {
            let (dir, name) = root.slot(path)?;
            check(!dir.contains_key(&name), AlreadyExists)?;
            check(!matches!(new.kind, NewKind::Symlink(_)), Unsupported)?;
            dir.insert(name, Node::new(new));
            return Ok(());
        }
        let is_dir = root.find(path)?.entries().is_ok();
        match *change {
            Change::Rmdir(_) => check(root.find(path)?.entries()?.is_empty(), DirectoryNotEmpty)?,
            Change::Unlink(_) => drop(root.find(path)?.file()?),
            Change::SetAttr(_, attr) => {
                let size = attr.size.ok_or_else(|| error(Unsupported))?;
                return root.find(path)?.file()?.set_len(size);
            }
            Change::Rename { to, mode, .. } => {
                check(mode == RenameMode::Replace, Unsupported)?;
                if path == to.path {
                    return Ok(());
                }
                check(!to.path.starts_with(path), IntoItself)?;
                let (dir, name) = root.slot(to.path)?;
                if let Some(old) = dir.get_mut(&name) {
                    check(is_dir || old.file().is_ok(), IsADirectory)?;
                    check(!is_dir || old.entries()?.is_empty(), DirectoryNotEmpty)?;
                }
            }
            _ => check(false, Unsupported)?,
        }
        let node = root.slot(path).map(|(dir, name)| dir.remove(&name))?;
        if let (Change::Rename { to, .. }, Some(node)) = (change, node) {
            let (dir, name) = root.slot(to.path)?;
            dir.insert(name, node);
        }
        Ok(())
    }
}

pub(crate) fn main() -> Result<()> {
    FileStorage::new(tiny_backend()).write("/note.txt", "It works.")
}
