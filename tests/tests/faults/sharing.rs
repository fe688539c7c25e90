//! Two processes and one filesystem: whoever comes second to write is refused, whoever reads sees one moment, and nobody is in the way of whoever comes
//! after a kill.

use std::path::PathBuf;
use std::time::Duration;

use fs_backends::sqlite::Durability;
use fs_core::{Control, ErrorKind};
use lamina_tests::audit::{files, is_clean, is_sound};
use lamina_tests::child::{self, Worker, tell};
use lamina_tests::script::{Focus, Script, perform, sizes};
use lamina_tests::vessel::{PASSWORDS, Vessel};

const SEED: u64 = 5;
/// How often the other one looks.
const LOOKS: usize = 5;
/// How often it may find the writer with a lock of SQLite in its hand for that: on a slow machine it has one most of the time.
const ROUNDS: usize = 100;

fn script() -> Script {
    Script::new(SEED, Focus::Mixed).small()
}

/// `task`: vessel, folder. Writes until it is killed.
pub fn work(task: &[String]) {
    let vessel = Vessel::named(&task[0]);
    let folder = PathBuf::from(&task[1]);
    let open = vessel.open(&folder, PASSWORDS[0], Durability::OnSync);
    let open = open.unwrap();
    let fs = open.storage();
    let mut script = script();
    for number in 1.. {
        let step = script.draw();
        perform(&fs, &step).unwrap();
        script.accept(&step);
        tell(format_args!("step {number}"));
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn shared(vessel: Vessel) {
    let folder = lamina_tests::folder();
    let folder = folder.path();
    vessel.make(folder).unwrap();
    let name = format!("{vessel:?}");
    let task = ["sharing", &name, folder.to_str().unwrap()];
    let mut worker = Worker::start(&mut child::command(&[], &task));
    assert!(worker.wait_for("step 5"), "{:?}", worker.end(&name).errors);
    let mut seen = 0;
    for round in 0.. {
        assert!(round < ROUNDS, "{seen} of {round} could look");
        let refused = vessel.open(folder, PASSWORDS[0], Durability::OnSync);
        let refused = refused.err().expect("somebody else has it");
        assert_eq!(refused.kind(), ErrorKind::InUse, "{refused:?}");
        let holder = format!("process {} on ", worker.id());
        assert!(refused.to_string().contains(&holder), "{refused}");
        // Stopped anywhere, in the middle of a transaction too: what is read is the state after what it told, or after the step it is in.
        worker.pause();
        let steps = worker.number("step");
        let what = format!("{name}, round {round}, seed {SEED}, stopped after step {steps}");
        match vessel.look(folder, PASSWORDS[0]) {
            Ok(open) => {
                let now = files(&open.storage()).unwrap_or_else(|error| panic!("{what}: {error}"));
                let mut script = script().after(steps);
                let step = script.draw();
                assert!(
                    script.explains(&step, &now),
                    "{what}: then {step:?}: {:?}",
                    sizes(&now)
                );
                seen += 1;
                open.backend.close().unwrap();
            }
            // It holds a lock of SQLite just now.
            Err(error) => assert_eq!(error.kind(), ErrorKind::Busy, "{what}: {error:?}"),
        }
        worker.go_on();
        if seen == LOOKS {
            break;
        }
        std::thread::sleep(Duration::from_millis(30));
    }
    worker.kill();
    let ended = worker.end(&name);
    let steps = ended.number("step");
    let open = vessel.open(folder, PASSWORDS[0], Durability::OnSync);
    let open = open.expect("a lock dies with its process");
    is_sound(&*open.backend, &name);
    let now = files(&open.storage()).unwrap();
    let mut script = script().after(steps);
    let step = script.draw();
    assert!(
        script.explains(&step, &now),
        "{name}: after step {steps}, then {step:?}: {:?}",
        sizes(&now)
    );
    is_clean(&*open.backend, &name);
    open.backend.close().unwrap();
    println!("{name}: {seen} looks beside {steps} steps");
}

#[test]
fn a_plain_vault_of_two() {
    shared(Vessel::Plain);
}

#[test]
fn an_encrypted_vault_of_two() {
    shared(Vessel::Encrypted);
}

#[test]
fn a_store_of_two() {
    shared(Vessel::Store);
}

#[test]
fn an_encrypted_store_of_two() {
    shared(Vessel::EncryptedStore);
}

/// A copy that is made while another process writes, as fast as it can, is whole; of one that stands still it is what is there.
fn copied_beside_its_writer(vessel: Vessel) {
    let folder = lamina_tests::folder();
    let folder = folder.path();
    vessel.make(folder).unwrap();
    let name = format!("{vessel:?}");
    let task = ["sharing", &name, folder.to_str().unwrap()];
    let mut worker = Worker::start(&mut child::command(&[], &task));
    assert!(worker.wait_for("step 5"), "{:?}", worker.end(&name).errors);
    let copies = lamina_tests::folder();
    let copied = |number: usize| {
        let copy = copies.path().join(format!("copy {number}"));
        std::fs::create_dir(&copy).unwrap();
        let look = vessel.look(folder, PASSWORDS[0])?;
        let maintenance = look.backend.extensions().maintenance.unwrap();
        let done = maintenance.backup(&vessel.place(&copy), &Control::new());
        look.backend.close().unwrap();
        done.map(|()| copy)
    };
    for number in 0..LOOKS {
        match copied(number) {
            Ok(copy) => {
                let open = vessel
                    .open(&copy, PASSWORDS[0], Durability::OnSync)
                    .unwrap();
                is_sound(&*open.backend, &name);
                files(&open.storage()).unwrap();
                open.backend.close().unwrap();
            }
            // It holds a lock of SQLite just now, or writes to a blob all the time.
            Err(error) => assert_eq!(error.kind(), ErrorKind::Busy, "{name}: {error:?}"),
        }
    }
    let mut seen = 0;
    for number in LOOKS..LOOKS + ROUNDS {
        worker.pause();
        let steps = worker.number("step");
        match copied(number) {
            Ok(copy) => {
                let open = vessel
                    .open(&copy, PASSWORDS[0], Durability::OnSync)
                    .unwrap();
                let now = files(&open.storage()).unwrap();
                let mut script = script().after(steps);
                let step = script.draw();
                assert!(
                    script.explains(&step, &now),
                    "{name}: stopped after step {steps}, then {step:?}: {:?}",
                    sizes(&now)
                );
                is_sound(&*open.backend, &name);
                open.backend.close().unwrap();
                seen += 1;
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::Busy, "{name}: {error:?}"),
        }
        worker.go_on();
        if seen == LOOKS {
            break;
        }
        std::thread::sleep(Duration::from_millis(30));
    }
    assert_eq!(seen, LOOKS, "{name}");
    worker.kill();
    worker.end(&name);
}

#[test]
fn a_store_copied_beside_its_writer() {
    copied_beside_its_writer(Vessel::Store);
}

#[test]
fn an_encrypted_store_copied_beside_its_writer() {
    copied_beside_its_writer(Vessel::EncryptedStore);
}

/// `task`: vessel, folder. Changes the password as soon as it is told to.
pub fn change(task: &[String]) {
    let vessel = Vessel::named(&task[0]);
    let folder = PathBuf::from(&task[1]);
    let open = vessel.open(&folder, PASSWORDS[0], Durability::OnSync);
    let open = open.unwrap();
    tell(format_args!("ready"));
    while !folder.join("go").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let maintenance = open.backend.extensions().maintenance.unwrap();
    match maintenance.change_password(PASSWORDS[0], PASSWORDS[1]) {
        Ok(()) => tell(format_args!("changed 1")),
        Err(error) => tell(format_args!("refused {error}")),
    }
    tell(format_args!("done"));
    open.backend.close().unwrap();
}

/// Whoever reads meanwhile gets what was written or an error, never what the old key makes of new pages.
fn changed_under_a_reader(vessel: Vessel) {
    let folder = lamina_tests::folder();
    let folder = folder.path();
    vessel.make(folder).unwrap();
    let open = vessel.open(folder, PASSWORDS[0], Durability::OnSync);
    let open = open.unwrap();
    let mut script = script();
    for _ in 0..30 {
        let step = script.draw();
        perform(&open.storage(), &step).unwrap();
        script.accept(&step);
    }
    open.backend.close().unwrap();
    let name = format!("{vessel:?}");
    let task = ["changing", &name, folder.to_str().unwrap()];
    let mut worker = Worker::start(&mut child::command(&[], &task));
    assert!(worker.wait_for("ready"), "{:?}", worker.end(&name).errors);
    let look = vessel.look(folder, PASSWORDS[0]).unwrap();
    assert!(script.agrees(&files(&look.storage()).unwrap()));
    std::fs::write(folder.join("go"), "").unwrap();
    assert!(worker.wait_for("done"), "{:?}", worker.end(&name).errors);
    let changed = worker.number("changed") == 1;
    if let Ok(now) = files(&look.storage()) {
        assert!(script.agrees(&now), "{name}: {:?}", sizes(&now));
    }
    // Its log is gone, perhaps; closing tells, or not.
    look.backend.close().unwrap_or_default();
    drop(look);
    let ended = worker.end(&name);
    assert!(ended.status.success(), "{name}: {}", ended.errors);
    let open = vessel.open(folder, PASSWORDS[usize::from(changed)], Durability::OnSync);
    let open = open.unwrap_or_else(|error| panic!("{name}, {:?}: {error}", ended.heard));
    is_sound(&*open.backend, &name);
    assert!(script.agrees(&files(&open.storage()).unwrap()));
    open.backend.close().unwrap();
}

#[test]
fn the_password_of_a_vault_that_is_read() {
    changed_under_a_reader(Vessel::Encrypted);
}

#[test]
fn the_password_of_a_store_that_is_read() {
    changed_under_a_reader(Vessel::EncryptedStore);
}
