//! Nodes of every kind: pipes, sockets, programs; without a name; attributes; set-id folders; other users.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, XattrFlags};

use super::bytes::{create, open};
use super::{Log, Scene};
use crate::rules::{User, as_user};
use crate::world::copy_program;

pub const SCENES: &[(&str, Scene)] = &[
    ("without a name", nameless),
    ("pipes and sockets", pipes),
    ("programs", programs),
    ("attributes", attributes),
    ("attributes without a name", nameless_attributes),
    ("folders with a group", group_folders),
    ("others", others),
    ("sticky", sticky),
];

const ANNE: User = User {
    uid: 1001,
    gid: 2001,
};
const BERT: User = User {
    uid: 1002,
    gid: 2002,
};

fn nameless(root: &Path, log: &mut Log) {
    let path = root.join("file");
    let file = create(&path);
    file.set_permissions(fs::Permissions::from_mode(0o640))
        .unwrap();
    fs::remove_file(&path).unwrap();
    log.say("links", file.metadata().unwrap().nlink());
    log.call(
        "chmod",
        rustix::fs::fchmod(&file, Mode::from_raw_mode(0o600)),
    );
    log.call(
        "chown",
        rustix::fs::fchown(&file, Some(rustix::fs::Uid::from_raw(7)), None),
    );
    log.call("cut", rustix::fs::ftruncate(&file, 10));
    log.call("write", rustix::io::pwrite(&file, b"bytes", 100));
    log.call("sync", rustix::fs::fsync(&file));
    let metadata = file.metadata().unwrap();
    log.say(
        "facts",
        (
            metadata.mode(),
            metadata.uid(),
            metadata.len(),
            metadata.nlink(),
        ),
    );
    let own = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file));
    log.say(
        "again by descriptor",
        open(Path::new(&own), OFlags::RDONLY).map(|f| f.metadata().unwrap().len()),
    );
    log.call(
        "a name again",
        rustix::fs::linkat(CWD, &own, CWD, &path, AtFlags::SYMLINK_FOLLOW),
    );
    fs::write(&path, "another").unwrap();
    log.say(
        "not that one",
        (
            file.metadata().unwrap().ino() == fs::metadata(&path).unwrap().ino(),
            file.metadata().unwrap().len(),
        ),
    );
}

fn pipes(root: &Path, log: &mut Log) {
    let pipe = root.join("pipe");
    rustix::fs::mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    log.call(
        "nobody reads",
        open(&pipe, OFlags::WRONLY | OFlags::NONBLOCK),
    );
    std::thread::scope(|scope| {
        scope.spawn(|| fs::write(&pipe, "through").unwrap());
        log.say("read", fs::read_to_string(&pipe).unwrap());
    });
    log.say("size", fs::metadata(&pipe).unwrap().len());
    // A socket's path has room for 107 bytes.
    let near = format!(
        "/proc/self/fd/{}/socket",
        std::os::fd::AsRawFd::as_raw_fd(&open(root, OFlags::PATH).unwrap())
    );
    let folder = open(root, OFlags::PATH).unwrap();
    let near = near.replace(
        near.split('/').nth(4).unwrap(),
        &std::os::fd::AsRawFd::as_raw_fd(&folder).to_string(),
    );
    let listener = UnixListener::bind(&near).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            UnixStream::connect(&near)
                .unwrap()
                .write_all(b"hello")
                .unwrap()
        });
        let mut text = String::new();
        listener
            .accept()
            .unwrap()
            .0
            .read_to_string(&mut text)
            .unwrap();
        log.say("heard", text);
    });
    log.say(
        "taken",
        UnixListener::bind(&near)
            .err()
            .and_then(|e| e.raw_os_error()),
    );
    log.call("open", open(&root.join("socket"), OFlags::RDONLY));
    fs::remove_file(root.join("socket")).unwrap();
    log.say(
        "gone",
        UnixStream::connect(&near)
            .err()
            .and_then(|e| e.raw_os_error()),
    );
}

fn programs(root: &Path, log: &mut Log) {
    let path = root.join("sleep");
    copy_program(Path::new("/bin/sleep"), &path);
    let mut running = Command::new(&path)
        .arg("100")
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    log.call("write", open(&path, OFlags::WRONLY));
    log.call("both", open(&path, OFlags::RDWR));
    log.call("cut", open(&path, OFlags::WRONLY | OFlags::TRUNC));
    log.say(
        "truncate",
        fs::File::options()
            .write(true)
            .open(&path)
            .err()
            .and_then(|e| e.raw_os_error()),
    );
    log.call("read", open(&path, OFlags::RDONLY));
    log.call(
        "chmod",
        rustix::fs::chmod(&path, Mode::from_raw_mode(0o700)),
    );
    log.call("rename", rustix::fs::rename(&path, root.join("other")));
    log.call("replace", rustix::fs::rename(root.join("other"), &path));
    running.kill().unwrap();
    running.wait().unwrap();
    log.call("after its end", open(&path, OFlags::WRONLY));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let refused = |path: &Path| {
        Command::new(path)
            .arg("0")
            .status()
            .err()
            .and_then(|e| e.raw_os_error())
    };
    log.say("not executable", refused(&path));
    let text = root.join("text");
    fs::write(&text, "no program").unwrap();
    copy_program(&text, &path);
    log.say("no program", refused(&path));
}

