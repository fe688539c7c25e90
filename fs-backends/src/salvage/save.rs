//! Everything that was found, written to another filesystem, or only read: folder by folder, in a tree that may have holes.

mod nodes;

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};

use fs_core::{
    At, Backend, Change, Control, Error, ErrorKind, FileKind, Name, NewNode, Result, Scope, VPath,
    Want,
};

use super::report::{Item, Report, State};
use super::tree::{Reached, Start, altered, starts, strays};
use super::{Moment, Read};
use crate::virtual_fs::Inode;

/// Folders deeper than this begin anew in `unnamed`: no host takes longer paths.
const DEPTH_MAX: usize = 200;
const PATH_BYTES_MAX: usize = 3500;
/// The folder that those of snapshots are in.
const SNAPSHOTS: &str = "snapshots";
/// Names tried until one is free.
const TRIES: u32 = 10_000;
/// Reads everything.
pub(super) fn check(read: &Read, control: &Control, told: &mut dyn FnMut(&Item)) -> Result<Report> {
    Walk::new(read, None, None, control, told).run()
}

/// Writes everything into a folder.
pub(super) fn save(
    read: &Read,
    to: &dyn Backend,
    at: &VPath,
    control: &Control,
    told: &mut dyn FnMut(&Item),
) -> Result<Report> {
    match to.list(At::path(at), &Want::names()) {
        Ok(listing) => {
            if !fs_core::listing::collect(listing)?.is_empty() {
                return Err(Error::new(ErrorKind::AlreadyExists, "salvage")
                    .with_detail("the folder is not empty")
                    .with_path(at));
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            to.change(&Change::Create(At::path(at), &private_folder()))?;
        }
        Err(error) => return Err(error),
    }
    let mut report = Walk::new(read, Some((to, at)), None, control, told).run()?;
    // The present is safe before the past is looked at.
    to.sync(Scope::All)?;
    if read.moments.is_empty() {
        return Ok(report);
    }
    let snapshots = at.join(&Name::new(SNAPSHOTS)?);
    to.change(&Change::Create(At::path(&snapshots), &private_folder()))?;
    for (number, moment) in read.moments.iter().enumerate() {
        control.check()?;
        let at = folder_of(moment, number, to, &snapshots)?;
        let read = (moment.read)(control);
        let past = Walk::new(
            &read,
            Some((to, &at)),
            Some(moment.name.as_os_str()),
            control,
            told,
        )
        .run()?;
        report.add(past);
        report.snapshots += 1;
    }
    to.sync(Scope::All)?;
    Ok(report)
}

fn private_folder() -> NewNode {
    NewNode::directory().with_mode(0o700)
}

/// Makes the folder of a snapshot, under its name if the target takes it.
fn folder_of(moment: &Moment, number: usize, to: &dyn Backend, snapshots: &VPath) -> Result<VPath> {
    if Name::new(&moment.name).is_ok()
        && let Ok(at) = make(Some(to), snapshots, &moment.name, &private_folder())?
    {
        return Ok(at);
    }
    let name = format!("snapshot {}", number + 1);
    make(Some(to), snapshots, name.as_ref(), &private_folder())?.map_err(|detail| {
        Error::new(ErrorKind::InvalidInput, "salvage")
            .with_detail(detail)
            .with_path(snapshots)
    })
}

/// What is still to be done.
enum Task {
    /// What is in a folder: which, where it was, where it goes.
    Fill(Inode, VPath, VPath),
    /// Attributes of a folder, which filling it would change.
    Finish(Inode, VPath),
}

struct Walk<'a> {
    read: &'a Read,
    to: Option<(&'a dyn Backend, &'a VPath)>,
    /// The snapshot that is read.
    snapshot: Option<&'a OsStr>,
    control: &'a Control,
    told: &'a mut dyn FnMut(&Item),
    report: Report,
    reached: Reached,
    /// Where files with several names are.
    saved: HashMap<Inode, Item>,
    tasks: Vec<Task>,
    /// Folders too deep for a path.
    too_deep: Vec<Inode>,
}

