//! In which order a record is written over, so that even a power cut finds it whole.
//!
//! The host writes what a program wrote in any order, and half of it. So a record that somebody may know to be durable is changed in two places one
//! after the other, the spare slot and its own, and neither is touched before the other is on the disk. A record that is new since the last sync needs
//! no such care.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::indexed::runs::Runs;

/// Counts the times all blobs of a folder are made durable.
#[derive(Default)]
pub(in crate::indexed) struct Syncs {
    begun: AtomicU64,
    done: AtomicU64,
}

impl Syncs {
    /// One begins; answers its number.
    pub(in crate::indexed) fn begin(&self) -> u64 {
        self.begun.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// The one with this number succeeded: everything written before it began is durable.
    pub(in crate::indexed) fn end(&self, number: u64) {
        self.done.fetch_max(number, Ordering::SeqCst);
    }
}

/// What must be durable before what.
#[derive(Default)]
pub(super) struct Order {
    syncs: Arc<Syncs>,
    /// Syncs that had begun when the first of `new` was written.
    begun: u64,
    /// Records written for the first time since, which nobody was told are durable.
    new: Runs,
    /// The spare slot may be all that is whole of a record, until a sync that begins after so many.
    guards: Option<u64>,
}

impl Order {
    /// For a blob made durable with the others that `syncs` counts.
    pub(super) fn with(syncs: Arc<Syncs>) -> Self {
        Self {
            syncs,
            ..Self::default()
        }
    }

    /// As [`Order::with`], for a file that a program left in the middle.
    pub(super) fn after_a_crash(syncs: Arc<Syncs>) -> Self {
        Self {
            guards: Some(u64::MAX),
            ..Self::with(syncs)
        }
    }

    /// These records are written for the first time; told before they are.
    pub(super) fn first_written(&mut self, records: &std::ops::Range<u64>) {
        self.forget_old();
        self.new.insert(records.start, records.end);
    }

    /// Must the file be made durable before the spare slot is written?
    pub(super) fn spare_waits(&self) -> bool {
        let done = self.syncs.done.load(Ordering::SeqCst);
        self.guards.is_some_and(|begun| done <= begun)
    }

    /// The file was made durable.
    pub(super) fn is_durable(&mut self) {
        self.guards = None;
    }

    /// Must the spare slot be made durable before this record is written over?
    pub(super) fn place_waits(&mut self, index: u64) -> bool {
        self.forget_old();
        !self.new.contains(index)
    }

    /// This record is about to be written over.
    pub(super) fn place_written(&mut self, index: u64) {
        if !self.new.contains(index) {
            self.guards = Some(self.syncs.begun.load(Ordering::SeqCst));
        }
    }

    fn forget_old(&mut self) {
        let begun = self.syncs.begun.load(Ordering::SeqCst);
        if begun != self.begun {
            self.begun = begun;
            self.new = Runs::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One place of a file: what was written to it last, and whether the disk has it.
    #[derive(Clone, Copy, Default)]
    struct Cell {
        record: u64,
        version: u64,
        on_disk: bool,
    }

    const RECORDS: u64 = 4;

    struct Model {
        order: Order,
        syncs: Arc<Syncs>,
        spare: Cell,
        places: [Cell; RECORDS as usize],
        /// The version of each record that somebody was told is durable.
        told: [u64; RECORDS as usize],
        version: u64,
        own_syncs: usize,
    }

    impl Model {
        /// Worst of all, of everything that is under way nothing is readable.
        fn survives_a_power_cut(&self) {
            for record in 0..RECORDS {
                let (told, place) = (self.told[record as usize], self.places[record as usize]);
                let whole =
                    |cell: Cell| cell.on_disk && cell.record == record && cell.version >= told;
                assert!(
                    told == 0 || whole(place) || whole(self.spare),
                    "record {record} of version {told}"
                );
            }
        }

        fn flush(&mut self) {
            self.spare.on_disk = true;
            for place in &mut self.places {
                place.on_disk = true;
            }
        }

        fn own_sync(&mut self) {
            self.own_syncs += 1;
            self.flush();
            self.order.is_durable();
        }

        fn write(&mut self, record: u64) {
            self.version += 1;
            let cell = Cell {
                record,
                version: self.version,
                on_disk: false,
            };
            if self.places[record as usize].version == 0 {
                self.order.first_written(&(record..record + 1));
                self.places[record as usize] = cell;
                return self.survives_a_power_cut();
            }
            if self.order.spare_waits() {
                self.own_sync();
            }
            self.spare = cell;
            self.survives_a_power_cut();
            if self.order.place_waits(record) {
                self.own_sync();
            }
            self.order.place_written(record);
            self.places[record as usize] = cell;
            self.survives_a_power_cut();
        }

        /// All blobs are made durable, while perhaps one record is written.
        fn sync(&mut self, meanwhile: Option<u64>, works: bool) {
            let number = self.syncs.begin();
            let before = self.places.map(|place| place.version);
            self.flush();
            if let Some(record) = meanwhile {
                self.write(record);
            }
            if works {
                self.syncs.end(number);
                self.told = before;
            }
            self.survives_a_power_cut();
        }
    }

    proptest! {
        #[test]
        fn a_record_that_was_durable_is_whole_at_every_moment(
            steps in prop::collection::vec((0..8u64, 0..RECORDS, any::<bool>()), 1..60)
        ) {
            let syncs = Arc::<Syncs>::default();
            let mut model = Model {
                order: Order::with(Arc::clone(&syncs)),
                syncs,
                spare: Cell::default(),
                places: [Cell::default(); RECORDS as usize],
                told: [0; RECORDS as usize],
                version: 0,
                own_syncs: 0,
            };
            for (step, record, works) in steps {
                match step {
                    0 => model.sync(None, works),
                    1 => model.sync(Some(record), works),
                    _ => model.write(record),
                }
            }
        }
    }

    /// What nobody was promised costs nothing.
    #[test]
    fn appending_without_syncs_makes_nothing_durable() {
        let mut order = Order::default();
        order.first_written(&(0..1));
        for _ in 0..5 {
            assert!(!order.spare_waits() && !order.place_waits(0));
            order.place_written(0);
        }
    }
}
