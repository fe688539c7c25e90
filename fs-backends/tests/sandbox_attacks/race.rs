//! S15, B-VROO05: a folder that keeps being swapped with a link to the outside, while everything is done below it. `LAMINA_RACE_STEPS` says how often each
//! thing is done.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use fs_core::{OpenOptions, Permissions, Result};
use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::{Prison, SECRET, Storage};

/// One thing that is done below the folder, to which the outside has the same names.
type Step = (&'static str, fn(&Storage) -> Result<()>);

const STEPS: [Step; 15] = [
    ("read", |fs| {
        assert_eq!(fs.read("/dir/secret")?, b"harmless");
        Ok(())
    }),
    ("stat", |fs| {
        assert_eq!(fs.metadata("/dir/secret")?.size, 8);
        Ok(())
    }),
    ("list", |fs| {
        for entry in fs.read_dir("/dir")? {
            assert_ne!(entry?.file_name().to_os_string(), "of the outside");
        }
        Ok(())
    }),
    ("read a link", |fs| {
        assert_eq!(fs.read_link("/dir/link")?.into_os_string(), "harmless");
        Ok(())
    }),
    ("write in place", |fs| {
        let how = OpenOptions::read_write();
        let file = fs_core::Backend::open(
            fs.backend(),
            fs_core::At::path(&super::path("/dir/other")),
            &how,
        )?;
        file.write_at(b"mine", 0)?;
        Ok(())
    }),
    ("replace", |fs| fs.write("/dir/other", b"mine")),
    ("cut off", |fs| fs.truncate("/dir/other", 4)),
    ("make and remove a file", |fs| {
        fs.write("/dir/new", b"mine")?;
        fs.remove_file("/dir/new")
    }),
    ("make and remove a folder", |fs| {
        // One that was there for longer than the folder stays until next time.
        let _ = fs.create_dir("/dir/folder");
        fs.remove_dir("/dir/folder")
    }),
    ("remove a tree", |fs| {
        let _ = fs.create_dir_all("/dir/tree/below");
        fs.remove_dir_all("/dir/tree")
    }),
    ("rename", |fs| {
        fs.write("/dir/before", b"mine")?;
        fs.rename("/dir/before", "/dir/after")
    }),
    ("rename out of it", |fs| {
        fs.write("/dir/after", b"mine")?;
        fs.rename("/dir/after", "/moved")?;
        assert_eq!(fs.read("/moved")?, b"mine");
        Ok(())
    }),
    ("copy out of it", |fs| {
        fs.copy("/dir/secret", "/copy")?;
        assert_eq!(fs.read("/copy")?, b"harmless");
        Ok(())
    }),
    ("link", |fs| {
        let _ = fs.hard_link("/inside", "/dir/hard");
        fs.remove_file("/dir/hard")
    }),
    ("set attributes", |fs| {
        fs.set_permissions("/dir/secret", Permissions::from_mode(0o600))
    }),
];

/// Ends the swapping also when a step panics.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Names and permissions of all that lies below, and what is in it.
fn all_below(folder: &Path) -> Vec<(String, u32, Vec<u8>)> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.path().display().to_string();
        let metadata = entry.metadata().unwrap();
        let content = match metadata.is_file() {
            true => std::fs::read(entry.path()).unwrap(),
            false => Vec::new(),
        };
        found.push((name, metadata.permissions().mode(), content));
        if metadata.is_dir() {
            found.extend(all_below(&entry.path()));
        }
    }
    found.sort();
    found
}

#[test]
fn a_folder_swapped_for_a_link_never_leads_outside() {
    let steps =
        std::env::var("LAMINA_RACE_STEPS").map_or(10_000, |number| number.parse::<u32>().unwrap());
    let prison = Prison::new();
    std::fs::write(prison.root.join("dir/secret"), "harmless").unwrap();
    std::fs::write(prison.root.join("dir/other"), "mine").unwrap();
    symlink("harmless", prison.root.join("dir/link")).unwrap();
    symlink("../outside", prison.root.join("trap")).unwrap();
    for name in ["other", "new", "before", "after", "hard", "of the outside"] {
        std::fs::write(prison.outside.join(name), SECRET).unwrap();
    }
    symlink("secret", prison.outside.join("link")).unwrap();
    std::fs::create_dir_all(prison.outside.join("tree/below")).unwrap();
    std::fs::create_dir(prison.outside.join("folder")).unwrap();
    let before = all_below(&prison.outside);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _ending = Ending(&done);
        scope.spawn(|| {
            let (dir, trap) = (prison.root.join("dir"), prison.root.join("trap"));
            while !done.load(Ordering::Relaxed) {
                renameat_with(CWD, &dir, CWD, &trap, RenameFlags::EXCHANGE).unwrap();
            }
        });
        let fs = prison.storage();
        let mut succeeded = 0;
        for (name, step) in STEPS {
            let done = (0..steps).filter(|_| step(&fs).is_ok()).count();
            println!("{name}: {done} of {steps} succeeded");
            // Otherwise it was not tried.
            assert!(done < steps as usize, "{name} never met the link");
            succeeded += done;
        }
        assert!(succeeded > 0, "nothing ever met the folder");
    });
    assert_eq!(all_below(&prison.outside), before);
}
