//! The n-th call of a system call fails, once or from then on, for every tenth n of a short script (`LAMINA_FAULT_STRIDE=1`: for every n).

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use fs_backends::sqlite::Durability;
use fs_core::ErrorKind;
use lamina_tests::audit::{files, is_clean, is_sound};
use lamina_tests::child::{self, Ended, Worker, tell};
use lamina_tests::fault::{self, Effect};
use lamina_tests::random::setting;
use lamina_tests::script::{Files, Focus, Script, Step, content, perform, sizes};
use lamina_tests::vessel::{Open, PASSWORDS, Vessel};

const SEED: u64 = 11;
const STEPS: usize = 10;
const MOST: usize = 500;

fn digest(files: &Files) -> u64 {
    let mut hasher = DefaultHasher::new();
    files.hash(&mut hasher);
    hasher.finish()
}

fn expected(script: &Script) -> u64 {
    let all = script.model.iter();
    let files: Files = all.map(|(path, of)| (path.clone(), content(of))).collect();
    digest(&files)
}

/// `task`: vessel, folder.
pub fn work(task: &[String]) {
    let vessel = Vessel::named(&task[0]);
    let folder = PathBuf::from(&task[1]);
    let open = match vessel.open(&folder, PASSWORDS[0], Durability::EachCall) {
        Ok(open) => open,
        Err(error) => return tell(format_args!("unopened {:?}", error.kind())),
    };
    let mut script = Script::new(SEED, Focus::Mixed).small();
    for number in 1..=STEPS {
        let step = script.draw();
        one(&open, &mut script, &step);
        if number == STEPS / 2
            && let Err(error) = open.backend.sync(fs_core::Scope::All)
        {
            is_told(&error);
        }
    }
    tell(format_args!("done"));
    match open.backend.close() {
        Ok(()) => tell(format_args!("closed")),
        Err(error) => is_told(&error),
    }
}

/// What a full or a broken disk may be called.
fn is_told(error: &fs_core::Error) {
    let kind = error.kind();
    assert!(
        matches!(kind, ErrorKind::NoSpace | ErrorKind::Io),
        "{error:?}"
    );
    tell(format_args!("failed {kind:?} {error}"));
}

/// Tries a step. One that fails leaves everything as it was, for whoever reads on.
fn one(open: &Open, script: &mut Script, step: &Step) {
    let fs = open.storage();
    match perform(&fs, step) {
        Ok(()) => {
            script.accept(step);
            match open.settle() {
                Ok(()) => tell(format_args!("state {}", expected(script))),
                Err(error) => is_told(&error),
            }
        }
        Err(error) => {
            let mut after = script.clone();
            after.accept(step);
            tell(format_args!("maybe {}", expected(&after)));
            is_told(&error);
            let now = files(&fs).unwrap_or_else(|error| panic!("after {step:?} failed: {error:?}"));
            script.adopt(step, &now);
        }
    }
}

/// What is left is what was told last; of the step that failed after that, nobody was told that it is not there.
fn examine(vessel: Vessel, folder: &Path, ended: &Ended, what: &str) {
    let open = vessel
        .open(folder, PASSWORDS[0], Durability::OnSync)
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    is_sound(&*open.backend, what);
    let now = files(&open.storage()).unwrap();
    let found = digest(&now).to_string();
    let mut allowed = vec![digest(&Files::new()).to_string()];
    for line in &ended.heard {
        if let Some(state) = line.strip_prefix("state ") {
            allowed = vec![state.to_owned()];
        } else if let Some(state) = line.strip_prefix("maybe ") {
            // Until the next acknowledgement: a transaction whose sync failed may have reached the disk.
            allowed.push(state.to_owned());
        }
    }
    assert!(
        allowed.contains(&found),
        "{what}: {:?} is not what was told: {:#?}",
        sizes(&now),
        ended.heard
    );
    is_clean(&*open.backend, what);
    open.backend.close().unwrap();
}

