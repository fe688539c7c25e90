//! A tree of 100,000 files six components deep. W5: `stat` of random paths. W10: finding by name. W6: renaming the folder that holds all of it.

use std::path::Path;
use std::sync::Arc;

use fs_core::extensions::Wanted;
use fs_core::{At, Backend, Change, Control, FileKind, RenameMode, VPath, Want};

use super::data::{Random, below, check_count, make_files, make_folders};
use super::peers::PathMap;
use super::report::{Gate, Samples, Unit};
use super::system::System;
use super::{Bench, Result};

const SYSTEMS: [System; 4] = [
    System::Memory,
    System::Vault,
    System::Encrypted,
    System::Store,
];
/// Folders in a folder, and how deep.
const FAN: usize = 4;
const DEPTH: usize = 5;

struct Paths {
    folders: Vec<VPath>,
    files: Vec<VPath>,
    /// Files whose names contain [`NEEDLE`].
    needles: usize,
}

const NEEDLE: &str = "needle";

fn paths(files: usize) -> Result<Paths> {
    let mut folders = vec![VPath::new("/top")?];
    let mut leaves = folders.clone();
    for _ in 1..DEPTH {
        let mut next = Vec::new();
        for folder in &leaves {
            for index in 0..FAN {
                next.push(VPath::new(format!("{}/folder {index}", folder.display()))?);
            }
        }
        folders.extend(next.iter().cloned());
        leaves = next;
    }
    let mut needles = 0;
    let files = (0..files)
        .map(|index| {
            let folder = leaves.get(index % leaves.len()).ok_or("no folders")?;
            let word = if index % 997 == 0 { NEEDLE } else { "number" };
            needles += usize::from(word == NEEDLE);
            Ok(VPath::new(format!(
                "{}/file {word} {index:06}.txt",
                folder.display()
            ))?)
        })
        .collect::<Result<_>>()?;
    Ok(Paths {
        folders,
        files,
        needles,
    })
}

pub fn run(bench: &mut Bench) -> Result {
    let count = bench.size(100_000, 1024);
    let paths = paths(count)?;
    let disk = bench.disk()?;
    for folder in &paths.folders {
        std::fs::create_dir(below(disk.path(), folder))?;
    }
    for file in &paths.files {
        std::fs::File::create_new(below(disk.path(), file))?;
    }
    let mut made = Vec::new();
    for system in SYSTEMS {
        let backend = system.make(disk.path())?;
        make_folders(&*backend, &paths.folders)?;
        make_files(&*backend, &paths.files)?;
        made.push((system.name(), backend));
    }
    for system in [System::Host, System::Sandbox] {
        made.push((system.name(), system.make(disk.path())?));
    }
    stat(bench, &paths, disk.path(), &made)?;
    find(bench, &paths, disk.path(), &made)?;
    rename(bench, &made)
}

type Made = (&'static str, Arc<dyn Backend>);

fn stat(bench: &Bench, paths: &Paths, disk: &Path, made: &[Made]) -> Result {
    let map = PathMap::default();
    for folder in &paths.folders {
        map.create_dir(&folder.display())?;
    }
    for file in &paths.files {
        map.create_empty(&file.display())?;
    }
    let mut random = Random::new(5);
    let wanted: Vec<_> = (0..bench.size(100_000, 1000))
        .filter_map(|_| paths.files.get(random.below(paths.files.len())))
        .collect();
    let mut samples = Samples::new(
        "W5 stat, 6 components, at random",
        Unit::us_each(wanted.len()),
    );
    for _ in 0..bench.rounds(7) {
        samples.time("ext4", || {
            for path in &wanted {
                std::hint::black_box(std::fs::symlink_metadata(below(disk, path))?);
            }
            Ok(())
        })?;
        samples.time("vfs::MemoryFS", || {
            for path in &wanted {
                std::hint::black_box(map.stat(&path.display())?);
            }
            Ok(())
        })?;
        for (name, backend) in made {
            samples.time(name, || {
                for path in &wanted {
                    std::hint::black_box(backend.stat(At::path(path))?);
                }
                Ok(())
            })?;
        }
    }
    let table = &bench.table;
    table.line(&samples, "memory", "vfs::MemoryFS", Gate::Cpu(2.0, 1.0));
    for name in ["vault", "encrypted vault", "store"] {
        table.line(&samples, name, "ext4", Gate::Cpu(1.5, 1.0));
    }
    table.line(&samples, "host", "ext4", Gate::Cpu(1.5, 1.2));
    table.line(&samples, "sandbox", "ext4", Gate::Cpu(1.5, 1.2));
    Ok(())
}

/// Once after a change, when all names are read, and once more.
fn find(bench: &Bench, paths: &Paths, disk: &Path, made: &[Made]) -> Result {
    let mut first = Samples::new(
        "W10 find by name in 100,000 files, after a change",
        Unit::MS,
    );
    let mut again = Samples::new("W10 find by name in 100,000 files, again", Unit::MS);
    let top = VPath::new("/top")?;
    for round in 0..bench.rounds(7) {
        for samples in [&mut first, &mut again] {
            let found = samples.time("ext4", || find_host(&below(disk, &top)))?;
            check_count(found, paths.needles)?;
        }
        for (name, backend) in made {
            if backend.extensions().search.is_some() {
                let other = VPath::new(format!("/changed in round {round}"))?;
                make_files(&**backend, std::slice::from_ref(&other))?;
            }
            for samples in [&mut first, &mut again] {
                let found = samples.time(name, || find_in(&**backend, &top))?;
                check_count(found, paths.needles)?;
            }
        }
    }
    for samples in [&first, &again] {
        for name in ["memory", "vault", "encrypted vault", "store"] {
            bench
                .table
                .line(samples, name, "ext4", Gate::Cpu(0.067, 0.033));
        }
    }
    bench.table.line(&again, "host", "ext4", Gate::None);
    Ok(())
}

/// As `find -name`, with `std::fs`.
fn find_host(top: &Path) -> Result<usize> {
    let (mut found, mut todo) = (0, vec![top.to_owned()]);
    while let Some(folder) = todo.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let name = entry.file_name();
            found += usize::from(has_needle(name.as_encoded_bytes()));
            if entry.file_type()?.is_dir() {
                todo.push(entry.path());
            }
        }
    }
    Ok(found)
}

