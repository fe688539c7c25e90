//! W2: one large file streams in and out through 1 MiB buffers. W3: random reads of 4 KiB from it.

use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use fs_core::{At, Backend, File, NewNode, OpenOptions, RenameMode, Scope, VPath};

use super::clock::claim_memory;
use super::data::Random;
use super::gocryptfs::Gocryptfs;
use super::report::{Gate, Samples, Unit};
use super::system::System;
use super::{Bench, Result};

const BUFFER: usize = 1 << 20;
const PIECE: usize = 4096;
/// Of what goes in, so many copies are in memory at most.
const CLAIMED: usize = 3;
const SYSTEMS: [System; 5] = [
    System::Vault,
    System::Encrypted,
    System::Store,
    System::EncryptedStore,
    System::Memory,
];

struct Workload {
    path: VPath,
    /// Buffers in the file; each starts with its number.
    buffers: usize,
    pattern: Vec<u8>,
    offsets: Vec<u64>,
    write: Samples,
    read: Samples,
    random: Samples,
}

pub fn run(bench: &mut Bench) -> Result {
    let buffers = bench.size(1024, 8);
    let bytes = (buffers * BUFFER) as u64;
    let mut random = Random::new(11);
    let pieces = bench.size(20_000, 100);
    let mut workload = Workload {
        path: VPath::new("/large file.bin")?,
        buffers,
        pattern: random.bytes(BUFFER),
        offsets: (0..pieces)
            .map(|_| (random.below(buffers * BUFFER / PIECE) * PIECE) as u64)
            .collect(),
        write: Samples::new("W2 write 1 GiB, durable", Unit::ms_per_gib(bytes)),
        read: Samples::new("W2 read 1 GiB, warm", Unit::ms_per_gib(bytes)),
        random: Samples::new("W3 read 4 KiB at random, warm", Unit::us_each(pieces)),
    };
    let mut gocryptfs = Ok(());
    for _ in 0..bench.rounds(7) {
        gocryptfs = workload.round(bench)?;
    }
    let (write, read, random) = (&workload.write, &workload.read, &workload.random);
    let table = &bench.table;
    table.line(write, "tmpfs", "ext4", Gate::None);
    table.line(write, "vault", "ext4", Gate::Wall(2.0, 1.0));
    table.line(write, "vault", "ext4", Gate::Cpu(1.3, 1.0));
    table.line(write, "encrypted vault", "ext4", Gate::Wall(6.7, 3.0));
    table.line(
        write,
        "encrypted vault",
        "ext4",
        Gate::WallIs(5120.0, 2926.0),
    );
    table.line(write, "store", "ext4", Gate::Wall(1.05, 1.0));
    table.line(write, "encrypted store", "ext4", Gate::Wall(1.18, 1.05));
    table.line(write, "memory", "tmpfs", Gate::None);
    table.line(read, "tmpfs", "ext4", Gate::None);
    table.line(read, "vault", "ext4", Gate::WallIs(556.0, 167.0));
    table.line(
        read,
        "encrypted vault",
        "ext4",
        Gate::WallIs(2000.0, 1111.0),
    );
    table.line(read, "store", "ext4", Gate::Wall(1.05, 1.0));
    table.line(read, "encrypted store", "ext4", Gate::None);
    table.line(read, "memory", "tmpfs", Gate::None);
    table.line(random, "vault", "ext4", Gate::CpuIs(6.0, 3.5));
    table.line(random, "encrypted vault", "ext4", Gate::CpuIs(35.0, 20.0));
    table.line(random, "store", "ext4", Gate::None);
    table.line(random, "encrypted store", "ext4", Gate::None);
    table.line(random, "memory", "ext4", Gate::None);
    match gocryptfs {
        Ok(()) => {
            for samples in [write, read] {
                let gate = Gate::Wall(0.5, 0.2);
                table.line(samples, "encrypted vault", "gocryptfs", gate);
                table.line(samples, "encrypted store", "gocryptfs", Gate::None);
            }
        }
        Err(error) => table.note("W2", &format!("not beside gocryptfs: {error}")),
    }
    Ok(())
}

