//! Threads that reap, seal and read the same blob.

use super::*;
use crate::catalog::{Format, OpenRequest, Secret, insert_content};
use crate::indexed::{BLOBS, INDEX, IndexedBackend};

/// Two threads reap at the same time: one is about to seal what the other removes.
#[test]
fn a_blob_removed_before_it_is_sealed_is_no_failure() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    drop(IndexedBackend::create(&path).unwrap());
    let database = Database::open(&OpenRequest {
        path: &path.join(INDEX),
        format: Format::Index,
        secret: Secret::None,
        durability: Durability::OnSync,
        read_only: false,
        prove: None,
    });
    // Without a keeper that would be a third one.
    let folder = BlobFolder::open(&path.join(BLOBS)).unwrap();
    let store = BlobStore::new(Arc::new(database.unwrap()), folder).unwrap();
    let blob = store.new_blob().unwrap();
    blob.state().writing = false;
    store.0.unsealed.lock().push_back(blob.id());
    store.0.folder.remove(blob.name()).unwrap();
    assert!(!store.seal_some().unwrap());
}

/// After a kill one thread reads a blob that another one seals: whoever came second cut off what tells that a sealed one is whole.
#[test]
fn a_blob_that_is_read_while_it_is_sealed_stays_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    drop(IndexedBackend::create_encrypted(&path, "secret").unwrap());
    let database = Database::open(&OpenRequest {
        path: &path.join(INDEX),
        format: Format::Index,
        secret: Secret::Password("secret"),
        durability: Durability::OnSync,
        read_only: false,
        prove: None,
    });
    let folder = BlobFolder::open(&path.join(BLOBS)).unwrap();
    let store = BlobStore::new(Arc::new(database.unwrap()), folder).unwrap();
    for round in 0..300 {
        let id = {
            let blob = store.new_blob().unwrap();
            blob.write_at(&[7; 40_000], 0).unwrap();
            store
                .0
                .database
                .write_early(|db| {
                    insert_content(db, blob.id(), 1, 0)?;
                    store.tell(db, &blob, 40_000, None)
                })
                .unwrap();
            store.0.fresh.lock().remove(&blob.id());
            blob.id()
        };
        assert!(store.find(id).is_none(), "as after a kill");
        store.0.unsealed.lock().push_back(id);
        let start = std::sync::Barrier::new(3);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    start.wait();
                    let read = store.existing(id).unwrap();
                    let mut bytes = [0; 10];
                    read.read_at(&mut bytes, 39_990).unwrap();
                    assert_eq!(bytes, [7; 10]);
                });
            }
            start.wait();
            assert!(store.seal_some().unwrap());
        });
        let whole = store.existing(id).map(|blob| blob.state().sealed.is_some());
        assert!(whole.unwrap(), "round {round}");
    }
}
