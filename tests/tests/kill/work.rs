//! What the child does: a script without end, and beside it what looks after the filesystem.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fs_backends::sqlite::Durability;
use fs_core::{Backend, Control};
use lamina_tests::child::tell;
use lamina_tests::script::perform;
use lamina_tests::vessel::PASSWORDS;

use crate::random::{CASES, Task};

/// Where the script ends when nothing kills the child before.
const STEPS: usize = 60;

/// `task`: number of the case, seed, folder.
pub fn work(task: &[String]) {
    let case = &CASES[task[0].parse::<usize>().unwrap()];
    let seed = task[1].parse().unwrap();
    let folder = PathBuf::from(&task[2]);
    let open = case
        .vessel
        .open(&folder, PASSWORDS[0], Durability::OnSync)
        .unwrap();
    tell(format_args!("ready"));
    let done = AtomicUsize::new(0);
    let until = case.task.rounds();
    std::thread::scope(|scope| {
        if case.task != Task::Nothing {
            scope.spawn(|| disturb(&*open.backend, case.task, &folder, &done));
        }
        let fs = open.storage();
        let mut script = case.script(seed);
        for number in 1.. {
            let step = script.draw();
            perform(&fs, &step).unwrap();
            script.accept(&step);
            open.settle().unwrap();
            tell(format_args!("step {number}"));
            if number >= STEPS && done.load(Ordering::Relaxed) >= until {
                return;
            }
        }
    });
    open.backend.close().unwrap();
}

fn disturb(backend: &dyn Backend, task: Task, folder: &std::path::Path, done: &AtomicUsize) {
    let maintenance = backend.extensions().maintenance.unwrap();
    let control = Control::new();
    for round in 1..=task.rounds() {
        match task {
            Task::Nothing => {}
            Task::Checkpoint => backend.sync(fs_core::Scope::All).unwrap(),
            Task::Compact => drop(maintenance.compact(&control).unwrap()),
            Task::Rekey => {
                let (old, new) = (PASSWORDS[(round + 1) % 2], PASSWORDS[round % 2]);
                tell(format_args!("to {}", round % 2));
                maintenance.change_password(old, new).unwrap();
                tell(format_args!("is {}", round % 2));
            }
            Task::Collect => drop(maintenance.collect(0, &control).unwrap()),
            Task::Backup => {
                let to = folder.join(format!("copy{round}"));
                maintenance.backup(&to, &control).unwrap();
            }
        }
        done.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(1));
    }
}
