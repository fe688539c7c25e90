//! Reading all of a filesystem that nobody vouches for.

use fs_core::{
    At, Backend, Error, ErrorKind, File, FileKind, Name, OpenOptions, Result, VPath, Want, listing,
};

/// More is not looked at: a hostile file may claim to be endless.
const MOST_NODES: usize = 3000;
const MOST_DEPTH: usize = 200;
const MOST_BYTES: u64 = 1 << 20;

/// Looks at everything, and answers what failed.
pub fn walk(backend: &dyn Backend) -> Vec<Error> {
    let mut errors = Vec::new();
    visit(
        backend,
        &mut |path, kind| look(backend, path, kind),
        &mut errors,
    );
    if let Some(space) = backend.extensions().space {
        errors.extend(space.space(At::path(&VPath::root())).err());
    }
    if let Some(trash) = backend.extensions().trash {
        errors.extend(trash.items().err());
    }
    for error in &errors {
        let odd = matches!(
            error.kind(),
            ErrorKind::Closed | ErrorKind::Busy | ErrorKind::TimedOut | ErrorKind::BadHandle
        );
        assert!(!odd, "{error:?}");
    }
    errors
}

/// Every path.
pub fn names(backend: &dyn Backend) -> Vec<VPath> {
    let mut names = Vec::new();
    let mut errors = Vec::new();
    let mut note = |path: &VPath, _| {
        names.push(path.clone());
        Ok(())
    };
    visit(backend, &mut note, &mut errors);
    names.sort();
    names
}

fn visit(
    backend: &dyn Backend,
    each: &mut dyn FnMut(&VPath, FileKind) -> Result<()>,
    errors: &mut Vec<Error>,
) {
    let mut pending = vec![(VPath::root(), 0)];
    let mut nodes = 0;
    while let Some((folder, depth)) = pending.pop() {
        let entries = backend
            .list(At::path(&folder), &Want::metadata())
            .and_then(listing::collect);
        let entries = match entries {
            Ok(entries) => entries,
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        for entry in entries.iter() {
            nodes += 1;
            if nodes > MOST_NODES {
                return;
            }
            match Name::new(entry.name) {
                Ok(name) => {
                    let path = folder.join(&name);
                    errors.extend(each(&path, entry.kind).err());
                    if entry.kind == FileKind::Directory && depth < MOST_DEPTH {
                        pending.push((path, depth + 1));
                    }
                }
                Err(error) => panic!("a listing shows an impossible name: {error:?}"),
            }
        }
    }
}

fn look(backend: &dyn Backend, path: &VPath, kind: FileKind) -> Result<()> {
    let at = At::path(path);
    let stat = backend.stat(at)?;
    for name in backend.list_xattrs(at)? {
        backend.get_xattr(at, &name)?;
    }
    match kind {
        FileKind::Symlink => drop(backend.read_link(at)?),
        FileKind::File => {
            let file = backend.open(at, &OpenOptions::read())?;
            read(&*file, stat.size)?;
        }
        _ => {}
    }
    Ok(())
}

/// The beginning and the end; the length is a claim.
fn read(file: &dyn File, size: u64) -> Result<()> {
    let mut into = vec![0; size.min(MOST_BYTES) as usize];
    file.read_at(&mut into, 0)?;
    file.read_at(&mut into, size.saturating_sub(MOST_BYTES))?;
    file.read_at(&mut [0; 16], u64::MAX - 8)?;
    file.next_data(0)?;
    Ok(())
}
