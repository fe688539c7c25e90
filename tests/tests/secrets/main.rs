//! What an encrypted filesystem keeps to itself: nothing of it is on the disk in clear, whatever the program did and however it ended, and neither password nor
//! key is in the memory of a process that has closed it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod memory;
mod traces;

use lamina_tests::child;

#[test]
fn child() {
    // In the parent there is nothing to do.
    if let Some(task) = child::task() {
        memory::work(&task);
    }
}

/// Where `needle` is in `hay`.
fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    let (first, rest) = needle.split_first().unwrap();
    let mut from = 0;
    while let Some(at) = hay[from..].iter().position(|byte| byte == first) {
        from += at + 1;
        if hay[from..].starts_with(rest) {
            return Some(from - 1);
        }
    }
    None
}
