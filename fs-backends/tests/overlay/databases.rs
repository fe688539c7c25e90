//! Layers in vaults and stores: the suite, and random operations against a plain copy.

use std::sync::Arc;

use fs_backends::indexed::StoreOptions;
use fs_backends::sqlite::{Durability, VaultOptions};
use fs_backends::{IndexedBackend, MemoryBackend, SqliteBackend};
use fs_core::Overlay;
use fs_core::conformance::{Fresh, Suite};
use proptest::prelude::*;

use crate::model::{Look, Op, check, filled, ops, run};

fn vault() -> (tempfile::TempDir, SqliteBackend) {
    let dir = tempfile::tempdir().unwrap();
    let options = VaultOptions::new().durability(Durability::OnSync);
    let vault = options.create(dir.path().join("x.db")).unwrap();
    (dir, vault)
}

fn store() -> (tempfile::TempDir, IndexedBackend) {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions::new().durability(Durability::OnSync);
    let store = options.create(dir.path().join("x")).unwrap();
    (dir, store)
}

#[test]
fn suite_a_vault_over_memory() {
    Suite::new("overlay: a vault over memory", || {
        let (dir, upper) = vault();
        Fresh::new(Overlay::new(MemoryBackend::new(), upper)).keeping(dir)
    })
    .assert();
}

#[test]
fn suite_a_store_over_memory() {
    Suite::new("overlay: a store over memory", || {
        let (dir, upper) = store();
        Fresh::new(Overlay::new(MemoryBackend::new(), upper)).keeping(dir)
    })
    .assert();
}

#[test]
fn suite_a_vault_over_a_store() {
    Suite::new("overlay: a vault over a store", || {
        let ((below, base), (above, upper)) = (store(), vault());
        Fresh::new(Overlay::new(base, upper)).keeping((below, above))
    })
    .assert();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_vault_over_memory(base in ops(30), ops in ops(30)) {
        let base = Arc::new(filled(&base));
        let (dir, upper) = vault();
        let upper = Arc::new(upper);
        check(&base, &ops, Look::default(), || Box::new(Overlay::new(base.clone(), upper.clone())));
        drop(dir);
    }

    #[test]
    fn a_store_over_memory(base in ops(30), ops in ops(30)) {
        let base = Arc::new(filled(&base));
        let (dir, upper) = store();
        let upper = Arc::new(upper);
        check(&base, &ops, Look::default(), || Box::new(Overlay::new(base.clone(), upper.clone())));
        drop(dir);
    }

    #[test]
    fn a_store_over_a_vault(base in ops(30), ops in ops(30)) {
        let ((below, lower), (above, upper)) = (vault(), store());
        for op in base.iter().filter(|op| !matches!(op, Op::Link(..))) {
            run(&lower, op).ok();
        }
        let (lower, upper) = (Arc::new(lower), Arc::new(upper));
        check(&filled(&base), &ops, Look::default(), || {
            Box::new(Overlay::new(lower.clone(), upper.clone()))
        });
        drop((below, above));
    }
}
