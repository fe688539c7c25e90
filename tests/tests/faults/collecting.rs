//! Collections without a pause beside a script, while the files of the blobs look as old as they can: what is needed is never taken for a leftover.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use fs_backends::sqlite::Durability;
use fs_core::Control;
use lamina_tests::audit::{files, is_clean, is_sound};
use lamina_tests::random::setting;
use lamina_tests::script::{Focus, Script, perform, sizes};
use lamina_tests::vessel::{PASSWORDS, Vessel};

const STEPS: usize = 120;
const SEED: u64 = 21;

/// The clock jumped, for the host: everything was changed long ago.
fn make_old(blobs: &Path) {
    for entry in std::fs::read_dir(blobs).unwrap() {
        // Sealed or removed meanwhile.
        let file = std::fs::File::options()
            .write(true)
            .open(entry.unwrap().path());
        if let Ok(file) = file {
            file.set_modified(std::time::UNIX_EPOCH).unwrap();
        }
    }
}

/// Ends the collections when it goes.
struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn collected(vessel: Vessel) {
    for seed in SEED..SEED + setting("LAMINA_COLLECT_ROUNDS", 1) {
        for focus in [Focus::Mixed, Focus::Import, Focus::Overwrite] {
            let folder = lamina_tests::folder();
            vessel.make(folder.path()).unwrap();
            let open = vessel.open(folder.path(), PASSWORDS[0], Durability::OnSync);
            let open = open.unwrap();
            let blobs = vessel.place(folder.path()).join("blobs");
            let done = AtomicBool::new(false);
            let mut script = Script::new(seed, focus).small();
            let mut collections = 0;
            std::thread::scope(|scope| {
                let maintenance = open.backend.extensions().maintenance.unwrap();
                let counted = scope.spawn(|| {
                    let mut count = 0;
                    while !done.load(Ordering::Relaxed) {
                        make_old(&blobs);
                        maintenance.collect(0, &Control::new()).unwrap();
                        count += 1;
                    }
                    count
                });
                // Also when a step fails.
                let ended = Ended(&done);
                let fs = open.storage();
                for _ in 0..STEPS {
                    let step = script.draw();
                    perform(&fs, &step).unwrap();
                    script.accept(&step);
                }
                drop(ended);
                collections = counted.join().unwrap();
            });
            let what = format!("{vessel:?} {focus:?}, seed {seed}");
            let now = files(&open.storage()).unwrap();
            assert!(script.agrees(&now), "{what}: {:?}", sizes(&now));
            is_sound(&*open.backend, &what);
            is_clean(&*open.backend, &what);
            open.backend.close().unwrap();
            println!("{what}: {collections} collections beside {STEPS} steps");
        }
    }
}

#[test]
fn a_store() {
    collected(Vessel::Store);
}

#[test]
fn an_encrypted_store() {
    collected(Vessel::EncryptedStore);
}
