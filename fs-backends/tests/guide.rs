//! Every code sample of the guide runs.

#[path = "../examples/guide_indexed.rs"]
mod guide_indexed;
#[path = "../examples/guide_memory.rs"]
mod guide_memory;
#[path = "../examples/guide_overlay.rs"]
mod guide_overlay;
#[path = "../examples/guide_sqlite.rs"]
mod guide_sqlite;
#[path = "../examples/guide_std_fs.rs"]
mod guide_std_fs;
#[path = "../examples/guide_vroot_fs.rs"]
mod guide_vroot_fs;

#[test]
fn indexed() {
    guide_indexed::main().unwrap();
}

#[test]
fn memory() {
    guide_memory::main().unwrap();
}

#[test]
fn overlay() {
    guide_overlay::main().unwrap();
}

#[test]
fn sqlite() {
    guide_sqlite::main().unwrap();
}

#[test]
fn std_fs() {
    guide_std_fs::main().unwrap();
}

#[test]
fn vroot_fs() {
    guide_vroot_fs::main().unwrap();
}
