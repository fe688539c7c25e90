//! Whatever call fails, or whenever it is cancelled: every file is at its source or at its target, whole, and nothing of ours lies about.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fs_backends::MemoryBackend;
use fs_core::middleware::{Effect, Fault, FaultRule};
use fs_core::ops::{Decision, Decisions, Engine, Monitor, Operation, Report};
use fs_core::{Control, ErrorKind};

use crate::watched::Watched;
use crate::world::*;

fn disks() -> (Arc<MemoryBackend>, Arc<MemoryBackend>) {
    let (a, b) = (
        Arc::new(MemoryBackend::new()),
        Arc::new(MemoryBackend::new()),
    );
    for folder in ["/one", "/one/sub", "/two"] {
        mkdir(&*a, folder);
    }
    write(&*a, "/one/x", b"x of one");
    write(&*a, "/one/sub/y", b"y of sub");
    write(&*a, "/two/z", b"z of two");
    write(&*a, "/lone", b"lone");
    mkdir(&*b, "/two");
    write(&*b, "/two/z", b"other z");
    (a, b)
}

fn operations() -> [Operation; 2] {
    let sources = || places(&["a:/one", "a:/two", "a:/lone"]);
    [
        Operation::copy(sources(), place("b:/")),
        Operation::move_into(sources(), place("b:/")),
    ]
}

/// Each file of the source is still there or has arrived; what was in the target is there, replaced whole, or in the trash.
fn nothing_lost(a: &MemoryBackend, b: &MemoryBackend, copied: bool, what: &str) {
    let (before, _) = disks();
    let (at_source, at_target) = (names_and_bytes(a, "/"), names_and_bytes(b, "/"));
    for (name, bytes) in names_and_bytes(&*before, "/") {
        let there = at_source.get(&name);
        if copied {
            assert_eq!(
                there,
                Some(&bytes),
                "{what}: {name} is gone from the source"
            );
        }
        let there = there.or_else(|| at_target.get(&name));
        assert_eq!(there, Some(&bytes), "{what}: {name} is lost");
    }
    let z = at_target.get("/two/z").map(Vec::as_slice);
    let in_trash = {
        use fs_core::Backend as _;
        let trash = b.extensions().trash.unwrap();
        trash.items().unwrap().len()
    };
    assert!(
        z == Some(b"other z")
            || (z == Some(b"z of two") && in_trash == 1)
            || (z.is_none() && in_trash == 1),
        "{what}: {z:?}, {in_trash} in the trash"
    );
}

fn no_leftovers(b: &MemoryBackend, what: &str) {
    for name in names_and_bytes(b, "/").into_keys() {
        assert!(!name.contains(".lamina-"), "{what}: {name} lies about");
    }
}

fn run_with(engine: &Engine, operation: Operation, control: &Control) -> fs_core::Result<Report> {
    let monitor = Monitor::silent(control);
    let plan = engine.plan(operation, monitor)?;
    engine.run(&plan, &Decisions::all(Decision::Replace), monitor)
}

/// The n-th change fails, once or from then on, at the source or at the target.
#[test]
fn any_call_may_fail() {
    for operation in operations() {
        let copied = matches!(operation, Operation::Copy(_));
        for (faulty, gone) in [("a", false), ("b", false), ("a", true), ("b", true)] {
            for nth in 1.. {
                let (a, b) = disks();
                let (fault_a, fault_b) = (Fault::new(a.clone()), Fault::new(b.clone()));
                let rule = FaultRule::on_changes(Effect::Error(ErrorKind::NoSpace));
                let rule = if gone { rule.from(nth) } else { rule.at(nth) };
                let faults = if faulty == "a" {
                    fault_a.faults()
                } else {
                    fault_b.faults()
                };
                faults.add(rule);
                let engine = World::default()
                    .with("a", fault_a)
                    .with("b", fault_b)
                    .engine(None);
                let report = run_with(&engine, operation.clone(), &Control::new()).unwrap();
                let what = format!("{operation:?}: change {nth} of {faulty} fails, gone: {gone}");
                nothing_lost(&a, &b, copied, &what);
                if report.complete() {
                    break;
                }
                if !gone {
                    no_leftovers(&b, &what);
                }
            }
        }
    }
}

#[test]
fn cancelled_at_any_moment() {
    for operation in operations() {
        let copied = matches!(operation, Operation::Copy(_));
        for nth in 1.. {
            let (a, b) = disks();
            let control = Control::new();
            let count = Arc::new(AtomicUsize::new(0));
            let moment = {
                let control = control.clone();
                move || {
                    if count.fetch_add(1, Ordering::SeqCst) + 1 == nth {
                        control.cancel();
                    }
                }
            };
            let engine = World::default()
                .with("a", Watched::new(a.clone(), moment.clone()))
                .with("b", Watched::new(b.clone(), moment))
                .engine(None);
            let report = run_with(&engine, operation.clone(), &control).unwrap();
            let what = format!("{operation:?}: cancelled at moment {nth}");
            assert!(report.failed.is_empty(), "{what}: {}", failures(&report));
            nothing_lost(&a, &b, copied, &what);
            no_leftovers(&b, &what);
            if !control.is_cancelled() {
                assert!(nth > 10, "never cancelled");
                break;
            }
            // A folder that was new is there whole or not at all.
            let came = names_and_bytes(&*b, "/");
            assert_eq!(
                came.contains_key("/one"),
                came.contains_key("/one/sub/y"),
                "{what}"
            );
            // What remains of it can be taken back.
            if let Some(entry) = report.entry {
                let again = Control::new();
                let back = engine.undo(entry, Monitor::silent(&again)).unwrap();
                assert!(back.complete(), "{what}: {}", failures(&back));
                let (first, second) = disks();
                let plain = |disk: &MemoryBackend| names_and_bytes(disk, "/");
                assert_eq!(plain(&a), plain(&first), "{what}");
                assert_eq!(plain(&b), plain(&second), "{what}");
            }
        }
    }
}
