//! Random reads, writes, cuts, holes and mappings of one file beside a model of its bytes (after the `fsx` of Apple and the Linux Test Project).
#![allow(unsafe_code, reason = "a mapping is memory that others change")]

use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, SeekFrom};

use crate::op::Rng;
use crate::world::{Kind, World, can_mount};
use crate::{repeat, seed};

/// The file never grows beyond.
const SIZE_MAX: u64 = 400_000;

/// Part of a file, mapped.
struct Mapping {
    at: *mut u8,
    len: usize,
}

impl Mapping {
    /// Maps from the start of the page that holds `offset`; answers where in it `offset` is.
    fn new(file: &File, offset: u64, len: usize, write: bool) -> (Self, usize) {
        let page = 4096;
        let start = offset / page * page;
        let within = (offset - start) as usize;
        let len = within + len;
        let access = libc::PROT_READ | if write { libc::PROT_WRITE } else { 0 };
        let (fd, start) = (file.as_raw_fd(), start as i64);
        // SAFETY: a new mapping, which nobody else knows of.
        let at = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                len,
                access,
                libc::MAP_SHARED,
                fd,
                start,
            )
        };
        assert_ne!(at, libc::MAP_FAILED, "{}", std::io::Error::last_os_error());
        (Self { at: at.cast(), len }, within)
    }

    fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: the mapping is this long and lives as long as `self`; nothing else touches the file meanwhile.
        unsafe { std::slice::from_raw_parts_mut(self.at, self.len) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: mapped in `new`, not used after.
        unsafe { libc::munmap(self.at.cast(), self.len) };
    }
}

struct Fsx {
    rng: Rng,
    path: PathBuf,
    file: File,
    model: Vec<u8>,
    log: Vec<String>,
}

impl Fsx {
    fn new(path: &Path, seed: u64) -> Self {
        let file = open(path);
        file.set_len(0).unwrap();
        Self {
            rng: Rng(seed),
            path: path.to_owned(),
            file,
            model: Vec::new(),
            log: Vec::new(),
        }
    }

    fn range(&mut self, end: u64) -> (u64, usize) {
        let offset = self.rng.below(end.max(1));
        let most = match self.rng.below(4) {
            0 => 100,
            1 | 2 => 20_000,
            _ => 150_000,
        };
        let len = self.rng.below(most).min(end.saturating_sub(offset));
        (offset, len as usize)
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        let seed = self.rng.next();
        (0..len)
            .map(|n| (n as u64).wrapping_mul(seed | 1).to_le_bytes()[2])
            .collect()
    }

    fn grow(&mut self, end: usize) {
        if self.model.len() < end {
            self.model.resize(end, 0);
        }
    }

