//! W1: a tree of 10,000 files of 1 to 16 KiB in 500 folders goes in, durable at the end, and is read back whole.

use fs_backends::sqlite::Durability;

use super::data::{GROUP, Tree};
use super::peers::{PathMap, RawSqlite};
use super::report::{Gate, Samples, Unit};
use super::system::System;
use super::{Bench, Result};

const DISK: [System; 4] = [
    System::Vault,
    System::Encrypted,
    System::Store,
    System::EncryptedStore,
];

pub fn run(bench: &mut Bench) -> Result {
    let tree = Tree::spread(bench.size(10_000, 200), bench.size(500, 10), 1024..=16_384)?;
    let mut write = Samples::new("W1 import, durable", Unit::MS);
    let mut read = Samples::new("W1 read back", Unit::MS);
    for _ in 0..bench.rounds(7) {
        round(bench, &tree, &mut write, &mut read)?;
    }
    let table = &bench.table;
    table.line(&write, "tmpfs", "ext4", Gate::None);
    table.line(&write, "raw SQLite", "ext4", Gate::None);
    table.line(&write, "vault", "ext4", Gate::Wall(0.67, 0.2));
    table.line(&write, "vault", "tmpfs", Gate::Cpu(2.0, 1.0));
    table.line(&write, "vault", "raw SQLite", Gate::None);
    table.line(&write, "encrypted vault", "ext4", Gate::Wall(1.0, 0.33));
    table.line(&write, "encrypted vault", "tmpfs", Gate::Cpu(4.0, 3.0));
    table.line(&write, "store", "ext4", Gate::Wall(2.5, 1.0));
    table.line(&write, "encrypted store", "ext4", Gate::None);
    table.line(&write, "host", "ext4", Gate::None);
    table.line(&write, "memory", "vfs::MemoryFS", Gate::Cpu(0.7, 0.5));
    table.line(&read, "tmpfs", "ext4", Gate::None);
    table.line(&read, "raw SQLite", "ext4", Gate::None);
    table.line(&read, "vault", "ext4", Gate::Wall(0.67, 0.45));
    table.line(&read, "encrypted vault", "ext4", Gate::Wall(2.0, 1.4));
    table.line(&read, "store", "ext4", Gate::None);
    table.line(&read, "encrypted store", "ext4", Gate::None);
    table.line(&read, "host", "ext4", Gate::None);
    table.line(&read, "memory", "vfs::MemoryFS", Gate::None);
    each_durable(bench)
}

fn round(bench: &Bench, tree: &Tree, write: &mut Samples, read: &mut Samples) -> Result {
    for (name, folder) in [("ext4", bench.disk()?), ("tmpfs", bench.tmpfs()?)] {
        write.time(name, || tree.import_host(folder.path()))?;
        read.time(name, || tree.read_back_host(folder.path()))?;
    }
    for system in DISK {
        let folder = bench.disk()?;
        let made = system.make(folder.path())?;
        // Closed, so that the log is in the database: that is part of the price.
        write.time(system.name(), || {
            tree.import(&*made)?;
            Ok(made.close()?)
        })?;
        drop(made);
        let made = reopen(system, folder.path())?;
        read.time(system.name(), || tree.read_back(&*made))?;
    }
    let folder = bench.disk()?;
    let host = System::Host.make(folder.path())?;
    write.time("host", || tree.import(&*host))?;
    read.time("host", || tree.read_back(&*host))?;

    let folder = bench.disk()?;
    let mut raw = RawSqlite::create(&folder.path().join("raw.db"))?;
    write.time("raw SQLite", || raw.import(tree))?;
    read.time("raw SQLite", || raw.read_back(tree))?;

    let memory = System::Memory.make(folder.path())?;
    write.time("memory", || tree.import(&*memory))?;
    read.time("memory", || tree.read_back(&*memory))?;
    let map = PathMap::default();
    write.time("vfs::MemoryFS", || map.write(tree))?;
    read.time("vfs::MemoryFS", || map.read_back(tree))
}

fn reopen(
    system: System,
    folder: &std::path::Path,
) -> Result<std::sync::Arc<dyn fs_core::Backend>> {
    use super::system::PASSWORD;
    use fs_backends::{IndexedBackend, SqliteBackend};
    Ok(match system {
        System::Vault => std::sync::Arc::new(SqliteBackend::open(folder.join("vault.db"))?),
        System::Encrypted => std::sync::Arc::new(SqliteBackend::open_encrypted(
            folder.join("encrypted.db"),
            PASSWORD,
        )?),
        System::EncryptedStore => std::sync::Arc::new(IndexedBackend::open_encrypted(
            folder.join("encrypted"),
            PASSWORD,
        )?),
        _ => std::sync::Arc::new(IndexedBackend::open(folder.join("store"))?),
    })
}

/// Every file safe before the next is begun: 64 at a time where they can share a commit.
fn each_durable(bench: &Bench) -> Result {
    let count = bench.size(512, 64);
    let tree = Tree::spread(count, 1, 4096..=4096)?;
    let mut samples = Samples::new("W1 each file durable", Unit::us_each(count));
    for _ in 0..bench.rounds(3) {
        let folder = bench.disk()?;
        std::fs::create_dir(folder.path().join("folder 000"))?;
        samples.time("ext4", || {
            for leaf in &tree.files {
                use std::io::Write as _;
                let path = super::data::below(folder.path(), &leaf.path);
                let mut file = std::fs::File::create_new(path)?;
                file.write_all(tree.bytes(leaf))?;
                file.sync_all()?;
            }
            Ok(())
        })?;
        for system in [System::Vault, System::Encrypted] {
            let folder = bench.disk()?;
            let made = system.make_durable(folder.path(), Durability::EachCall)?;
            super::data::make_folders(&*made, &tree.folders)?;
            samples.time(system.name(), || {
                tree.files
                    .chunks(GROUP / 4)
                    .try_for_each(|group| tree.write_group(&*made, group))
            })?;
        }
    }
    bench
        .table
        .line(&samples, "vault", "ext4", Gate::Wall(0.05, 0.025));
    bench
        .table
        .line(&samples, "encrypted vault", "ext4", Gate::Wall(0.05, 0.025));
    Ok(())
}
