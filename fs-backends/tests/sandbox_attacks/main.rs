//! Ways out of a sandbox, each named after the attack, and the rows of the rulings on links.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up fails")]

mod race;

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use fs_backends::{StdFsBackend, VRootFsBackend};
use fs_core::resolve::{Last, PathResolver as _, PosixResolver, leaves_root};
use fs_core::{
    At, Backend, Change, ErrorKind, FileKind, FileStorage, NewNode, NoOpResolver, OpenOptions,
    RenameMode, SetAttr, VPath, Want,
};

const SECRET: &[u8] = b"secret of the outside";

/// `sandbox` beside `outside`, which nothing may reach.
struct Prison {
    _dir: tempfile::TempDir,
    root: PathBuf,
    outside: PathBuf,
    backend: VRootFsBackend,
}

type Storage = FileStorage<VRootFsBackend, NoOpResolver>;

impl Prison {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        let (root, outside) = (base.join("sandbox"), base.join("outside"));
        std::fs::create_dir_all(root.join("dir")).unwrap();
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("secret"), SECRET).unwrap();
        std::fs::write(root.join("inside"), b"inside").unwrap();
        let backend = VRootFsBackend::new(&root).unwrap();
        Self {
            _dir: dir,
            root,
            outside,
            backend,
        }
    }

    fn storage(&self) -> Storage {
        FileStorage::with_resolver(self.backend.clone(), NoOpResolver)
    }

    /// Nothing outside was read into, written to, added or removed.
    fn assert_outside_untouched(&self) {
        assert_eq!(std::fs::read(self.outside.join("secret")).unwrap(), SECRET);
        let names: Vec<_> = std::fs::read_dir(&self.outside)
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        assert_eq!(names, ["secret"]);
    }
}

fn path(text: &str) -> VPath {
    VPath::new(text).unwrap()
}

/// S01
#[test]
fn dot_dot_clamps_at_the_root() {
    let prison = Prison::new();
    let fs = prison.storage();
    std::fs::create_dir(prison.root.join("etc")).unwrap();
    std::fs::write(prison.root.join("etc/passwd"), b"ours").unwrap();
    assert_eq!(fs.read("/../../../etc/passwd").unwrap(), b"ours");
    fs.write("/dir/../../../outside/new", b"x").unwrap_err();
    fs.write("/../new", b"x").unwrap();
    assert_eq!(std::fs::read(prison.root.join("new")).unwrap(), b"x");
    prison.assert_outside_untouched();
}

/// S02, S03, S18: what other systems or layers decode are ordinary names here.
#[test]
fn encoded_dots_and_backslashes_are_names() {
    let prison = Prison::new();
    let fs = prison.storage();
    for name in [
        "/%2e%2e",
        "/..%2foutside",
        "/..\\outside",
        "/....",
        "/%252e",
    ] {
        fs.write(name, b"x").unwrap();
        assert_eq!(fs.read(name).unwrap(), b"x");
    }
    fs.read("/....//outside/secret").unwrap_err();
    prison.assert_outside_untouched();
}

/// S07, S08, S09, B-VROO03: every call that follows a link.
#[test]
fn links_that_lead_outside_are_never_followed() {
    let prison = Prison::new();
    let outside = prison.outside.to_str().unwrap().to_owned();
    let inside = prison.root.join("inside").to_str().unwrap().to_owned();
    for target in [
        format!("{outside}/secret"),
        format!("{outside}/../outside/secret"),
        "../outside/secret".into(),
        "dir/../../outside/secret".into(),
        "../../../../../../../../etc/passwd".into(),
        "/etc/passwd".into(),
        // Absolute, though it happens to lead inside: it would break as soon as the folder is moved.
        inside,
    ] {
        let link = prison.root.join("link");
        symlink(&target, &link).unwrap();
        let place = path("/link");
        let at = At::path(&place).following();
        let backend = &prison.backend;
        let kinds = [
            backend.stat(at).map(drop),
            backend.open(at, &OpenOptions::read()).map(drop),
            backend.open(at, &OpenOptions::read_write()).map(drop),
            backend.list(at, &Want::names()).map(drop),
            backend.pin(at).map(drop),
            backend.list_xattrs(at).map(drop),
            backend.change(&Change::SetAttr(at, &SetAttr::mode(0o777))),
            backend.change(&Change::SetAttr(at, &SetAttr::size(0))),
        ]
        .map(|result| result.unwrap_err().kind());
        assert_eq!(kinds, [ErrorKind::EscapesRoot; 8], "{target}");
        assert_eq!(
            prison.storage().read("/link").unwrap_err().kind(),
            ErrorKind::EscapesRoot
        );
        assert_eq!(
            prison.storage().read_link("/link").unwrap(),
            Path::new(&target)
        );
        std::fs::remove_file(link).unwrap();
    }
    prison.assert_outside_untouched();
}

