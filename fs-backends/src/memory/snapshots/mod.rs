//! Named moments of a memory filesystem. Each is a clone of the roots of its maps: it costs the same however much they hold.

mod diff;
mod kept;
mod usage;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use fs_core::snapshots::{
    Moment, Snapshot, SnapshotChange, SnapshotId, Snapshots, SnapshotsUsage, check_name,
};
use fs_core::{Backend, Control, Error, ReadOnly, Result};

use super::MemoryBackend;
use super::content::Limits;
use super::store::{Image, MemoryStore};

pub(super) use kept::{Kept, SNAPSHOTS_MAX, Taken};

impl MemoryStore {
    /// Everything that has a name, without what is only staged.
    pub(super) fn settled_image(&self) -> Image {
        let image = self.image();
        if image.nodes.nameless.is_empty() {
            return image;
        }
        let generation = image.nodes.generation;
        let mut image = MemoryBackend::build(Self::from_image(image, Limits::default()))
            .store()
            .image();
        image.nodes.generation = generation;
        image
    }
}

impl MemoryBackend {
    fn moment(&self, moment: Moment) -> Result<Image> {
        match moment {
            Moment::Now => Ok(self.store().settled_image()),
            Moment::Snapshot(id) => Ok(self.store().kept().get(id)?.image.clone()),
        }
    }
}

fn of_snapshot(operation: &'static str) -> impl Fn(Error) -> Error {
    move |error| error.with_operation(operation)
}

impl Snapshots for MemoryBackend {
    fn list(&self) -> Result<Vec<Snapshot>> {
        self.store().check_open()?;
        let kept = self.store().kept();
        Ok(kept.all().iter().map(|it| it.snapshot.clone()).collect())
    }

    fn take(&self, name: &str) -> Result<Snapshot> {
        self.store().check_open()?;
        check_name(name)?;
        let image = self.store().settled_image();
        let generation = image.nodes.generation;
        let mut kept = self.store().kept();
        let snapshot = kept.keep(name, image)?;
        kept.set_same(generation, snapshot.id);
        drop(kept);
        self.store().snapshots_changed();
        Ok(snapshot)
    }

    fn changes(&self) -> Option<u64> {
        Some(self.store().changes())
    }

    fn restore(&self, id: SnapshotId) -> Result<Snapshot> {
        let told = of_snapshot("restore snapshot");
        self.store().check_open()?;
        let (wanted, image) = {
            let kept = self.store().kept();
            let taken = kept.get(id).map_err(&told)?;
            (taken.snapshot.clone(), taken.image.clone())
        };
        let now = self.store().settled_image();
        let before = {
            let mut kept = self.store().kept();
            match kept.same_as(now.nodes.generation).cloned() {
                Some(same) => same,
                None => {
                    // A name at its longest has no room for more.
                    let name = format!("before restoring {}", wanted.name);
                    let name: String = name.chars().take(NAME_ROOM_CHARS).collect();
                    let name = kept.free_name(&name);
                    kept.keep(&name, now).map_err(&told)?
                }
            }
        };
        let generation = self.put_in_place(image)?;
        self.store().kept().set_same(generation, id);
        Ok(before)
    }

    fn delete(&self, id: SnapshotId) -> Result<()> {
        self.store().check_open()?;
        let forgotten = self.store().kept().forget(id);
        forgotten.map_err(of_snapshot("delete snapshot"))?;
        self.store().snapshots_changed();
        Ok(())
    }

    fn open(&self, id: SnapshotId) -> Result<Arc<dyn Backend>> {
        self.store().check_open()?;
        let image = self.moment(Moment::Snapshot(id));
        let image = image.map_err(of_snapshot("open snapshot"))?;
        let store = MemoryStore::from_image(image, Limits::default());
        // As secret as what it is a snapshot of.
        store.password().clone_from(&self.store().password());
        Ok(Arc::new(ReadOnly::new(Self::build(store))))
    }

    fn diff(&self, from: Moment, to: Moment, control: &Control) -> Result<Vec<SnapshotChange>> {
        self.store().check_open()?;
        let told = of_snapshot("compare snapshots");
        let (from, to) = (self.moment(from), self.moment(to));
        let (from, to) = (from.map_err(&told)?, to.map_err(&told)?);
        diff::diff(&from, &to, self.store().id(), control).map_err(told)
    }

    fn usage(&self) -> Result<SnapshotsUsage> {
        self.store().check_open()?;
        let now = self.store().settled_image();
        let (ids, images): (Vec<_>, Vec<_>) = {
            let kept = self.store().kept();
            let all = kept.all().iter();
            all.map(|it| (it.snapshot.id, it.image.clone())).unzip()
        };
        let contents = images.iter().map(|image| &image.contents);
        let (mut all, total_bytes) = usage::usage(contents.chain([&now.contents]));
        Ok(SnapshotsUsage {
            now: all.pop().unwrap_or_default(),
            snapshots: ids.into_iter().zip(all).collect(),
            total_bytes,
        })
    }
}

/// What a made-up name may take of [`fs_core::snapshots::SNAPSHOT_NAME_MAX_CHARS`], so that a number fits behind it.
const NAME_ROOM_CHARS: usize = 90;
