//! The scheduler: what runs at once, what waits for what, and what can be done to either. Filesystem `a` has a gate: nothing changes it while that is shut.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};
use fs_backends::MemoryBackend;
use fs_core::ops::{OpEvent, OpId, Operation, Scheduler};
use fs_core::{Backend, ErrorKind, VPath};
use parking_lot::{Condvar, Mutex};

use crate::watched::Watched;
use crate::world::*;

/// Nothing a test waits for takes this long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whoever comes waits until it is open.
#[derive(Default)]
struct Gate {
    open: Mutex<bool>,
    changed: Condvar,
}

impl Gate {
    fn pass(&self) {
        let mut open = self.open.lock();
        while !*open {
            self.changed.wait(&mut open);
        }
    }

    fn open(&self) {
        *self.open.lock() = true;
        self.changed.notify_all();
    }
}

struct Scene {
    scheduler: Scheduler,
    events: Receiver<OpEvent>,
    gate: Arc<Gate>,
    a: Arc<MemoryBackend>,
    b: Arc<MemoryBackend>,
}

impl Scene {
    fn new() -> Self {
        let (a, b) = (
            Arc::<MemoryBackend>::default(),
            Arc::<MemoryBackend>::default(),
        );
        let gate = Arc::<Gate>::default();
        for root in ["/one", "/two", "/three"] {
            mkdir(&*a, root);
            write(&*a, &format!("{root}/file"), root.as_bytes());
        }
        let passing = gate.clone();
        let engine = World::default()
            .with("a", Watched::new(a.clone(), move || passing.pass()))
            .with("b", b.clone())
            .engine(None);
        let (sender, events) = bounded(1024);
        Self {
            scheduler: Scheduler::new(Arc::new(engine), sender),
            events,
            gate,
            a,
            b,
        }
    }

    fn folder(&self, at: &str) -> OpId {
        self.scheduler.submit(Operation::CreateFolder(place(at)))
    }

    /// The next end of an operation: whether it worked, and how it failed.
    fn end(&self) -> (OpId, Result<bool, ErrorKind>) {
        loop {
            match self.events.recv_timeout(PATIENCE).unwrap() {
                OpEvent::Done(id, report) => {
                    assert!(report.failed.is_empty(), "{}", failures(&report));
                    return (id, Ok(!report.cancelled));
                }
                OpEvent::Failed(id, error) => return (id, Err(error.kind())),
                OpEvent::Ask(id, _) => panic!("{id:?} asks"),
                OpEvent::Queued(_) | OpEvent::Progress(..) => {}
            }
        }
    }

    /// What was said so far: which operations wait.
    fn queued(&self) -> Vec<OpId> {
        let said = self.events.try_iter();
        let queued = said.filter_map(|event| match event {
            OpEvent::Queued(id) => Some(id),
            OpEvent::Done(id, _) | OpEvent::Failed(id, _) => panic!("{id:?} is over"),
            _ => None,
        });
        queued.collect()
    }
}

fn has(backend: &dyn Backend, path: &str) -> bool {
    backend
        .stat(fs_core::At::path(&VPath::new(path).unwrap()))
        .is_ok()
}

#[test]
fn those_that_write_to_one_filesystem_take_turns_in_order() {
    let scene = Scene::new();
    let first = scene.folder("a:/1");
    let second = scene.folder("a:/2");
    let elsewhere = scene.folder("b:/1");
    assert_eq!(
        scene.end(),
        (elsewhere, Ok(true)),
        "another filesystem is free"
    );
    let both = Operation::move_into(places(&["a:/one"]), place("b:/"));
    let both = scene.scheduler.submit(both);
    // It could run at once, but whoever came before and waits for the same filesystem goes first.
    let behind = scene.folder("b:/2");
    assert_eq!(scene.queued(), [both, behind]);
    assert!(!has(&*scene.b, "/2"));
    assert_eq!(scene.scheduler.running(), [first, second, both, behind]);
    scene.gate.open();
    let ends: Vec<_> = (0..4).map(|_| scene.end()).collect();
    let order = [first, second, both, behind];
    assert_eq!(ends, order.map(|id| (id, Ok(true))));
    assert!(has(&*scene.b, "/one/file") && has(&*scene.b, "/2"));
    assert!(scene.scheduler.running().is_empty());
}

#[test]
fn reading_from_a_filesystem_waits_for_nobody() {
    let scene = Scene::new();
    let writing = scene.folder("a:/1");
    let copy = Operation::copy(places(&["a:/one"]), place("b:/"));
    let copy = scene.scheduler.submit(copy);
    assert_eq!(scene.end(), (copy, Ok(true)));
    assert_eq!(scene.scheduler.running(), [writing]);
    scene.gate.open();
    assert_eq!(scene.end(), (writing, Ok(true)));
}

#[test]
fn one_that_waits_can_be_cancelled_and_is_never_seen() {
    let scene = Scene::new();
    let first = scene.folder("a:/1");
    let unwanted = scene.folder("a:/2");
    let third = scene.folder("a:/3");
    scene.scheduler.cancel(unwanted);
    assert_eq!(scene.end(), (unwanted, Err(ErrorKind::Cancelled)));
    assert_eq!(scene.scheduler.running(), [first, third]);
    scene.gate.open();
    assert_eq!(scene.end(), (first, Ok(true)));
    assert_eq!(scene.end(), (third, Ok(true)));
    assert!(has(&*scene.a, "/1") && has(&*scene.a, "/3") && !has(&*scene.a, "/2"));
}

/// Three folders within one filesystem: a pause holds the copy before the next of them.
fn paused(scene: &Scene) -> OpId {
    mkdir(&*scene.a, "/in");
    let copy = Operation::copy(places(&["a:/one", "a:/two", "a:/three"]), place("a:/in"));
    let id = scene.scheduler.submit(copy);
    scene.scheduler.pause(id);
    scene.gate.open();
    id
}

#[test]
fn a_paused_one_holds_its_filesystem_until_it_goes_on() {
    let scene = Scene::new();
    let id = paused(&scene);
    let behind = scene.folder("a:/1");
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(scene.queued(), [behind]);
    assert!(!has(&*scene.a, "/in/three/file"));
    scene.scheduler.resume(id);
    assert_eq!(scene.end(), (id, Ok(true)));
    assert_eq!(scene.end(), (behind, Ok(true)));
    assert!(has(&*scene.a, "/in/three/file"));
}

#[test]
fn a_paused_one_can_be_cancelled() {
    let scene = Scene::new();
    let id = paused(&scene);
    scene.scheduler.cancel(id);
    let (ended, how) = scene.end();
    assert_eq!(ended, id);
    assert!(
        matches!(how, Ok(false) | Err(ErrorKind::Cancelled)),
        "{how:?}"
    );
    assert!(!has(&*scene.a, "/in/three"));
}