/// Whoever resolves paths step by step takes `/` in a link for the root of the filesystem; of a sandbox it is not.
#[test]
fn links_that_lead_outside_are_no_links_to_the_same_name_inside() {
    let prison = Prison::new();
    std::fs::create_dir(prison.root.join("etc")).unwrap();
    std::fs::write(prison.root.join("etc/passwd"), b"another file").unwrap();
    symlink("../inside", prison.root.join("dir/in")).unwrap();
    for (name, target) in [
        ("absolute", "/etc/passwd"),
        ("up", "../.."),
        ("back", "../sandbox/inside"),
        ("etc/up", "../../../../etc/passwd"),
        ("chain", "absolute"),
    ] {
        symlink(target, prison.root.join(name)).unwrap();
        let link = path(&format!("/{name}"));
        assert!(leaves_root(&prison.backend, &link), "{name}");
        for raw in [format!("/{name}"), format!("/dir/../{name}/x")] {
            for last in [Last::Follow, Last::Create] {
                let raw = Path::new(&raw);
                let found = PosixResolver.resolve(&prison.backend, raw, last);
                assert_eq!(found.unwrap_err().kind(), ErrorKind::EscapesRoot, "{raw:?}");
            }
            let found = PosixResolver.soft_canonicalize(&prison.backend, Path::new(&raw));
            assert_eq!(found.unwrap_err().kind(), ErrorKind::EscapesRoot, "{raw}");
        }
        let kept = PosixResolver.resolve(&prison.backend, link.as_path(), Last::Keep);
        assert_eq!(kept.unwrap().path, link);
    }
    // What was typed is no link: `..` stays at the root.
    let found = PosixResolver.resolve(&prison.backend, Path::new("/../../dir/in"), Last::Follow);
    assert_eq!(found.unwrap().path, path("/inside"));
    assert!(!leaves_root(&prison.backend, &path("/dir/in")));
    symlink("/nowhere/at/all", prison.outside.join("../free")).unwrap();
    let host = StdFsBackend::new();
    let free = VPath::new(prison.outside.parent().unwrap().join("free")).unwrap();
    assert!(!leaves_root(&host, &free));
    prison.assert_outside_untouched();
}

/// A link to a folder outside, in the middle of a path.
#[test]
fn links_in_the_middle_of_a_path_lead_nowhere_outside() {
    let prison = Prison::new();
    symlink("../outside", prison.root.join("out")).unwrap();
    let fs = prison.storage();
    let escapes = [
        fs.read("/out/secret").map(drop),
        fs.write("/out/new", b"x"),
        fs.create_dir("/out/new"),
        fs.remove_file("/out/secret"),
        fs.rename("/inside", "/out/moved"),
        fs.rename("/out/secret", "/stolen"),
        fs.hard_link("/out/secret", "/stolen"),
        fs.symlink("x", "/out/new"),
        fs.copy("/out/secret", "/stolen").map(drop),
    ];
    for (call, result) in escapes.into_iter().enumerate() {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::EscapesRoot, "{call}");
    }
    let staged = prison
        .backend
        .stage(At::path(&path("/out/new")), &NewNode::file());
    assert_eq!(staged.err().unwrap().kind(), ErrorKind::EscapesRoot);
    prison.assert_outside_untouched();
}

/// A dangling link whose target would be made outside.
#[test]
fn writing_through_a_dangling_link_makes_nothing_outside() {
    let prison = Prison::new();
    symlink("../outside/new", prison.root.join("dangling")).unwrap();
    let error = prison.storage().write("/dangling", b"x").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::EscapesRoot);
    prison.assert_outside_untouched();
}

