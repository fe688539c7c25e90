//! Every call on every kind of path by every kind of user, with the answer and the effects (modes, owners, links, times) that the kernel's own
//! filesystem in memory shows. What pjdfstest asks in 8,800 assertions is asked here as a product.

mod calls;
mod lab;

use rustix::fs::Mode;

use self::calls::{Op, double_calls, single_calls, some};
use self::lab::{ANNE, BERT, Lab, ROOT, USERS};
use crate::rules::{User, is_root};
use crate::world::{Kind, World, can_mount, folder};

/// Tries each operation as each user on both; says what differs, all of it.
fn compare(kind: Kind, ops: &[Op], users: &[User]) {
    if !can_mount() || !is_root() {
        return;
    }
    rules_of_this_thread();
    let world = World::new(kind);
    // Without `nodev` a device would be opened in the one and refused in the other, so none is opened.
    let (oracle, counts) = (folder(), kind.counts_folders());
    rustix::fs::chmod(oracle.path(), Mode::from_raw_mode(0o755)).unwrap();
    rustix::fs::chmod(world.root(), Mode::from_raw_mode(0o755)).unwrap();
    let mut expected = Lab::new(oracle.path().to_owned(), counts);
    let mut actual = Lab::new(world.root().to_owned(), counts);
    let pauses = (expected.pause, actual.pause);
    let mut differences = Vec::new();
    for op in ops {
        for &user in users {
            let mut answers = (expected.attempt(user, op), actual.attempt(user, op));
            if answers.0 != answers.1 {
                // A time of the kernel that stood still says nothing: once more, slowly, on new trees.
                expected.renew();
                actual.renew();
                (expected.pause, actual.pause) = (true, true);
                answers = (expected.attempt(user, op), actual.attempt(user, op));
                (expected.pause, actual.pause) = pauses;
            }
            let (expected, actual) = answers;
            if actual != expected {
                differences.push(format!(
                    "{} as {}:\n  got  {actual:?}\n  want {expected:?}",
                    op.name, user.uid
                ));
            }
        }
    }
    let tried = ops.len() * users.len();
    let shown = differences.iter().take(20).cloned().collect::<Vec<_>>();
    assert!(
        differences.is_empty(),
        "{kind:?}: {} of {tried} differ:\n{}",
        differences.len(),
        shown.join("\n")
    );
}

/// The umask and the current folder become this thread's own.
fn rules_of_this_thread() {
    #[expect(unsafe_code, reason = "rustix has it behind a feature")]
    // SAFETY: no memory is touched.
    let done = unsafe { libc::unshare(libc::CLONE_FS) };
    assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
    rustix::process::umask(Mode::from_raw_mode(0o027));
}

#[test]
fn each_call_on_memory_answers_as_the_kernel() {
    compare(Kind::Memory, &single_calls(), &USERS);
}

#[test]
fn each_call_on_two_paths_in_memory_answers_as_the_kernel() {
    compare(Kind::Memory, &double_calls(), &[ANNE]);
}

#[test]
fn some_calls_on_a_vault_answer_as_the_kernel() {
    compare(Kind::Vault, &some(single_calls(), 7, 0), &USERS);
    compare(Kind::Vault, &some(double_calls(), 17, 3), &[ROOT, BERT]);
}

#[test]
fn some_calls_on_a_store_answer_as_the_kernel() {
    compare(Kind::Store, &some(single_calls(), 11, 5), &USERS);
    compare(Kind::Store, &some(double_calls(), 23, 1), &[ROOT, BERT]);
}

#[test]
fn some_calls_on_an_overlay_answer_as_the_kernel() {
    compare(Kind::Overlay, &some(single_calls(), 7, 2), &USERS);
    compare(Kind::Overlay, &some(double_calls(), 17, 11), &[ROOT, BERT]);
}

#[test]
fn some_calls_on_a_host_folder_answer_as_the_kernel() {
    compare(Kind::Host, &some(single_calls(), 5, 1), &USERS);
    compare(Kind::Host, &some(double_calls(), 13, 7), &[ROOT, BERT]);
}