fn nameless_attributes(root: &Path, log: &mut Log) {
    let path = root.join("file");
    let file = create(&path);
    let set = |name: &str, value: &[u8], flags| rustix::fs::fsetxattr(&file, name, value, flags);
    let none = XattrFlags::empty();
    log.call("before", set("user.before", b"1", none));
    fs::remove_file(&path).unwrap();
    log.call("after", set("user.after", b"22", none));
    log.call("create again", set("user.before", b"", XattrFlags::CREATE));
    log.call("replace", set("user.before", b"333", XattrFlags::REPLACE));
    log.call("replace none", set("user.none", b"", XattrFlags::REPLACE));
    let mut into = [0; 16];
    for name in ["user.before", "user.after", "user.none"] {
        log.say(name, rustix::fs::fgetxattr(&file, name, &mut into));
    }
    log.call("remove", rustix::fs::fremovexattr(&file, "user.before"));
    log.call(
        "remove again",
        rustix::fs::fremovexattr(&file, "user.before"),
    );
    let names = rustix::fs::flistxattr(&file, &mut into);
    log.say("names", names.map(|len| into[..len].to_vec()));
    fs::write(&path, "another").unwrap();
    log.say(
        "not of that one",
        rustix::fs::getxattr(&path, "user.after", &mut into),
    );
}

fn attributes(root: &Path, log: &mut Log) {
    let path = root.join("file");
    let file = create(&path);
    let set =
        |name: &str, len: usize, flags| rustix::fs::setxattr(&path, name, &vec![7; len], flags);
    let none = XattrFlags::empty();
    log.call("empty", set("user.empty", 0, none));
    log.call("small", set("user.small", 10, none));
    log.call("create again", set("user.small", 5, XattrFlags::CREATE));
    log.call("replace", set("user.small", 5, XattrFlags::REPLACE));
    log.call("replace none", set("user.none", 5, XattrFlags::REPLACE));
    log.call(
        "both",
        set("user.none", 5, XattrFlags::CREATE | XattrFlags::REPLACE),
    );
    log.call("too large", set("user.large", 65_537, none));
    log.call(
        "longest name",
        set(&format!("user.{}", "n".repeat(250)), 1, none),
    );
    log.call(
        "too long a name",
        set(&format!("user.{}", "n".repeat(251)), 1, none),
    );
    log.call("no namespace", set("name", 1, none));
    log.call("unknown namespace", set("unknown.name", 1, none));
    log.call("no name", set("user.", 1, none));
    log.call("trusted", set("trusted.a", 1, none));
    log.call("security", set("security.a", 1, none));
    let mut into = [0; 16];
    for name in ["user.empty", "user.small", "user.none", "name", "trusted.a"] {
        log.say(name, rustix::fs::getxattr(&path, name, &mut into));
        log.say(name, rustix::fs::fgetxattr(&file, name, &mut into[..3]));
        log.say(name, rustix::fs::getxattr(&path, name, &mut [0; 0]));
    }
    log.call("remove", rustix::fs::removexattr(&path, "user.small"));
    log.call("remove again", rustix::fs::removexattr(&path, "user.small"));
    let names = |log: &mut Log, step: &str| {
        let mut into = vec![0; 4096];
        let len = rustix::fs::listxattr(&path, &mut into).unwrap();
        let mut names: Vec<_> = into[..len]
            .split(|b| *b == 0)
            .map(|n| String::from_utf8_lossy(n).into_owned())
            .collect();
        names.sort();
        log.say(step, names);
    };
    names(log, "names");
    log.say(
        "room for no name",
        rustix::fs::listxattr(&path, &mut [0; 3]),
    );
    fs::rename(&path, root.join("moved")).unwrap();
    log.say(
        "after a rename",
        rustix::fs::getxattr(root.join("moved"), "user.empty", &mut into),
    );
    fs::hard_link(root.join("moved"), &path).unwrap();
    log.say(
        "of both names",
        rustix::fs::getxattr(&path, "user.empty", &mut into),
    );
    names(log, "names");
    as_user(ANNE, || log.call("of another user", set("user.a", 1, none)));
    rustix::fs::chmod(&path, Mode::from_raw_mode(0o666)).unwrap();
    as_user(ANNE, || {
        log.call("who may write", set("user.a", 1, none));
        log.call("trusted", set("trusted.b", 1, none));
        log.say(
            "trusted",
            rustix::fs::getxattr(&path, "trusted.a", &mut [0; 8]),
        );
    });
}

