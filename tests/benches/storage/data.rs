//! What is written: the same for every system, and different in every file.

use std::path::Path;

use fs_core::{At, Backend, Change, NewNode, OpenOptions, RenameMode, Scope, VPath, Want};

use super::Result;

/// Staged files committed in one step, as the operation engine does it.
pub const GROUP: usize = 256;

/// The pool that contents are cut from.
const POOL_BYTES: usize = 1 << 20;

/// A small, fast generator (xorshift64*, Marsaglia 2003, Vigna 2016), so that every run and every system gets the same.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    /// Bytes that do not compress.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count.div_ceil(8))
            .flat_map(|_| self.next().to_le_bytes())
            .take(count)
            .collect()
    }
}

/// A file of a [`Tree`].
pub struct Leaf {
    pub path: VPath,
    start: usize,
    length: usize,
}

/// Folders and files with content.
pub struct Tree {
    pub folders: Vec<VPath>,
    pub files: Vec<Leaf>,
    pool: Vec<u8>,
}

impl Tree {
    /// `files` files of `sizes` bytes, spread over `folders` folders of the root.
    pub fn spread(
        files: usize,
        folders: usize,
        sizes: std::ops::RangeInclusive<usize>,
    ) -> Result<Self> {
        let mut random = Random::new(7);
        let pool = random.bytes(POOL_BYTES);
        let (least, most) = (*sizes.start(), *sizes.end());
        let leaf = |index: usize| -> Result<Leaf> {
            let length = least + random.below(most - least + 1);
            let path = format!(
                "/folder {:03}/file number {index:06}.txt",
                index % folders.max(1)
            );
            Ok(Leaf {
                path: VPath::new(path)?,
                start: random.below(POOL_BYTES - length),
                length,
            })
        };
        Ok(Self {
            files: (0..files).map(leaf).collect::<Result<_>>()?,
            folders: (0..folders)
                .map(|index| VPath::new(format!("/folder {index:03}")))
                .collect::<fs_core::Result<_>>()?,
            pool,
        })
    }

    /// What the file contains.
    pub fn bytes(&self, leaf: &Leaf) -> &[u8] {
        self.pool
            .get(leaf.start..leaf.start + leaf.length)
            .unwrap_or_default()
    }

    /// Writes it into a filesystem, in groups, without making it durable.
    pub fn write(&self, into: &dyn Backend) -> Result {
        make_folders(into, &self.folders)?;
        for group in self.files.chunks(GROUP) {
            self.write_group(into, group)?;
        }
        Ok(())
    }

    /// Writes some of its files in one step.
    pub fn write_group(&self, into: &dyn Backend, group: &[Leaf]) -> Result {
        let mut staged = Vec::with_capacity(group.len());
        for leaf in group {
            let mut new = into.stage(At::path(&leaf.path), &NewNode::file())?;
            let file = new.file().ok_or("a staged file has no content")?;
            file.write_at(self.bytes(leaf), 0)?;
            staged.push((new, RenameMode::NoReplace));
        }
        for done in into.commit_all(staged) {
            done?;
        }
        Ok(())
    }

    /// As [`Tree::write`], durable at the end.
    pub fn import(&self, into: &dyn Backend) -> Result {
        self.write(into)?;
        Ok(into.sync(Scope::All)?)
    }

    /// Reads everything and compares.
    pub fn read_back(&self, from: &dyn Backend) -> Result {
        let mut buffer = vec![0; 64 << 10];
        for leaf in &self.files {
            let file = from.open(At::path(&leaf.path), &OpenOptions::read())?;
            let read = file.read_at(&mut buffer, 0)?;
            self.compare(leaf, buffer.get(..read).unwrap_or_default())?;
        }
        Ok(())
    }

    fn compare(&self, leaf: &Leaf, read: &[u8]) -> Result {
        match read == self.bytes(leaf) {
            true => Ok(()),
            false => Err(format!("{:?} is not what was written", leaf.path).into()),
        }
    }

    /// Writes it below a folder of the host with nothing but `std::fs`.
    pub fn write_host(&self, folder: &Path) -> Result {
        for path in &self.folders {
            std::fs::create_dir(below(folder, path))?;
        }
        for leaf in &self.files {
            std::fs::write(below(folder, &leaf.path), self.bytes(leaf))?;
        }
        Ok(())
    }

    /// As [`Tree::write_host`], durable at the end.
    pub fn import_host(&self, folder: &Path) -> Result {
        self.write_host(folder)?;
        sync_host(folder)
    }

    /// Reads everything with `std::fs` and compares.
    pub fn read_back_host(&self, folder: &Path) -> Result {
        for leaf in &self.files {
            self.compare(leaf, &std::fs::read(below(folder, &leaf.path))?)?;
        }
        Ok(())
    }
}

/// The host's path of a place below `folder`.
pub fn below(folder: &Path, path: &VPath) -> std::path::PathBuf {
    folder.join(path.as_path().strip_prefix("/").unwrap_or(path.as_path()))
}

/// `syncfs(2)` of the filesystem that holds `folder`.
pub fn sync_host(folder: &Path) -> Result {
    Ok(rustix::fs::syncfs(std::fs::File::open(folder)?)?)
}

/// Makes folders in order, in groups.
pub fn make_folders(into: &dyn Backend, folders: &[VPath]) -> Result {
    let new = NewNode::directory();
    create(into, folders, &new)
}

/// Makes empty files, in groups.
pub fn make_files(into: &dyn Backend, files: &[VPath]) -> Result {
    create(into, files, &NewNode::file())
}

fn create(into: &dyn Backend, paths: &[VPath], new: &NewNode) -> Result {
    for group in paths.chunks(GROUP) {
        let changes: Vec<_> = group
            .iter()
            .map(|path| Change::Create(At::path(path), new))
            .collect();
        for done in into.change_all(&changes) {
            done?;
        }
    }
    Ok(())
}

/// Lists a folder whole; answers how many entries it has. Sorted by name where the backend is not.
pub fn list(backend: &dyn Backend, folder: &VPath, want: &Want) -> Result<usize> {
    let at = At::path(folder);
    let sorted = backend
        .capabilities(at)
        .contains(fs_core::Capabilities::SORTED_LISTING);
    let batch = fs_core::listing::collect(backend.list(at, want)?)?;
    if !sorted {
        let mut order: Vec<_> = batch.iter().map(|entry| entry.name).collect();
        order.sort_unstable();
        std::hint::black_box(&order);
    }
    Ok(std::hint::black_box(batch).len())
}

/// Lists a folder of the host with metadata and sorts it, with `std::fs` alone.
pub fn list_host(folder: &Path) -> Result<usize> {
    let mut entries = std::fs::read_dir(folder)?
        .map(|entry| {
            let entry = entry?;
            Ok((entry.file_name(), entry.metadata()?))
        })
        .collect::<std::io::Result<Vec<_>>>()?;
    entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    Ok(std::hint::black_box(entries).len())
}

/// An error unless it is `expected`.
pub fn check_count(found: usize, expected: usize) -> Result {
    match found == expected {
        true => Ok(()),
        false => Err(format!("{found} entries instead of {expected}").into()),
    }
}