/// Does an error of the target concern only what it was met at?
fn is_of_one(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::PermissionDenied
            | ErrorKind::NotPermitted
            | ErrorKind::Unsupported
            | ErrorKind::NameTooLong
            | ErrorKind::InvalidInput
            | ErrorKind::InvalidData
            | ErrorKind::FileTooLarge
            | ErrorKind::AlreadyExists
    )
}

fn words(error: &Error) -> String {
    format!("the target can't hold it: {}", error.kind().text())
}

impl<'a> Walk<'a> {
    fn new(
        read: &'a Read,
        to: Option<(&'a dyn Backend, &'a VPath)>,
        snapshot: Option<&'a OsStr>,
        control: &'a Control,
        told: &'a mut dyn FnMut(&Item),
    ) -> Self {
        Self {
            read,
            to,
            snapshot,
            control,
            told,
            report: Report::default(),
            reached: Reached::default(),
            saved: HashMap::new(),
            tasks: Vec::new(),
            too_deep: Vec::new(),
        }
    }

    fn run(mut self) -> Result<Report> {
        for start in starts(&self.read.found) {
            self.begin(&start)?;
        }
        while let Some(ino) = self.too_deep.pop() {
            self.begin(&stray_folder(ino))?;
        }
        for start in strays(&self.read.found, &self.reached) {
            // A walk from an earlier one may have come by.
            if !self.reached.contains(start.ino) {
                self.begin(&start)?;
            }
            while let Some(ino) = self.too_deep.pop() {
                self.begin(&stray_folder(ino))?;
            }
        }
        Ok(self.report)
    }

