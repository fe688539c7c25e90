//! Filesystems as folders of this computer: mounting, what happens to them, and what has to wait until they are unmounted.

use std::path::PathBuf;

use fs_backends::location::{Location, Root};
use fs_core::ops::{FsRef, Operation, Place};
use fs_core::{Capabilities, VPath};

use super::App;
use crate::background::{FolderOrder, Request};
use crate::command::FolderCommand;
use crate::state::filesystem::host_path;
use crate::state::folder_mount::{FolderNews, FolderWish};
use crate::state::toast::Level;
use crate::state::{After, Dialog, FolderMount, FolderStage, FsInfo, Generation, TabId};

impl App {
    /// Carries out a command on a filesystem as a folder.
    pub(super) fn run_folder(&mut self, fs: &FsRef, command: FolderCommand) {
        match command {
            FolderCommand::Ask => self.ask_for_folder(fs),
            FolderCommand::Mount(wish) => self.mount_folder(fs, wish),
            FolderCommand::Open => {
                if let Some(folder) = self.folder(fs) {
                    let dir = folder.dir.clone();
                    self.background.send(Request::OpenInProgram(dir));
                }
            }
            FolderCommand::Unmount(then) => {
                self.close_question();
                self.unmount_folder(fs, then);
            }
            FolderCommand::Leave(then) => {
                self.close_question();
                self.after_unmounting.insert(fs.clone(), then);
                self.order(fs, FolderOrder::Leave);
                if let Some(folder) = self.folder(fs) {
                    folder.stage = FolderStage::Leaving;
                }
            }
            FolderCommand::CutOff(then) => {
                self.close_question();
                self.order(fs, FolderOrder::Leave);
                self.forget_folder(fs, then);
            }
        }
    }

    fn folder(&mut self, fs: &FsRef) -> Option<&mut FolderMount> {
        self.state.filesystems.get_mut(fs)?.folder.as_mut()
    }

    fn order(&mut self, fs: &FsRef, order: FolderOrder) {
        if let Some(id) = self.folder(fs).map(|folder| folder.id) {
            self.background.send(Request::Folder(fs.clone(), id, order));
        }
    }

    fn close_question(&mut self) {
        if matches!(self.state.dialog, Some(Dialog::UnmountFolder { .. })) {
            self.state.dialog = None;
        }
    }

    fn ask_for_folder(&mut self, fs: &FsRef) {
        let Some(info) = self.state.filesystems.get(fs) else {
            return;
        };
        let (kind, name, writable) = (info.kind, info.name.clone(), info.is_writable());
        self.drafts.begin_form(kind, self.home());
        self.drafts.form.path = self
            .free_folder(&name)
            .map(|dir| dir.to_string_lossy().into_owned())
            .unwrap_or_default();
        self.drafts.form.read_only = !writable;
        self.state.dialog = Some(Dialog::MountFolder(fs.clone()));
    }

    /// A folder to mount at that is not in use from here: `taxes.db` at `lamina/taxes` among the user's files of this session.
    fn free_folder(&self, name: &str) -> Option<PathBuf> {
        let all = self.background.runtime_folder()?;
        let stem = name.split('.').find(|part| !part.is_empty());
        let stem = stem.unwrap_or("filesystem").replace('/', "-");
        let taken = |dir: &PathBuf| {
            let folders = self.state.filesystems.values();
            folders
                .filter_map(|info| info.folder.as_ref())
                .any(|folder| folder.dir == *dir)
        };
        let names = std::iter::once(stem.clone()).chain((2..).map(|n| format!("{stem} {n}")));
        names.map(|name| all.join(name)).find(|dir| !taken(dir))
    }

    fn mount_folder(&mut self, fs: &FsRef, wish: FolderWish) {
        let Some(info) = self.state.filesystems.get_mut(fs) else {
            return;
        };
        if info.folder.is_some() {
            return;
        }
        self.drafts.form.error = None;
        info.folder = Some(FolderMount {
            id: Generation::fresh(),
            dir: wish.dir.clone(),
            read_only: wish.read_only,
            open_files: 0,
            stage: FolderStage::Mounting,
        });
        let order = FolderOrder::Mount(info.location.clone(), wish);
        self.order(fs, order);
    }

    /// Unmounts a folder and then goes on; when programs use it, the user is asked.
    pub(super) fn unmount_folder(&mut self, fs: &FsRef, then: After) {
        let Some(folder) = self.folder(fs) else {
            return;
        };
        match folder.stage {
            FolderStage::Mounting => self.note(Level::Note, "It is being mounted just now"),
            FolderStage::Unmounting => drop(self.after_unmounting.insert(fs.clone(), then)),
            FolderStage::Mounted => {
                folder.stage = FolderStage::Unmounting;
                self.after_unmounting.insert(fs.clone(), then);
                self.order(fs, FolderOrder::Unmount);
            }
            FolderStage::Leaving => {
                self.state.dialog = Some(Dialog::UnmountFolder {
                    fs: fs.clone(),
                    then,
                    users: Some(Vec::new()),
                });
            }
        }
    }

