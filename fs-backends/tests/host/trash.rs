//! The desktop's trash.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use fs_core::{Backend, ErrorKind};

use super::{Host, kind};

#[test]
fn a_deep_tree_in_the_trash_is_purged() {
    let host = Host::new();
    let mut deep = host.host("tree");
    std::fs::create_dir(&deep).unwrap();
    symlink(host.host("home"), deep.join("link")).unwrap();
    // Longer than PATH_MAX allows in one call: made from folder to folder.
    let mut dir = std::fs::File::open(&deep).unwrap();
    for _ in 0..400 {
        let name = "a-folder-with-a-long-name";
        rustix::fs::mkdirat(&dir, name, rustix::fs::Mode::RWXU).unwrap();
        let flags = rustix::fs::OFlags::DIRECTORY;
        dir = rustix::fs::openat(&dir, name, flags, rustix::fs::Mode::empty())
            .unwrap()
            .into();
    }
    deep.push("read-only");
    std::fs::create_dir(&deep).unwrap();
    std::fs::write(deep.join("f"), b"").unwrap();
    std::fs::set_permissions(&deep, std::fs::Permissions::from_mode(0o500)).unwrap();
    let trash = host.backend.extensions().trash.unwrap();
    let id = trash.discard(&host.at("tree")).unwrap();
    trash.purge(&id).unwrap();
    assert!(
        host.host("home").exists(),
        "links are removed, not followed"
    );
    assert_eq!(
        std::fs::read_dir(host.host("home/Trash/files"))
            .unwrap()
            .count(),
        0
    );
    assert_eq!(
        std::fs::read_dir(host.host("home/Trash/info"))
            .unwrap()
            .count(),
        0
    );
}

#[test]
fn trash_keeps_equal_names_apart_and_is_as_the_desktop_reads_it() {
    let host = Host::new();
    let trash = host.backend.extensions().trash.unwrap();
    let long = "x".repeat(255);
    for name in ["f g", "f g", &long, &long] {
        std::fs::write(host.host(name), name).unwrap();
        trash.discard(&host.at(name)).unwrap();
    }
    let mut items = trash.items().unwrap();
    // Other media of the machine have a trash too.
    items.retain(|item| item.original.as_path().starts_with(host.dir.path()));
    assert_eq!(items.len(), 4);
    let info = std::fs::read_to_string(host.host("home/Trash/info/f g.trashinfo")).unwrap();
    let mut lines = info.lines();
    assert_eq!(lines.next(), Some("[Trash Info]"));
    let path = host.host("f%20g");
    assert_eq!(
        lines.next(),
        Some(format!("Path={}", path.display()).as_str())
    );
    let date = lines.next().unwrap().strip_prefix("DeletionDate=").unwrap();
    assert_eq!(date.len(), "2004-08-31T22:32:08".len());
    assert_eq!(
        kind(trash.discard(&host.at("missing"))),
        ErrorKind::NotFound
    );
    assert_eq!(
        kind(trash.discard(&host.at("home/Trash/files/f g"))),
        ErrorKind::InvalidInput
    );
}