    fn begin(&mut self, start: &Start) -> Result<()> {
        let base = self.to.map_or_else(VPath::root, |(_, at)| at.clone());
        let area = base.join(&Name::new(start.area)?);
        if let Some((to, _)) = self.to {
            match to.change(&Change::Create(At::path(&area), &private_folder())) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                made => made?,
            }
        }
        match &start.name {
            Some(name) => self.entry(&start.from, &area, name, start.ino, start.kind)?,
            None => {
                self.reached.insert(start.ino);
                self.folder_state(start.ino, &start.from, &area);
                self.report.folders += 1;
                self.tasks.push(Task::Finish(start.ino, area.clone()));
                let from = start.from.clone();
                self.tasks.push(Task::Fill(start.ino, from, area));
            }
        }
        while let Some(task) = self.tasks.pop() {
            self.control.check()?;
            match task {
                Task::Fill(ino, from, into) => self.fill(ino, &from, &into)?,
                Task::Finish(ino, at) => {
                    if let Some(node) = self.read.found.nodes.get(&ino) {
                        self.attributes(ino, node, &at)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn note(&mut self, mut item: Item) {
        match item.state {
            State::Whole => return,
            State::Unproven => self.report.unproven += 1,
            State::Part => self.report.part += 1,
            State::Lost => self.report.lost += 1,
        }
        if let Some(snapshot) = self.snapshot {
            item.detail = format!("in the snapshot {}: {}", snapshot.display(), item.detail);
        }
        (self.told)(&item);
        self.report.items.push(item);
    }

    fn fill(&mut self, ino: Inode, from: &VPath, into: &VPath) -> Result<()> {
        let read = self.read;
        let Some(names) = read.found.names.get(&ino) else {
            return Ok(());
        };
        for (name, (child, kind)) in names {
            let Ok(valid) = Name::new(name) else { continue };
            self.entry(&from.join(&valid), into, name, *child, *kind)?;
        }
        Ok(())
    }

    /// Saves one thing under a name.
    fn entry(
        &mut self,
        from: &VPath,
        into: &VPath,
        name: &OsStr,
        ino: Inode,
        kind: FileKind,
    ) -> Result<()> {
        self.control.check()?;
        self.control.add_items(1);
        let read = self.read;
        let node = read.found.nodes.get(&ino);
        match node.map_or(kind, |node| node.kind) {
            FileKind::Directory => self.folder(from, into, name, ino),
            FileKind::File => match node {
                Some(node) => self.file(from, into, name, (ino, node)),
                None => {
                    self.lost(from, "its record is gone, and with it where its bytes are");
                    Ok(())
                }
            },
            _ => match node {
                Some(node) => self.other(from, into, name, (ino, node)),
                None => {
                    self.lost(from, "its record is gone");
                    Ok(())
                }
            },
        }
    }

    fn lost(&mut self, from: &VPath, detail: impl Into<String>) {
        self.note(Item {
            from: from.clone(),
            saved_as: None,
            state: State::Lost,
            size_bytes: None,
            lost: Vec::new(),
            detail: detail.into(),
        });
    }

    /// Tells what is not whole of a folder itself.
    fn folder_state(&mut self, ino: Inode, from: &VPath, at: &VPath) {
        let read = self.read;
        let found = &read.found;
        let (state, detail) = if !found.nodes.contains_key(&ino) {
            (State::Part, "the record of the folder is gone")
        } else if found.lacks_names.contains(&ino) {
            (State::Part, "names of this folder are missing")
        } else if found.lacks_attrs.contains(&ino) {
            (State::Part, "attributes are missing")
        } else if found.doubtful.contains(&ino) {
            (State::Unproven, "it may be older than it was last")
        } else {
            return;
        };
        self.note(Item {
            from: from.clone(),
            saved_as: self.to.map(|_| at.clone()),
            state,
            size_bytes: None,
            lost: Vec::new(),
            detail: detail.to_owned(),
        });
    }

    fn folder(&mut self, from: &VPath, into: &VPath, name: &OsStr, ino: Inode) -> Result<()> {
        if into.depth() > DEPTH_MAX || into.as_os_str().len() > PATH_BYTES_MAX {
            self.too_deep.push(ino);
            return Ok(());
        }
        if !self.reached.insert(ino) {
            self.lost(
                from,
                "a folder with two places, or inside itself: it is saved once",
            );
            return Ok(());
        }
        let at = match self.make(into, name, &private_folder())? {
            Ok(at) => at,
            Err(detail) => {
                self.lost(from, detail);
                return Ok(());
            }
        };
        self.report.folders += 1;
        self.folder_state(ino, from, &at);
        self.tasks.push(Task::Finish(ino, at.clone()));
        self.tasks.push(Task::Fill(ino, from.clone(), at));
        Ok(())
    }

    fn make(
        &mut self,
        into: &VPath,
        name: &OsStr,
        new: &NewNode,
    ) -> Result<std::result::Result<VPath, String>> {
        make(self.to.map(|(to, _)| to), into, name, new)
    }
}

/// Makes a node under `name`, or another name when that is taken; answers where, or why not.
fn make(
    to: Option<&dyn Backend>,
    into: &VPath,
    name: &OsStr,
    new: &NewNode,
) -> Result<std::result::Result<VPath, String>> {
    let mut tried = 0;
    loop {
        let name = numbered(name, tried);
        let at = into.join(&Name::new(&name)?);
        let Some(to) = to else {
            return Ok(Ok(at));
        };
        match to.change(&Change::Create(At::path(&at), new)) {
            Ok(()) => return Ok(Ok(at)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && tried < TRIES => {
                tried += 1;
            }
            Err(error) if is_of_one(&error) => return Ok(Err(words(&error))),
            Err(error) => return Err(error),
        }
    }
}

fn stray_folder(ino: Inode) -> Start {
    let name = format!("#{ino}");
    Start {
        area: "unnamed",
        from: Name::new(&name).map_or_else(|_| VPath::root(), |name| VPath::root().join(&name)),
        name: Some(name.into()),
        ino,
        kind: FileKind::Directory,
    }
}

fn numbered(name: &OsStr, tried: u32) -> OsString {
    match tried {
        0 => name.to_owned(),
        tried => altered(name, &format!(" ({})", tried + 1)),
    }
}