    fn step(&mut self) {
        let size = self.model.len() as u64;
        match self.rng.below(20) {
            0..=3 => self.read(),
            4..=7 => {
                let (offset, len) = self.range(SIZE_MAX);
                let bytes = self.bytes(len);
                self.log.push(format!("write {len} at {offset}"));
                self.file.write_all_at(&bytes, offset).unwrap();
                if len > 0 {
                    self.grow(offset as usize + len);
                    self.model[offset as usize..][..len].copy_from_slice(&bytes);
                }
            }
            8 => {
                let len = self.rng.below(5000).min(SIZE_MAX.saturating_sub(size)) as usize;
                let bytes = self.bytes(len);
                self.log.push(format!("append {len}"));
                let file = File::options().append(true).open(&self.path).unwrap();
                std::io::Write::write_all(&mut &file, &bytes).unwrap();
                self.model.extend_from_slice(&bytes);
            }
            9 | 10 => {
                let to = self.rng.below(SIZE_MAX);
                self.log.push(format!("truncate to {to}"));
                self.file.set_len(to).unwrap();
                self.model.resize(to as usize, 0);
            }
            11 | 12 if size > 0 => {
                let (offset, len) = self.range(size);
                let len = len.max(1);
                self.log.push(format!("read mapping {len} at {offset}"));
                let (mut mapping, within) = Mapping::new(&self.file, offset, len, false);
                let expected = &self.model[offset as usize..][..len];
                let differs = first(&mapping.bytes()[within..][..len], expected);
                assert_eq!(differs, None, "after {}", self.history());
            }
            13 | 14 if size > 0 => {
                let (offset, len) = self.range(size);
                let len = len.max(1);
                let bytes = self.bytes(len);
                self.log.push(format!("write mapping {len} at {offset}"));
                let (mut mapping, within) = Mapping::new(&self.file, offset, len, true);
                mapping.bytes()[within..][..len].copy_from_slice(&bytes);
                self.model[offset as usize..][..len].copy_from_slice(&bytes);
                if self.rng.below(2) == 0 {
                    let mapping = mapping.at.cast();
                    // SAFETY: the mapping lives.
                    let done = unsafe { libc::msync(mapping, within + len, libc::MS_SYNC) };
                    assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
                }
            }
            15 => self.punch(),
            16 => self.copy(),
            17 => self.seek(),
            18 => {
                self.log.push("sync and reopen".to_owned());
                self.file.sync_all().unwrap();
                // Drops what the kernel keeps, so that it is read again.
                rustix::fs::fadvise(&self.file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
                self.file = open(&self.path);
            }
            _ => {
                let end = self.rng.below(SIZE_MAX).max(1);
                let keep = self.rng.below(2) == 0;
                self.log
                    .push(format!("allocate to {end}, keep size: {keep}"));
                let mode = if keep {
                    FallocateFlags::KEEP_SIZE
                } else {
                    FallocateFlags::empty()
                };
                rustix::fs::fallocate(&self.file, mode, 0, end).unwrap();
                if !keep {
                    self.grow(end as usize);
                }
            }
        }
        let now = self.file.metadata().unwrap().size();
        assert_eq!(
            now,
            self.model.len() as u64,
            "size after {}",
            self.history()
        );
    }

    fn read(&mut self) {
        let (offset, len) = self.range(SIZE_MAX);
        self.log.push(format!("read {len} at {offset}"));
        let mut into = vec![0xaa; len];
        let mut got = 0;
        while got < len {
            match self
                .file
                .read_at(&mut into[got..], offset + got as u64)
                .unwrap()
            {
                0 => break,
                more => got += more,
            }
        }
        let start = (offset as usize).min(self.model.len());
        let end = (offset as usize + len).min(self.model.len());
        let differs = first(&into[..got], &self.model[start..end]);
        assert_eq!(differs, None, "after {}", self.history());
    }

    fn punch(&mut self) {
        let (offset, len) = self.range(SIZE_MAX);
        let (len, zero) = (len.max(1), self.rng.below(2) == 0);
        self.log
            .push(format!("punch {len} at {offset}, zero range: {zero}"));
        let mode = if zero {
            FallocateFlags::ZERO_RANGE
        } else {
            FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE
        };
        rustix::fs::fallocate(&self.file, mode, offset, len as u64).unwrap();
        if zero {
            self.grow(offset as usize + len);
        }
        let start = (offset as usize).min(self.model.len());
        let end = (offset as usize + len).min(self.model.len());
        self.model[start..end].fill(0);
    }

    fn copy(&mut self) {
        let size = self.model.len() as u64;
        let (from, len) = self.range(size);
        let to = self.rng.below(SIZE_MAX - len as u64);
        if from < to + len as u64 && to < from + len as u64 {
            return;
        }
        self.log.push(format!("copy {len} from {from} to {to}"));
        let (mut at_from, mut at_to, mut left) = (from, to, len);
        while left > 0 {
            let (input, output) = (Some(&mut at_from), Some(&mut at_to));
            let done =
                rustix::fs::copy_file_range(&self.file, input, &self.file, output, left).unwrap();
            assert_ne!(done, 0);
            left -= done;
        }
        if len > 0 {
            let bytes = self.model[from as usize..][..len].to_vec();
            self.grow(to as usize + len);
            self.model[to as usize..][..len].copy_from_slice(&bytes);
        }
    }

    /// Whatever counts as a hole must be zeros, and data must be found.
    fn seek(&mut self) {
        self.log.push("seek data and holes".to_owned());
        self.file.sync_all().unwrap();
        let size = self.model.len() as u64;
        let mut at = 0;
        while at < size {
            let data = match rustix::fs::seek(&self.file, SeekFrom::Data(at)) {
                Ok(data) => data,
                Err(rustix::io::Errno::NXIO) => size,
                Err(errno) => panic!("{errno} after {}", self.history()),
            };
            assert!(
                data >= at && data <= size,
                "{data} after {}",
                self.history()
            );
            let hole = &self.model[at as usize..data as usize];
            assert!(
                hole.iter().all(|b| *b == 0),
                "{at}..{data}: {}",
                self.history()
            );
            if data == size {
                break;
            }
            at = rustix::fs::seek(&self.file, SeekFrom::Hole(data)).unwrap();
            assert!(at > data && at <= size, "{at} after {}", self.history());
        }
    }

    fn history(&self) -> String {
        let last = self.log.len().saturating_sub(30);
        format!(
            "{} steps, the last: {:#?}",
            self.log.len(),
            &self.log[last..]
        )
    }
}

fn open(path: &Path) -> File {
    let mut how = File::options();
    how.read(true).write(true).create(true).mode(0o600);
    how.open(path).unwrap()
}

/// Where two contents differ first.
fn first(actual: &[u8], expected: &[u8]) -> Option<usize> {
    if actual.len() != expected.len() {
        return Some(actual.len().min(expected.len()));
    }
    actual.iter().zip(expected).position(|(a, e)| a != e)
}

fn run(kind: Kind, files: u64) {
    if !can_mount() {
        return;
    }
    let world = World::new(kind);
    let root = world.fresh();
    repeat(files, |round| {
        let path = root.join(format!("file {round}"));
        let mut fsx = Fsx::new(&path, seed() + round);
        for _ in 0..300 {
            fsx.step();
        }
        drop(fsx);
        std::fs::remove_file(path).unwrap();
    });
}

#[test]
fn memory() {
    run(Kind::Memory, 5);
}

#[test]
fn vault() {
    run(Kind::Vault, 3);
}

#[test]
fn encrypted_vault() {
    run(Kind::Encrypted, 1);
}

#[test]
fn store() {
    run(Kind::Store, 3);
}

#[test]
fn overlay() {
    run(Kind::Overlay, 3);
}

#[test]
fn host() {
    run(Kind::Host, 3);
}