/// B-VROO02, the trap of resolving the last component.
#[test]
fn changes_of_a_link_never_touch_its_target() {
    let prison = Prison::new();
    let fs = prison.storage();
    for target in ["inside", "../outside/secret", "missing"] {
        symlink(target, prison.root.join("link")).unwrap();
        assert_eq!(
            fs.symlink_metadata("/link").unwrap().kind,
            FileKind::Symlink
        );
        assert_eq!(fs.read_link("/link").unwrap(), Path::new(target));
        fs.rename("/link", "/renamed").unwrap();
        fs.hard_link("/renamed", "/second").unwrap();
        assert_eq!(fs.symlink_metadata("/second").unwrap().nlink, 2);
        fs.remove_file("/second").unwrap();
        fs.write("/other", b"x").unwrap();
        fs.rename("/other", "/renamed").unwrap();
        assert_eq!(
            fs.symlink_metadata("/renamed").unwrap().kind,
            FileKind::File
        );
        fs.remove_file("/renamed").unwrap();
    }
    assert_eq!(fs.read("/inside").unwrap(), b"inside");
    prison.assert_outside_untouched();
}

/// Links that stay inside work, also out of a pinned folder.
#[test]
fn links_that_stay_inside_are_followed() {
    let prison = Prison::new();
    symlink("../inside", prison.root.join("dir/up")).unwrap();
    symlink("dir", prison.root.join("into")).unwrap();
    let fs = prison.storage();
    assert_eq!(fs.read("/dir/up").unwrap(), b"inside");
    assert_eq!(fs.read("/into/up").unwrap(), b"inside");
    let (dir, up) = (path("/dir"), path("/up"));
    let pinned = prison.backend.pin(At::path(&dir)).unwrap();
    let found = prison
        .backend
        .stat(At::in_dir(&pinned, &up).following())
        .unwrap();
    assert_eq!(found.kind, FileKind::File);
    symlink("../../outside/secret", prison.root.join("dir/out")).unwrap();
    let out = path("/out");
    let error = prison
        .backend
        .stat(At::in_dir(&pinned, &out).following())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::EscapesRoot);
}

/// S10
#[test]
fn long_chains_and_loops_end() {
    let prison = Prison::new();
    symlink("inside", prison.root.join("l0")).unwrap();
    for i in 1..300 {
        symlink(format!("l{}", i - 1), prison.root.join(format!("l{i}"))).unwrap();
    }
    symlink("loop", prison.root.join("loop")).unwrap();
    let fs = prison.storage();
    assert_eq!(fs.read("/l39").unwrap(), b"inside");
    for link in ["/l40", "/l299", "/loop"] {
        assert_eq!(
            fs.read(link).unwrap_err().kind(),
            ErrorKind::SymlinkLoop,
            "{link}"
        );
    }
}

/// S16: the kernel's own links ignore paths; a sandbox over `/proc` shows them and follows none.
#[test]
fn magic_links_of_proc_are_links_like_others() {
    let backend = VRootFsBackend::new("/proc").unwrap();
    let fs = FileStorage::with_resolver(backend, NoOpResolver);
    fs.metadata("/self/status").unwrap();
    for way_out in [
        "/self/root/etc/passwd",
        "/self/cwd/Cargo.toml",
        "/self/fd/0",
        "/self/exe",
    ] {
        let error = fs.read(way_out).unwrap_err();
        assert!(
            matches!(
                error.kind(),
                ErrorKind::SymlinkLoop | ErrorKind::EscapesRoot
            ),
            "{way_out}: {error}"
        );
    }
}

/// B-VROO04
#[test]
fn the_root_stays() {
    let prison = Prison::new();
    let root = path("/");
    let other = path("/other");
    let at = At::path(&root);
    let backend = &prison.backend;
    let kind = |result: fs_core::Result<()>| result.unwrap_err().kind();
    assert_eq!(kind(backend.change(&Change::Rmdir(at))), ErrorKind::IsRoot);
    for (from, to) in [(at, At::path(&other)), (At::path(&other), at)] {
        let mode = RenameMode::Replace;
        assert_eq!(
            kind(backend.change(&Change::Rename { from, to, mode })),
            ErrorKind::IsRoot
        );
    }
    assert_eq!(
        kind(backend.change(&Change::Create(at, &NewNode::directory()))),
        ErrorKind::AlreadyExists
    );
    let trash = backend.extensions().trash.unwrap();
    assert_eq!(trash.discard(&root).unwrap_err().kind(), ErrorKind::IsRoot);
    assert!(prison.root.join("inside").exists());
}

