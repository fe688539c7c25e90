//! W8: a snapshot of a memory filesystem that holds 100,000 files and 1 GiB.

use std::collections::HashMap;
use std::sync::Arc;

use fs_backends::MemoryBackend;
use fs_core::{At, Backend as _, Change, SetAttr};

use super::data::Tree;
use super::report::{Gate, Samples, Unit};
use super::{Bench, Result};

const TIMES: usize = 200;
const CHANGES: usize = 1000;

pub fn run(bench: &mut Bench) -> Result {
    let tree = Tree::spread(
        bench.size(100_000, 1000),
        bench.size(1000, 10),
        10_737..=10_737,
    )?;
    let fs = MemoryBackend::new();
    tree.write(&fs)?;
    let map: HashMap<String, Arc<[u8]>> = tree
        .files
        .iter()
        .map(|leaf| (leaf.path.display().into_owned(), tree.bytes(leaf).into()))
        .collect();

    let mut clone = Samples::new("W8 snapshot of 100,000 files, 1 GiB", Unit::us_each(TIMES));
    let mut after = Samples::new("W8 first 1,000 changes after it", Unit::us_each(CHANGES));
    for round in 0..bench.rounds(7) {
        let mut taken = Vec::with_capacity(TIMES);
        clone.time("memory", || {
            taken.extend((0..TIMES).map(|_| fs.clone()));
            Ok(())
        })?;
        let (span, copy) = super::clock::time(|| map.clone());
        drop(copy);
        // Once is enough: it takes long.
        clone.add(
            "HashMap of Arc",
            super::clock::Span {
                wall: span.wall * TIMES as u32,
                cpu: span.cpu * TIMES as u32,
            },
        );
        let mode = SetAttr::mode(0o600 + u32::try_from(round % 8)?);
        let leaves: Vec<_> = tree.files.iter().step_by(17).take(CHANGES).collect();
        let change = |leaf: &&super::data::Leaf| {
            Ok(fs.change(&Change::SetAttr(At::path(&leaf.path), &mode))?)
        };
        after.time("memory", || leaves.iter().try_for_each(change))?;
        drop(taken);
        after.time("memory, no snapshot", || leaves.iter().try_for_each(change))?;
    }
    let table = &bench.table;
    table.line(&clone, "memory", "HashMap of Arc", Gate::WallIs(10.0, 1.0));
    table.line(&after, "memory", "memory, no snapshot", Gate::None);
    Ok(())
}
