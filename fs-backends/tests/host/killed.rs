//! What a process that was killed while it staged leaves in a folder.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use fs_backends::std_fs::STAGING_PREFIX;
use fs_backends::{StdFsBackend, VRootFsBackend};
use fs_core::{At, Backend, Change, FileStorage, NewNode, RenameMode, VPath, Want};

use super::Host;

/// In the environment of a child: the folder it stages in.
const FOLDER: &str = "LAMINA_STAGE_IN";

/// Run by the tests below in a process of its own: stages nodes of every kind and waits to be killed.
#[test]
#[ignore = "a child of the other tests"]
fn child() {
    let folder = VPath::new(std::env::var_os(FOLDER).unwrap()).unwrap();
    let host = StdFsBackend::new();
    let path = |name: &str| folder.join(&fs_core::Name::new(name).unwrap());
    let mut staged = Vec::new();
    for (name, new) in [
        ("dir", NewNode::directory()),
        ("link", NewNode::symlink("target")),
        ("file", NewNode::file()),
    ] {
        staged.push(host.stage(At::path(&path(name)), &new).unwrap());
    }
    let node = staged[0].node().unwrap();
    let inside = VPath::new("/inside").unwrap();
    host.change(&Change::Create(
        At::in_dir(&node, &inside),
        &NewNode::file(),
    ))
    .unwrap();
    println!("\nstaged");
    loop {
        std::thread::park();
    }
}

/// A child that has staged in `folder`.
fn stage_in(folder: &Path) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::child", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line == "staged"));
    child
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Names of staged nodes that are really there.
fn left_in(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let name = |entry: std::fs::DirEntry| entry.file_name().into_string().unwrap();
    entries
        .map(name)
        .filter(|name| name.starts_with(STAGING_PREFIX))
        .count()
}

fn commit_folder(fs: &dyn Backend, path: &VPath) {
    let staged = fs.stage(At::path(path), &NewNode::directory()).unwrap();
    staged.commit(RenameMode::NoReplace).unwrap();
}

#[test]
fn what_a_killed_process_staged_is_not_shown_and_goes_when_something_is_staged_there() {
    let host = Host::new();
    let folder = host.host("work");
    std::fs::create_dir(&folder).unwrap();
    // What only looks like a staged node is somebody's.
    let strange = format!("{STAGING_PREFIX}0123456789abcdef");
    std::fs::write(folder.join(&strange), b"mine").unwrap();
    kill(stage_in(&folder));
    let left = left_in(&folder);
    assert!(left >= 3, "the child left {left}");
    assert_eq!(host.list("work", &Want::names()).len(), 1);
    commit_folder(&host.backend, &host.at("work/new"));
    assert_eq!(left_in(&folder), 1);
    assert_eq!(std::fs::read(folder.join(&strange)).unwrap(), b"mine");
}

#[test]
fn what_a_living_process_stages_is_left_alone() {
    let host = Host::new();
    let folder = host.host("work");
    std::fs::create_dir(&folder).unwrap();
    let child = stage_in(&folder);
    let staged = left_in(&folder);
    assert!(staged >= 2);
    assert_eq!(host.list("work", &Want::names()).len(), 0);
    commit_folder(&host.backend, &host.at("work/new"));
    assert_eq!(left_in(&folder), staged);
    let work = host.at("work");
    let removed = host.backend.change(&Change::Rmdir(At::path(&work)));
    assert!(removed.is_err());
    assert_eq!(left_in(&folder), staged);
    kill(child);
}

#[test]
fn a_folder_that_shows_nothing_can_be_removed() {
    let host = Host::new();
    for folder in ["one", "two"] {
        std::fs::create_dir(host.host(folder)).unwrap();
        kill(stage_in(&host.host(folder)));
        assert!(left_in(&host.host(folder)) > 0);
    }
    let one = host.at("one");
    host.backend.change(&Change::Rmdir(At::path(&one))).unwrap();
    let sandbox = VRootFsBackend::new(host.dir.path()).unwrap();
    FileStorage::new(sandbox).remove_dir_all("/two").unwrap();
    assert!(!host.host("one").exists() && !host.host("two").exists());
}