    /// The filesystem that closing a tab would take away from under other programs.
    pub(super) fn closing_unmounts(&self, tab: TabId) -> Option<FsRef> {
        let fs = self.state.workspace.tab(tab)?.fs()?;
        let is_last = self.state.workspace.tabs_of(fs).count() == 1;
        let info = self.state.filesystems.get(fs)?;
        (is_last && info.folder.is_some()).then(|| fs.clone())
    }

    /// What happened to a mounted folder.
    pub(super) fn folder_news(&mut self, fs: &FsRef, id: Generation, news: FolderNews) {
        let Some(info) = self.state.filesystems.get_mut(fs) else {
            return;
        };
        let name = info.name.clone();
        let Some(folder) = info.folder.as_mut().filter(|folder| folder.id == id) else {
            return;
        };
        match news {
            FolderNews::Mounted(dir) => {
                folder.dir = dir;
                folder.stage = FolderStage::Mounted;
                self.close_mount_form(fs);
            }
            FolderNews::Refused(error) => {
                info.folder = None;
                self.fail_form(crate::ui::mount_sentence(&error));
            }
            FolderNews::Used {
                open_files,
                changed,
            } => {
                folder.open_files = open_files;
                info.unsaved |= changed && info.capabilities.contains(Capabilities::VOLATILE);
                if changed {
                    // Who watches a folder is not told of what is written to a file whose folder the kernel did not name.
                    for tab in self.state.workspace.tabs_of(fs) {
                        self.background.all_changed(tab.id);
                        self.drafts.changed.insert(tab.id);
                    }
                }
            }
            FolderNews::Busy(users) => {
                folder.stage = FolderStage::Mounted;
                let then = self.after_unmounting.remove(fs).unwrap_or(After::Stay);
                self.state.dialog = Some(Dialog::UnmountFolder {
                    fs: fs.clone(),
                    then,
                    users: Some(users),
                });
            }
            FolderNews::Stuck(error) => {
                folder.stage = FolderStage::Mounted;
                self.after_unmounting.remove(fs);
                let what = format!("Couldn't unmount {name}");
                self.note(Level::Error, crate::ui::error_sentence(&what, &error));
            }
            FolderNews::Over => {
                if folder.stage == FolderStage::Mounted {
                    let text = format!("{name} was unmounted by another program");
                    self.note(Level::Note, text);
                }
                let then = self.after_unmounting.remove(fs).unwrap_or(After::Stay);
                self.close_question();
                self.forget_folder(fs, then);
            }
        }
    }

    fn close_mount_form(&mut self, fs: &FsRef) {
        if matches!(&self.state.dialog, Some(Dialog::MountFolder(asked)) if asked == fs) {
            self.close_dialog();
        }
    }

    /// A filesystem is no folder any more.
    fn forget_folder(&mut self, fs: &FsRef, then: After) {
        self.after_unmounting.remove(fs);
        if let Some(info) = self.state.filesystems.get_mut(fs) {
            info.folder = None;
        }
        match then {
            After::Stay => {}
            After::Close(tab) => self.close_tab(tab),
            After::Lock => self.lock(fs),
        }
        self.close_orphans();
    }

    /// A place that is reached through a mounted folder, as a place in the filesystem itself. This program never goes through its own folders: it would
    /// wait for itself.
    pub(super) fn through_folder(&self, place: Place) -> Place {
        let inside = |path| {
            let find = |(fs, info): (&FsRef, &FsInfo)| {
                let inner = info.folder.as_ref()?.inside(path)?;
                let inner = VPath::lexical(std::path::Path::new("/").join(inner)).ok()?;
                Some(Place::new(fs.clone(), inner))
            };
            self.state.filesystems.iter().find_map(find)
        };
        host_path(&place).and_then(inside).unwrap_or(place)
    }

    /// Why an operation is not done: somewhere in what it acts on a filesystem of this program is mounted.
    pub(super) fn goes_through_folder(&self, operation: &Operation) -> Option<String> {
        let is_inside = |folder: &FolderMount| {
            let mut paths = operation.subjects().iter().filter_map(host_path);
            folder.is_there() && paths.any(|path| folder.dir.starts_with(path))
        };
        let mut all = self.state.filesystems.values();
        let mounted = all.find(|info| info.folder.as_ref().is_some_and(is_inside))?;
        Some(format!(
            "{} is mounted inside of that folder; unmount it first",
            mounted.name
        ))
    }

    /// The place in a mounted filesystem that a location leads to through its folder.
    pub(super) fn inside_folder(&self, location: &Location) -> Option<Place> {
        let (Root::Path(path) | Root::Host(path)) = location.root() else {
            return None;
        };
        let here = crate::state::filesystem::place_of(&Location::host(path));
        let here = here.with_path(here.path.append(location.inner()));
        let there = self.through_folder(here.clone());
        (there != here).then_some(there)
    }
}
