//! Who is not root mounts through `fusermount3(1)`, and alone sees what is mounted.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use crate::lifecycle::{Shell, until};
use crate::rules::{User, as_user, is_root};
use crate::world::{can_mount, program_as, skipped};

/// The helper mounts only for users the system knows: this is `nobody`.
const NOBODY: User = User {
    uid: 65534,
    gid: 65534,
};

fn can_mount_as_others() -> bool {
    if !can_mount() || !is_root() {
        return false;
    }
    let helper = Command::new("fusermount3")
        .arg("--version")
        .output()
        .is_ok();
    let device = as_user(NOBODY, || {
        fs::File::options().read(true).write(true).open("/dev/fuse")
    });
    if !helper || device.is_err() {
        skipped("only root can mount here: no fusermount3, or /dev/fuse is root's");
    }
    helper && device.is_ok()
}

#[test]
fn they_mount_work_and_unmount() {
    if !can_mount_as_others() {
        return;
    }
    let shell = Shell::of(NOBODY);
    shell.ok(&["new", "vault", "a.db"]);
    let mounted = shell.mount(&["a.db", "mnt"]);
    let said = as_them(&shell, "printf kept > mnt/note && stat -c %u:%g mnt/note");
    assert_eq!(said, "65534:65534\n");
    let refused = fs::read(shell.path("mnt/note")).unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(libc::EACCES), "others look in");
    mounted.signal(Signal::TERM);
    mounted.ends_well();
    assert!(!shell.is_mounted());
    assert_eq!(shell.ok(&["cat", "a.db::/note"]), "kept");
}

#[test]
fn they_go_on_in_the_background_and_unmount_with_the_helper() {
    if !can_mount_as_others() {
        return;
    }
    let shell = Shell::of(NOBODY);
    shell.ok(&["new", "store", "media"]);
    shell.ok(&["mount", "media", "mnt"]);
    let said = as_them(&shell, "printf kept > mnt/note && fusermount3 -u mnt");
    assert_eq!(said, "");
    assert!(!shell.is_mounted());
    until("the store is free", || {
        shell.run(&["cat", "media::/note"]).stdout == b"kept"
    });
}

/// Runs a script in the folder of `shell` as they would: as root's, another thread's identity is not good enough for FUSE. Answers what it said.
fn as_them(shell: &Shell, script: &str) -> String {
    let output = program_as(NOBODY, Path::new("/bin/sh"))
        .args(["-c", script])
        .current_dir(shell.path(""))
        .env("LC_ALL", "C")
        .output();
    let output = output.unwrap();
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8(said).unwrap()
}

#[test]
fn what_they_mount_to_read_is_not_written_to() {
    if !can_mount_as_others() {
        return;
    }
    let shell = Shell::of(NOBODY);
    let mounted = shell.mount(&["--read-only", "memory:a", "mnt"]);
    let said = as_them(&shell, "ls mnt; touch mnt/x");
    assert!(said.contains("Read-only file system"), "{said}");
    mounted.signal(Signal::INT);
    mounted.ends_well();
}

#[test]
fn their_killed_process_leaves_no_dead_folder() {
    if !can_mount_as_others() {
        return;
    }
    let shell = Shell::of(NOBODY);
    shell.ok(&["new", "vault", "a.db"]);
    let mut mounted = shell.mount(&["a.db", "mnt"]);
    assert_eq!(as_them(&shell, "printf kept > mnt/note"), "");
    mounted.child.kill().unwrap();
    mounted.child.wait().unwrap();
    until("unmounted", || !shell.is_mounted());
    assert_eq!(shell.ok(&["cat", "a.db::/note"]), "kept");
}

#[test]
fn a_folder_that_is_not_theirs_is_refused_in_a_sentence() {
    if !can_mount_as_others() {
        return;
    }
    let shell = Shell::of(NOBODY);
    let mnt = shell.path("mnt");
    std::os::unix::fs::chown(&mnt, Some(0), Some(0)).unwrap();
    // The differential tests take the umask of the whole process away.
    fs::set_permissions(&mnt, fs::Permissions::from_mode(0o755)).unwrap();
    let said = shell.fails(1, &["mount", "memory:a", "mnt"]);
    assert!(said.contains("fusermount3"), "{said}");
    assert!(!shell.is_mounted());
}
