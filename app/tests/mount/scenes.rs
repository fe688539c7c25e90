//! Stories of several calls, told on a mounted filesystem and on the kernel's own in memory: each step must answer the same in both.
//!
//! What is asked is what the man pages promise; the kernel's filesystem says what that is, so that no expectation is written here.

use std::fmt::Debug;
use std::path::Path;

use rustix::io::Errno;

use crate::rules::is_root;
use crate::world::{Kind, World, can_mount, folder};

mod bytes;
mod folders;
mod locks;
mod mappings;
mod names;
mod nodes;

/// A story: what it does in an empty folder, and how each step ended.
type Scene = fn(&Path, &mut Log);

/// The steps of a story and their answers.
#[derive(Default)]
pub struct Log(Vec<String>);

impl Log {
    /// Notes an answer.
    pub fn say(&mut self, step: &str, answer: impl Debug) {
        self.0.push(format!("{step}: {answer:?}"));
    }

    /// Notes how a call ended; hands on what it gave.
    pub fn call<T>(&mut self, step: &str, answer: Result<T, Errno>) -> Option<T> {
        let ended = answer.as_ref().map(drop).map_err(|errno| *errno);
        self.say(step, ended);
        answer.ok()
    }
}

fn tell(scene: Scene, root: &Path) -> Vec<String> {
    let mut log = Log::default();
    scene(root, &mut log);
    log.0
}

/// Tells the stories everywhere; all differences are told at once.
fn compare(scenes: &[(&str, Scene)]) {
    if !can_mount() || !is_root() {
        return;
    }
    let oracle = folder();
    let expected: Vec<_> = scenes
        .iter()
        .map(|(name, scene)| {
            let root = oracle.path().join(name);
            std::fs::create_dir(&root).unwrap();
            tell(*scene, &root)
        })
        .collect();
    let mut differences = Vec::new();
    for kind in Kind::ALL {
        let world = World::new(kind);
        for ((name, scene), expected) in scenes.iter().zip(&expected) {
            let actual = tell(*scene, &world.fresh());
            assert!(!actual.is_empty(), "{name} says nothing");
            let steps = actual.iter().zip(expected);
            let differ = steps.filter(|(actual, expected)| actual != expected);
            differences.extend(
                differ.map(|(got, want)| format!("{kind:?}, {name}: got {got}, want {want}")),
            );
            assert_eq!(
                actual.len(),
                expected.len(),
                "{kind:?}, {name}: {actual:#?}"
            );
        }
        world.unmount();
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

macro_rules! tests {
    ($($module:ident),*) => {
        $(#[test]
        fn $module() {
            compare($module::SCENES);
        })*
    };
}

mod told {
    use super::{bytes, compare, folders, locks, mappings, names, nodes};
    tests!(bytes, folders, locks, mappings, names, nodes);
}