/// B-VROO06
#[test]
fn errors_do_not_tell_where_the_sandbox_is() {
    let prison = Prison::new();
    symlink("../outside", prison.root.join("out")).unwrap();
    symlink("loop", prison.root.join("loop")).unwrap();
    let fs = prison.storage();
    let host = prison.root.parent().unwrap().to_str().unwrap();
    let errors = [
        fs.read("/missing").unwrap_err(),
        fs.read("/out/secret").unwrap_err(),
        fs.read("/loop").unwrap_err(),
        fs.read("/dir").unwrap_err(),
        fs.remove_dir("/").unwrap_err(),
        fs.rename("/missing", "/x").unwrap_err(),
        fs.create_dir("/inside/x").unwrap_err(),
        fs.metadata(format!("/{}", "x".repeat(256))).unwrap_err(),
    ];
    for error in errors {
        let text = format!("{error} {error:?}");
        assert!(!text.contains(host), "{text}");
        assert!(error.path().is_some(), "{text}");
    }
}

/// What was opened as the root stays it, wherever its name goes.
#[test]
fn a_root_that_is_replaced_by_a_link_does_not_open_the_outside() {
    let prison = Prison::new();
    std::fs::rename(&prison.root, prison.root.with_extension("moved")).unwrap();
    symlink(&prison.outside, &prison.root).unwrap();
    let fs = prison.storage();
    assert_eq!(fs.read("/inside").unwrap(), b"inside");
    fs.read("/secret").unwrap_err();
}

#[test]
fn what_is_no_folder_is_no_sandbox() {
    let prison = Prison::new();
    let kind = |path: PathBuf| VRootFsBackend::new(path).err().unwrap().kind();
    assert_eq!(kind(prison.root.join("missing")), ErrorKind::NotFound);
    assert_eq!(kind(prison.root.join("inside")), ErrorKind::NotADirectory);
}

/// The trash is in the root, and nobody sees it there.
#[test]
fn trash_is_inside_and_out_of_sight() {
    let prison = Prison::new();
    let root = path("/");
    let trash = prison.backend.extensions().trash.unwrap();
    let id = trash.discard(&path("/inside")).unwrap();
    assert!(!id.0.contains(prison.root.to_str().unwrap()));
    let names = || {
        let listing = prison
            .backend
            .list(At::path(&root), &Want::names())
            .unwrap();
        let batch = fs_core::listing::collect(listing).unwrap();
        batch
            .iter()
            .map(|e| e.name.to_os_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(), ["dir"]);
    let items = trash.items().unwrap();
    assert_eq!(items.len(), 1);
    assert_eq!((&items[0].id, &items[0].original), (&id, &path("/inside")));
    trash
        .restore(&id, &path("/dir/back"), RenameMode::NoReplace)
        .unwrap();
    assert_eq!(prison.storage().read("/dir/back").unwrap(), b"inside");
    assert!(trash.items().unwrap().is_empty());
    // A folder of that name which is no trash is not hidden.
    std::fs::remove_dir_all(prison.root.join(fs_backends::std_fs::trash_name())).unwrap();
    std::fs::create_dir(prison.root.join(fs_backends::std_fs::trash_name())).unwrap();
    assert_eq!(names().len(), 2);
}

/// An id comes from a file somebody else may have written.
#[test]
fn forged_trash_ids_purge_nothing() {
    let prison = Prison::new();
    let trash = prison.backend.extensions().trash.unwrap();
    for id in [
        "/inside",
        "/dir",
        "/.Trash-0/files/../../inside",
        "/../outside/secret",
        "",
        "%",
        "/",
    ] {
        let id = fs_core::extensions::TrashId(id.into());
        assert_eq!(
            trash.purge(&id).unwrap_err().kind(),
            ErrorKind::NotFound,
            "{id:?}"
        );
    }
    assert!(prison.root.join("inside").exists());
    prison.assert_outside_untouched();
}
