//! Disks that are full and disks that fail: the exact error, nothing half done, reading goes on, and nothing is acknowledged that could be lost. And
//! what goes on at the same time: other processes, a close, a collection, clocks that jump.
//!
//! System calls fail by `strace` (`tamper`), disks are really full in a mount namespace of the test's own (`full`), a device has no blocks
//! to give (`device`). What can't be done here is left
//! out, which is said.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod closing;
mod collecting;
mod device;
mod emptied;
mod full;
mod reading;
mod sharing;
mod tamper;

use lamina_tests::child;

#[test]
fn child() {
    // In the parent there is nothing to do.
    if let Some(task) = child::task() {
        match task[0].as_str() {
            "tamper" => tamper::work(&task[1..]),
            "reading" => reading::work(&task[1..]),
            "full" => full::work(&task[1..]),
            "full-batch" => full::batch(&task[1..]),
            "full-emptied" => emptied::work(&task[1..]),
            "full-closed" => full::closed(&task[1..]),
            "full-overwrite" => full::overwrite(&task[1..]),
            "device" => device::work(&task[1..]),
            "closing" => closing::work(&task[1..]),
            "unsynced" => closing::unsynced(&task[1..]),
            "sharing" => sharing::work(&task[1..]),
            "changing" => sharing::change(&task[1..]),
            other => panic!("{other}"),
        }
    }
}