fn tampered(vessel: Vessel, call: &str, effect: Effect) {
    if let Err(why) = fault::can_tamper() {
        lamina_tests::left_out("system calls that fail", &why);
        return;
    }
    let made = lamina_tests::folder();
    vessel.make(made.path()).unwrap();
    let stride = setting("LAMINA_FAULT_STRIDE", 10) as usize;
    let (mut failed, mut unopened) = (0, 0);
    for nth in (1..).step_by(stride) {
        let what = format!("{vessel:?}, {call} {nth} {effect:?}");
        assert!(nth < MOST, "{what}: it never ends");
        let folder = lamina_tests::folder();
        fault::run(&[
            "cp",
            "-a",
            vessel.place(made.path()).to_str().unwrap(),
            folder.path().to_str().unwrap(),
        ]);
        let wrapper = fault::at_call(call, nth, effect);
        let name = format!("{vessel:?}");
        let task = ["tamper", &name, folder.path().to_str().unwrap()];
        let ended = Worker::start(&mut child::command(&wrapper, &task)).end(&what);
        assert!(ended.status.success(), "{what}: {}", ended.errors);
        examine(vessel, folder.path(), &ended, &what);
        if ended.last("unopened").is_some() {
            unopened += 1;
        } else if ended.last("failed").is_some() {
            failed += 1;
        } else if ended.heard.iter().any(|line| line == "closed") && nth > failed + unopened + 20 {
            // Some calls fail without anybody being told, and rightly: those of the background.
            break;
        }
    }
    println!("{vessel:?}, {call} {effect:?}: {failed} scripts were told, {unopened} not opened");
}

macro_rules! tampered {
    ($($test:ident: $vessel:ident $call:literal $effect:expr;)*) => {
        $(#[test] fn $test() { tampered(Vessel::$vessel, $call, $effect); })*
    };
}

tampered! {
    a_plain_vault_on_a_disk_that_fills_up: Plain "pwrite64" Effect::FromHere("ENOSPC");
    an_encrypted_vault_on_a_disk_that_fills_up: Encrypted "pwrite64" Effect::FromHere("ENOSPC");
    a_store_on_a_disk_that_fills_up: Store "pwrite64" Effect::FromHere("ENOSPC");
    a_host_folder_on_a_disk_that_fills_up: Host "pwrite64" Effect::FromHere("ENOSPC");
    a_plain_vault_with_one_write_without_room: Plain "pwrite64" Effect::Once("ENOSPC");
    a_store_with_one_write_without_room: Store "pwrite64" Effect::Once("ENOSPC");
    a_plain_vault_with_one_failing_write: Plain "pwrite64" Effect::Once("EIO");
    an_encrypted_vault_with_one_failing_write: Encrypted "pwrite64" Effect::Once("EIO");
    a_store_with_one_failing_write: Store "pwrite64" Effect::Once("EIO");
    a_plain_vault_with_one_failing_sync: Plain "fsync,fdatasync" Effect::Once("EIO");
    an_encrypted_vault_with_one_failing_sync: Encrypted "fsync,fdatasync" Effect::Once("EIO");
    a_store_with_one_failing_sync: Store "fsync,fdatasync,syncfs" Effect::Once("EIO");
    saved_memory_with_one_failing_sync: Memory "fsync,fdatasync" Effect::Once("EIO");
    a_host_folder_with_one_failing_sync: Host "fsync,fdatasync" Effect::Once("EIO");
    a_plain_vault_that_is_never_synced: Plain "fsync,fdatasync" Effect::FromHere("EIO");
    a_store_that_is_never_synced: Store "fsync,fdatasync,syncfs" Effect::FromHere("EIO");
    a_plain_vault_that_cannot_be_cut: Plain "ftruncate" Effect::FromHere("EIO");
    a_store_whose_names_cannot_change: Store "rename,renameat,renameat2" Effect::Once("EIO");
    saved_memory_that_cannot_be_renamed: Memory "rename,renameat,renameat2" Effect::Once("EIO");
}