impl Workload {
    /// Answers whether gocryptfs was there.
    fn round(&mut self, bench: &Bench) -> Result<Result> {
        self.host("ext4", bench.disk()?.path())?;
        self.host("tmpfs", bench.tmpfs()?.path())?;
        let gocryptfs = match Gocryptfs::mount(bench) {
            Ok(mounted) => Ok(self.host("gocryptfs", &mounted.plain())?),
            Err(error) => Err(error),
        };
        for system in SYSTEMS {
            let folder = bench.disk()?;
            let made = system.make(folder.path())?;
            self.fill(system.name(), &made)?;
            let path = self.path.clone();
            let open = || Ok(made.open(At::path(&path), &OpenOptions::read())?);
            self.read(system.name(), open, |file, into, at| {
                read_all(&**file, into, at)
            })?;
        }
        Ok(gocryptfs)
    }

    /// Through the system's own files.
    fn host(&mut self, name: &'static str, folder: &Path) -> Result {
        let path = folder.join("large file.bin");
        let (buffers, pattern) = (self.buffers, &mut self.pattern);
        claim_memory(CLAIMED * buffers * BUFFER);
        self.write.time(name, || {
            let file = std::fs::File::create_new(&path)?;
            for index in 0..buffers {
                number(pattern, index);
                file.write_all_at(pattern, (index * BUFFER) as u64)?;
            }
            Ok(file.sync_all()?)
        })?;
        let open = || Ok(std::fs::File::open(&path)?);
        self.read(name, open, |file, into, at| {
            Ok(file.read_exact_at(into, at)?)
        })
    }

    fn fill(&mut self, name: &'static str, made: &Arc<dyn Backend>) -> Result {
        let (path, buffers, pattern) = (&self.path, self.buffers, &mut self.pattern);
        claim_memory(CLAIMED * buffers * BUFFER);
        self.write.time(name, || {
            let mut staged = made.stage(At::path(path), &NewNode::file())?;
            let file = staged.file().ok_or("a staged file has no content")?;
            for index in 0..buffers {
                number(pattern, index);
                file.write_at(pattern, (index * BUFFER) as u64)?;
            }
            staged.commit(RenameMode::NoReplace)?;
            Ok(made.sync(Scope::All)?)
        })
    }

    /// Everything in order, then pieces at random. Each pass opens the file anew.
    fn read<F>(
        &mut self,
        name: &'static str,
        open: impl Fn() -> Result<F>,
        mut read: impl FnMut(&F, &mut [u8], u64) -> Result,
    ) -> Result {
        let mut buffer = vec![0; BUFFER];
        let buffers = self.buffers;
        let mut sequential = || {
            let file = open()?;
            for index in 0..buffers {
                read(&file, &mut buffer, (index * BUFFER) as u64)?;
                if buffer.get(..8) != Some((index as u64).to_le_bytes().as_slice()) {
                    return Err(format!("buffer {index} is not what was written").into());
                }
            }
            Ok(())
        };
        // Once to warm up.
        sequential()?;
        self.read.time(name, sequential)?;
        let file = open()?;
        let offsets = &self.offsets;
        let mut piece = vec![0; PIECE];
        self.random.time(name, || {
            offsets
                .iter()
                .try_for_each(|&offset| read(&file, &mut piece, offset))
        })
    }
}

fn number(buffer: &mut [u8], index: usize) {
    if let Some(start) = buffer.first_chunk_mut::<8>() {
        *start = (index as u64).to_le_bytes();
    }
}

fn read_all(file: &dyn File, into: &mut [u8], at: u64) -> Result {
    match file.read_at(into, at)? {
        read if read == into.len() => Ok(()),
        read => Err(format!("{read} bytes instead of {}", into.len()).into()),
    }
}
