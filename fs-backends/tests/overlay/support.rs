//! Short words for what the tests do, and a dump of a whole tree to compare.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::sync::Arc;

use fs_backends::MemoryBackend;
use fs_core::{
    At, Backend, Capabilities, Change, ErrorKind, FileKind, Metadata, NewNode, OpenOptions,
    Overlay, RenameMode, Result, SetAttr, VPath, Want,
};

/// A path.
pub fn at(path: &str) -> VPath {
    VPath::new(path).unwrap()
}

/// Any backend, in words of the shell.
pub trait Shell: Backend {
    fn put(&self, path: &str, text: &str) {
        let how = OpenOptions {
            truncate: true,
            create: true,
            ..OpenOptions::read_write()
        };
        let file = self.open(At::path(&at(path)), &how).unwrap();
        file.write_at(text.as_bytes(), 0).unwrap();
    }
    fn cat(&self, path: &str) -> String {
        let file = self
            .open(At::path(&at(path)), &OpenOptions::read())
            .unwrap();
        let mut text = vec![0; usize::try_from(file.metadata().unwrap().size).unwrap()];
        let read = file.read_at(&mut text, 0).unwrap();
        assert_eq!(read, text.len());
        String::from_utf8(text).unwrap()
    }
    fn create(&self, path: &str, new: &NewNode) -> Result<()> {
        self.change(&Change::Create(At::path(&at(path)), new))
    }
    fn mkdir(&self, path: &str) {
        self.create(path, &NewNode::directory()).unwrap();
    }
    fn unlink(&self, path: &str) -> Result<()> {
        self.change(&Change::Unlink(At::path(&at(path))))
    }
    fn rmdir(&self, path: &str) -> Result<()> {
        self.change(&Change::Rmdir(At::path(&at(path))))
    }
    /// Removes `path` with all below it.
    fn rm_r(&self, path: &str) {
        if self.meta(path).is_dir() {
            for name in self.ls(path) {
                self.rm_r(&format!("{}/{name}", path.trim_end_matches('/')));
            }
            self.rmdir(path).unwrap();
        } else {
            self.unlink(path).unwrap();
        }
    }
    fn rename(&self, from: &str, to: &str, mode: RenameMode) -> Result<()> {
        self.change(&Change::Rename {
            from: At::path(&at(from)),
            to: At::path(&at(to)),
            mode,
        })
    }
    fn mv(&self, from: &str, to: &str) -> Result<()> {
        self.rename(from, to, RenameMode::Replace)
    }
    fn ln(&self, from: &str, to: &str) -> Result<()> {
        self.change(&Change::Link {
            from: At::path(&at(from)),
            to: At::path(&at(to)),
        })
    }
    fn chmod(&self, path: &str, mode: u32) {
        self.set(path, &SetAttr::mode(mode)).unwrap();
    }
    fn set(&self, path: &str, attr: &SetAttr) -> Result<()> {
        self.change(&Change::SetAttr(At::path(&at(path)), attr))
    }
    fn set_x(&self, path: &str, name: &str, value: Option<&str>) -> Result<()> {
        self.change(&Change::SetXattr(
            At::path(&at(path)),
            OsStr::new(name),
            value.map(str::as_bytes),
        ))
    }
    fn get_x(&self, path: &str, name: &str) -> Result<String> {
        let value = self.get_xattr(At::path(&at(path)), OsStr::new(name))?;
        Ok(String::from_utf8(value).unwrap())
    }
    fn meta(&self, path: &str) -> Metadata {
        self.stat(At::path(&at(path))).unwrap()
    }
    fn error(&self, path: &str) -> ErrorKind {
        self.stat(At::path(&at(path))).unwrap_err().kind()
    }
    fn exists(&self, path: &str) -> bool {
        self.stat(At::path(&at(path))).is_ok()
    }
    fn ls(&self, path: &str) -> Vec<String> {
        let listing = self.list(At::path(&at(path)), &Want::names()).unwrap();
        let batch = fs_core::listing::collect(listing).unwrap();
        batch
            .iter()
            .map(|entry| entry.name.to_str().unwrap().to_owned())
            .collect()
    }
    fn is_whiteout(&self, path: &str) -> bool {
        self.stat(At::path(&at(path)))
            .is_ok_and(|metadata| metadata.is_whiteout())
    }
}

