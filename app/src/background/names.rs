//! Users and groups of this computer, by number and by name. The answers may come over a network (`nsswitch.conf(5)`), so never on the thread
//! that draws.

use std::collections::HashMap;

use uzers::{Group, User};

/// Names that were looked up once; there are few of them among many files.
#[derive(Default)]
pub struct Names {
    users: HashMap<u32, Option<String>>,
    groups: HashMap<u32, Option<String>>,
}

impl Names {
    /// The name of a user; `None` when this computer knows none.
    pub fn user(&mut self, uid: u32) -> Option<String> {
        let look = || Some(lossy(uzers::get_user_by_uid(uid)?.name()));
        self.users.entry(uid).or_insert_with(look).clone()
    }

    /// The name of a group; `None` when this computer knows none.
    pub fn group(&mut self, gid: u32) -> Option<String> {
        let look = || Some(lossy(uzers::get_group_by_gid(gid)?.name()));
        self.groups.entry(gid).or_insert_with(look).clone()
    }
}

/// The number of a user. A name that looks like a number is a name first, as for `chown(1)`. Error: a sentence.
pub fn uid(text: &str) -> Result<u32, String> {
    let user = uzers::get_user_by_name(text);
    user.as_ref()
        .map(User::uid)
        .or_else(|| number(text))
        .ok_or_else(|| format!("There is no user called “{text}” on this computer"))
}

/// The number of a group, likewise.
pub fn gid(text: &str) -> Result<u32, String> {
    let group = uzers::get_group_by_name(text);
    group
        .as_ref()
        .map(Group::gid)
        .or_else(|| number(text))
        .ok_or_else(|| format!("There is no group called “{text}” on this computer"))
}

fn lossy(name: &std::ffi::OsStr) -> String {
    name.to_string_lossy().into_owned()
}

/// All bits set means "leave it" to `chown(2)`, so it is no number of anybody.
fn number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|number| *number != u32::MAX)
}

/// What this process may do to a file of this computer (`chmod(2)`, `chown(2)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    /// Change permission bits, and the group to one of its own.
    pub is_owner: bool,
    /// Change anything.
    pub is_root: bool,
}

/// The rights over a file that `uid` owns.
pub fn rights(uid: u32) -> Rights {
    let me = uzers::get_effective_uid();
    Rights {
        is_owner: me == uid,
        is_root: me == 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_has_number_and_name() {
        assert_eq!(Names::default().user(0).as_deref(), Some("root"));
        assert_eq!(Names::default().group(0).as_deref(), Some("root"));
        assert_eq!(uid("root"), Ok(0));
        assert_eq!(gid("4321"), Ok(4321));
        for wrong in ["", "-1", "4294967295", "no such user", "a\0b"] {
            assert!(uid(wrong).is_err(), "{wrong:?}");
            assert!(gid(wrong).is_err(), "{wrong:?}");
        }
    }
}