/// As `lamina find` does.
fn find_in(backend: &dyn Backend, top: &VPath) -> Result<usize> {
    if let Some(search) = backend.extensions().search {
        let wanted = Wanted {
            contains: NEEDLE.as_bytes(),
            fits: &|name, _| has_needle(name.as_encoded_bytes()),
        };
        let mut paths = Vec::new();
        search.search(top, &wanted, &Control::new(), &mut |path, _| {
            paths.push(path);
            Ok(())
        })?;
        paths.sort_unstable();
        return Ok(std::hint::black_box(paths).len());
    }
    let (mut found, mut todo) = (0, vec![top.clone()]);
    while let Some(folder) = todo.pop() {
        let entries = fs_core::listing::collect(backend.list(At::path(&folder), &Want::names())?)?;
        for entry in entries.iter() {
            found += usize::from(has_needle(entry.name.as_encoded_bytes()));
            if entry.kind == FileKind::Directory {
                todo.push(folder.join(&fs_core::Name::new(entry.name)?));
            }
        }
    }
    Ok(found)
}

fn has_needle(name: &[u8]) -> bool {
    name.windows(NEEDLE.len())
        .any(|part| part == NEEDLE.as_bytes())
}

fn rename(bench: &Bench, made: &[Made]) -> Result {
    const TIMES: usize = 50;
    let mut large = Samples::new("W6 rename a folder of 100,000", Unit::us_each(TIMES * 2));
    let (small, top, other) = (
        VPath::new("/small")?,
        VPath::new("/top")?,
        VPath::new("/renamed")?,
    );
    let few: Vec<_> = (0..10)
        .map(|index| VPath::new(format!("/small/{index}")))
        .collect::<fs_core::Result<_>>()?;
    for (_, backend) in made.iter().take(SYSTEMS.len()) {
        make_folders(&**backend, std::slice::from_ref(&small))?;
        make_files(&**backend, &few)?;
    }
    let to_and_fro = |backend: &dyn Backend, from: &VPath| -> Result {
        for _ in 0..TIMES {
            for (from, to) in [(from, &other), (&other, from)] {
                backend.change(&Change::Rename {
                    from: At::path(from),
                    to: At::path(to),
                    mode: RenameMode::NoReplace,
                })?;
            }
        }
        Ok(())
    };
    let against = [
        ("memory", "memory, folder of 10"),
        ("vault", "vault, folder of 10"),
        ("encrypted vault", "encrypted vault, folder of 10"),
        ("store", "store, folder of 10"),
    ];
    for _ in 0..bench.rounds(7) {
        for ((name, backend), (_, few)) in made.iter().zip(against) {
            large.time(few, || to_and_fro(&**backend, &small))?;
            large.time(name, || to_and_fro(&**backend, &top))?;
        }
    }
    for (name, few) in against {
        bench.table.line(&large, name, few, Gate::Wall(1.5, 1.5));
    }
    Ok(())
}