impl<B: Backend + ?Sized> Shell for B {}

pub type Mem = Arc<MemoryBackend>;
pub type MemOverlay = Overlay<Mem, Mem>;

/// Two memory filesystems, kept so that the overlay can be opened again.
pub struct Stack {
    pub base: Mem,
    pub upper: Mem,
    pub fs: MemOverlay,
    before: BTreeMap<String, Item>,
}

impl Stack {
    /// With this in the base.
    pub fn new(fill: impl FnOnce(&MemoryBackend)) -> Self {
        let base = Arc::new(MemoryBackend::new());
        fill(&base);
        let upper = Arc::new(MemoryBackend::new());
        Self {
            before: dump(&*base),
            fs: Overlay::new(base.clone(), upper.clone()),
            base,
            upper,
        }
    }

    /// As after a restart.
    pub fn reopen(&mut self) {
        self.fs = Overlay::new(self.base.clone(), self.upper.clone());
    }

    /// Runs `check` now and after a restart.
    pub fn also_reopened(&mut self, check: impl Fn(&MemOverlay)) {
        check(&self.fs);
        self.reopen();
        check(&self.fs);
    }
}

/// The base is byte-identical at the end of every test.
impl Drop for Stack {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(dump(&*self.base), self.before, "the base changed");
        }
    }
}

/// Everything about one node but its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub metadata: Metadata,
    pub content: Vec<u8>,
    pub xattrs: BTreeMap<String, Vec<u8>>,
}

/// The whole tree, by path; checks on the way that listing and lookup agree.
pub fn dump(fs: &dyn Backend) -> BTreeMap<String, Item> {
    let mut all = BTreeMap::new();
    let mut todo = vec![(VPath::root(), None)];
    while let Some((path, listed)) = todo.pop() {
        let here = At::path(&path);
        let metadata = fs.stat(here).unwrap();
        if let Some(listed) = listed {
            // Another name of the same file may have been read in between.
            let listed = Metadata {
                atime: metadata.atime,
                ..listed
            };
            assert_eq!(metadata, listed, "listing and lookup of {path:?} differ");
        }
        let content = match metadata.kind {
            FileKind::File => {
                let file = fs.open(here, &OpenOptions::read()).unwrap();
                assert_eq!(
                    file.metadata().unwrap().id,
                    metadata.id,
                    "open file {path:?}"
                );
                let mut bytes = vec![0; usize::try_from(metadata.size).unwrap()];
                assert_eq!(file.read_at(&mut bytes, 0).unwrap(), bytes.len());
                bytes
            }
            FileKind::Symlink => fs.read_link(here).unwrap().into_encoded_bytes(),
            _ => Vec::new(),
        };
        let names = fs.list_xattrs(here).unwrap();
        let xattrs = names
            .iter()
            .map(|name| {
                let value = fs.get_xattr(here, name).unwrap();
                (name.to_string_lossy().into_owned(), value)
            })
            .collect();
        if metadata.is_dir() {
            let listing = fs.list(here, &Want::metadata()).unwrap();
            let batch = fs_core::listing::collect(listing).unwrap();
            let mut names: Vec<_> = batch.iter().map(|e| e.name.as_encoded_bytes()).collect();
            let sorted = fs.capabilities(here).contains(Capabilities::SORTED_LISTING);
            assert!(!sorted || names.is_sorted(), "{names:?}");
            names.sort_unstable();
            assert!(names.windows(2).all(|w| w[0] != w[1]), "{names:?}");
            for entry in batch.iter() {
                let name = fs_core::Name::new(entry.name).unwrap();
                let metadata = entry.metadata.copied();
                // The kernel lists a merged directory under the number of one layer.
                let same = |m: Metadata| m.kind == entry.kind && (m.id.ino == entry.ino || !sorted);
                assert!(metadata.is_some_and(same));
                todo.push((path.join(&name), metadata));
            }
        }
        all.insert(
            path.display().into_owned(),
            Item {
                metadata,
                content,
                xattrs,
            },
        );
    }
    all
}