fn group_folders(root: &Path, log: &mut Log) {
    let folder = root.join("folder");
    fs::create_dir(&folder).unwrap();
    std::os::unix::fs::chown(&folder, Some(0), Some(BERT.gid)).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o2777)).unwrap();
    fs::set_permissions(root, fs::Permissions::from_mode(0o777)).unwrap();
    as_user(ANNE, || {
        let mode = Mode::from_raw_mode(0o2775);
        log.call("folder", rustix::fs::mkdir(folder.join("d"), mode));
        log.call(
            "file",
            rustix::fs::open(folder.join("f"), OFlags::CREATE | OFlags::RDWR, mode),
        );
        log.call(
            "program",
            rustix::fs::open(
                folder.join("x"),
                OFlags::CREATE | OFlags::RDWR,
                Mode::from_raw_mode(0o6777),
            ),
        );
        log.call("link", rustix::fs::symlink("f", folder.join("l")));
        log.call(
            "pipe",
            rustix::fs::mknodat(CWD, folder.join("p"), FileType::Fifo, mode, 0),
        );
        log.call(
            "bit of a foreign group",
            rustix::fs::chmod(folder.join("f"), Mode::from_raw_mode(0o2755)),
        );
        log.call("outside", rustix::fs::mkdir(root.join("d"), mode));
        log.call(
            "moved in",
            rustix::fs::rename(root.join("d"), folder.join("moved")),
        );
    });
    for name in ["d", "f", "x", "l", "p", "moved"] {
        let metadata = fs::symlink_metadata(folder.join(name)).unwrap();
        log.say(
            name,
            (
                format!("{:o}", metadata.mode()),
                metadata.uid(),
                metadata.gid(),
            ),
        );
    }
}

fn others(root: &Path, log: &mut Log) {
    fs::set_permissions(root, fs::Permissions::from_mode(0o777)).unwrap();
    let path = root.join("of-anne");
    as_user(ANNE, || drop(create(&path)));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    as_user(BERT, || {
        log.call("write", open(&path, OFlags::WRONLY));
        log.call(
            "chmod",
            rustix::fs::chmod(&path, Mode::from_raw_mode(0o777)),
        );
        log.call(
            "times",
            rustix::fs::utimensat(
                CWD,
                &path,
                &rustix::fs::Timestamps {
                    last_access: rustix::fs::Timespec {
                        tv_sec: 1,
                        tv_nsec: 0,
                    },
                    last_modification: rustix::fs::Timespec {
                        tv_sec: 1,
                        tv_nsec: 0,
                    },
                },
                AtFlags::empty(),
            ),
        );
        log.call("hard link", rustix::fs::link(&path, root.join("mine")));
        log.call(
            "device",
            rustix::fs::mknodat(
                CWD,
                root.join("null"),
                FileType::CharacterDevice,
                Mode::from_raw_mode(0o666),
                rustix::fs::makedev(1, 3),
            ),
        );
        log.call(
            "give away",
            rustix::fs::chown(root.join("mine"), Some(rustix::fs::Uid::from_raw(0)), None),
        );
        log.call("unlink", rustix::fs::unlink(&path));
    });
    let kept = open(&root.join("kept"), OFlags::RDWR | OFlags::CREATE).unwrap();
    fs::set_permissions(root.join("kept"), fs::Permissions::from_mode(0o600)).unwrap();
    as_user(BERT, || {
        // Rights are looked at when a file is opened, not after.
        log.call("by descriptor", rustix::io::pwrite(&kept, b"x", 0));
        log.call("cut by descriptor", rustix::fs::ftruncate(&kept, 10));
        log.call(
            "chmod by descriptor",
            rustix::fs::fchmod(&kept, Mode::from_raw_mode(0o777)),
        );
    });
    log.say("size", kept.metadata().unwrap().len());
}

fn sticky(root: &Path, log: &mut Log) {
    let folder = root.join("sticky");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o1777)).unwrap();
    as_user(ANNE, || {
        drop(create(&folder.join("a")));
        fs::create_dir(folder.join("d")).unwrap();
        fs::set_permissions(folder.join("d"), fs::Permissions::from_mode(0o777)).unwrap();
    });
    as_user(BERT, || {
        drop(create(&folder.join("b")));
        log.call("unlink", rustix::fs::unlink(folder.join("a")));
        log.call("rmdir", rustix::fs::rmdir(folder.join("d")));
        log.call(
            "rename",
            rustix::fs::rename(folder.join("a"), folder.join("x")),
        );
        log.call(
            "over",
            rustix::fs::rename(folder.join("b"), folder.join("a")),
        );
        log.call(
            "exchange",
            rustix::fs::renameat_with(
                CWD,
                folder.join("b"),
                CWD,
                folder.join("a"),
                rustix::fs::RenameFlags::EXCHANGE,
            ),
        );
        log.call(
            "own",
            rustix::fs::rename(folder.join("b"), folder.join("c")),
        );
        log.call(
            "into it",
            rustix::fs::rename(folder.join("c"), folder.join("d/c")),
        );
        log.call(
            "back",
            rustix::fs::rename(folder.join("d/c"), folder.join("c")),
        );
    });
}
