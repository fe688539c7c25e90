//! What the logic asks of the background, and what the background tells.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use fs_backends::location::{Location, StackLayer};
use fs_core::maintenance::Info;
use fs_core::ops::{Decisions, EntryId, FsRef, Operation, Place, Preflight, Progress, Report};
use fs_core::snapshots::SnapshotId;
use fs_core::{Capabilities, Control, Error, FileId, FileKind, Result, VPath};

use super::seen::Older;
use crate::command::{OpenIn, Over, Pick, Secret};
use crate::state::care::{Outcome, Work};
use crate::state::dialog::NewFilesystem;
use crate::state::folder_mount::{FolderNews, FolderWish};
use crate::state::layers::{Changes, LayerInfo, LayersEdit};
use crate::state::preview::Preview;
use crate::state::properties::{AttrWish, Checksum, Facts, Usage};
use crate::state::{
    Appearance, Arrange, Generation, OpId, SearchProgress, Session, Settings, TabId, Undoable,
    Unfinished, UserFolder, View, snapshots,
};

/// A question or an order. Never waits for anything when it is sent.
#[derive(Debug)]
pub enum Request {
    /// Finds out what a location is: `Event::Settled`.
    Settle {
        /// The location.
        location: Location,
        /// Where it shall be shown.
        open_in: OpenIn,
    },
    /// Opens a filesystem: `Event::Mounted`.
    Mount {
        /// Which one.
        fs: FsRef,
        /// Its location.
        location: Location,
        /// The password, if one was given.
        secret: Option<Secret>,
        /// So that nothing can be changed.
        read_only: bool,
        /// Layers of a stack that are left out, by their number in its file.
        hidden: Vec<usize>,
        /// A layer that was used over another base is used over this one from now on.
        accept_base: bool,
    },
    /// Makes a filesystem: `Event::Created`.
    Create {
        /// What.
        new: NewFilesystem,
        /// Encrypts it.
        secret: Option<Secret>,
    },
    /// Closes a filesystem: `Event::Unmounted`.
    Unmount(FsRef),
    /// Writes a memory filesystem to a file: `Event::Saved`; `AlreadyExists` unless it may replace what is there, or is kept there and nobody else changed it. The secret encrypts it from now on.
    Save(FsRef, PathBuf, Over, Option<Secret>),
    /// Lists a folder: `Event::View`, repeatedly, or `Event::ListFailed`.
    List(ListRequest),
    /// Looks below a folder for names: `Event::Found`, repeatedly, or `Event::ListFailed`.
    Search(SearchRequest),
    /// Looks again where something of what was found changed: `Event::Found` or `Event::ListFailed`.
    Follow(FollowRequest),
    /// Sorts and filters what was listed: `Event::View`.
    Arrange {
        /// The tab.
        tab: TabId,
        /// Its question.
        generation: Generation,
        /// What was listed.
        view: View,
        /// How.
        arrange: Arrange,
        /// The filesystem, whose threads do it.
        fs: FsRef,
    },
    /// Finds out what opening an entry means: `Event::Activated`.
    Activate {
        /// The tab it is in.
        tab: TabId,
        /// The entry.
        place: Place,
        /// Where it shall be shown.
        open_in: OpenIn,
    },
    /// Reads what the properties dialog shows: `Event::Facts`, then `Event::Usage`.
    Properties {
        /// The entries.
        items: Vec<Place>,
        /// Set when nobody wants to know any more.
        cancel: Arc<AtomicBool>,
        /// The question.
        generation: Generation,
    },
    /// Looks what the top layer of a stack changed: `Event::Changes`.
    Changes {
        /// The stack.
        fs: FsRef,
        /// With what new folders hold in all.
        sums: bool,
        /// Set when nobody wants to know any more.
        cancel: Arc<AtomicBool>,
        /// The question.
        generation: Generation,
    },
    /// Reads a file for its checksum: `Event::Checksum`, repeatedly.
    Checksum {
        /// The file.
        place: Place,
        /// Set when nobody wants to know any more.
        cancel: Arc<AtomicBool>,
        /// The question.
        generation: Generation,
    },
    /// Looks up the names in a wish for attributes: `Event::Attributes`.
    Attributes(AttrWish, Generation),
    /// Reads the beginning of a file: `Event::Preview`.
    Preview {
        /// The file.
        place: Place,
        /// Set when nobody wants to see it any more.
        cancel: Arc<AtomicBool>,
        /// The question.
        generation: Generation,
    },
    /// Lists the folders in a folder: `Event::Folders`.
    Folders {
        /// The folder.
        place: Place,
        /// Stops it.
        cancel: Arc<AtomicBool>,
        /// The question.
        generation: Generation,
    },
    /// Makes a free name for a new entry and says it: `Event::FreeName`.
    FreeName {
        /// The tab.
        tab: TabId,
        /// The folder.
        folder: Place,
        /// The wish: "New folder".
        wish: &'static str,
        /// It shall be a folder.
        is_folder: bool,
    },
    /// Finds out on which device a folder is: `Event::Device`.
    Device(Place),
    /// The tab is gone: stops watching for it.
    Forget(TabId),
    /// Drops a big view away from the drawing thread.
    Drop(View),
    /// Opens a host file in its program: `Event::Note` when that fails.
    OpenInProgram(PathBuf),
    /// Puts host files on the desktop's clipboard.
    SetClipboardFiles(Vec<PathBuf>),
    /// Asks the desktop's clipboard for files: `Event::ClipboardFiles`.
    GetClipboardFiles(Place),
    /// Asks the desktop for a path: `Event::Picked`.
    Pick(Pick),
    /// Looks which folders the user has: `Event::UserFolders`.
    UserFolders,
    /// Gives an operation to the engine: `Event::Operation`, repeatedly.
    Submit(OpId, Operation),
    /// Answers what an operation asked.
    Answer(OpId, Decisions),
    /// Holds, goes on with or stops an operation.
    Control(OpId, OpControl),
    /// Leaves an operation that a crash interrupted as it is.
    Leave(EntryId),
    /// Takes over the history kept inside a filesystem that was just opened: `Event::History`.
    Adopt(FsRef),
    /// Does something with the kept moments of a filesystem: `Event::Snapshots`.
    Snapshots {
        /// The filesystem.
        fs: FsRef,
        /// What.
        work: snapshots::Work,
        /// What is compared with the present afterwards.
        chosen: Option<SnapshotId>,
        /// How often it had changed when all this was known last: then there is nothing to tell.
        known: Option<u64>,
        /// The question, and the way to cut looking short.
        asked: snapshots::Asked,
    },
    /// Changes the stack file of a filesystem: `Event::StackEdited`. Who has it open keeps the layers it has.
    EditStack(FsRef, PathBuf, LayersEdit),
    /// Looks after a vault or store: `Event::Care`.
    Care(FsRef, Generation, Work, Control),
    /// Mounts a filesystem as a folder, or unmounts it: `Event::Folder`, repeatedly.
    Folder(FsRef, Generation, FolderOrder),
    /// Writes the session.
    SaveSession(Box<Session>),
    /// Writes the settings.
    SaveSettings(Box<Settings>),
}

/// What to do about a filesystem that is, or shall be, a folder of this computer.
#[derive(Clone, Debug)]
pub enum FolderOrder {
    /// Mounts the filesystem of this location.
    Mount(Location, FolderWish),
    /// Unmounts it, unless programs use it.
    Unmount,
    /// Takes the folder away; programs that use it go on until they are done.
    Leave,
}

/// What to list.
#[derive(Debug)]
pub struct ListRequest {
    /// The tab.
    pub tab: TabId,
    /// Its question.
    pub generation: Generation,
    /// The folder.
    pub place: Place,
    /// In which order.
    pub arrange: Arrange,
    /// Stops it.
    pub cancel: Arc<AtomicBool>,
    /// First rows at once; otherwise (when rows are shown already) only the whole.
    pub stream: bool,
}

/// What to look for.
#[derive(Debug)]
pub struct SearchRequest {
    /// Where, and how the answers come.
    pub below: ListRequest,
    /// What names contain, or a pattern they fit.
    pub text: String,
    /// Folders that are not looked into: this program serves them itself.
    pub leave_out: Vec<VPath>,
}

/// How something in memory was saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedAs {
    /// The file is encrypted.
    pub encrypted: bool,
    /// Where what another program wrote is kept.
    pub other: Option<PathBuf>,
}

/// What shall be kept as it is now.
#[derive(Debug)]
pub struct FollowRequest {
    /// What was looked for.
    pub search: SearchRequest,
    /// What was found.
    pub view: View,
    /// How far the search came.
    pub progress: SearchProgress,
}

/// What the background tells.
#[derive(Debug)]
pub enum Event {
    /// A location is known.
    Settled {
        /// As it was asked.
        location: Location,
        /// What it is.
        result: Result<Settled>,
        /// Where it shall be shown.
        open_in: OpenIn,
    },
    /// A filesystem is open, or not.
    Mounted {
        /// Which one.
        fs: FsRef,
        /// Whether.
        result: Result<MountInfo>,
    },
    /// A filesystem was made.
    Created(Result<Location>),
    /// A filesystem is closed.
    Unmounted(FsRef, Result<()>),
    /// A stack file was changed; the layers it had before.
    StackEdited(FsRef, Result<Vec<StackLayer>>),
    /// A memory filesystem was saved; `true`: with a password.
    Saved(FsRef, PathBuf, Result<SavedAs>),
    /// What came of doing something with kept moments.
    Snapshots(FsRef, Generation, snapshots::News),
    /// What came of looking after a vault or store.
    Care(FsRef, Generation, CareNews),
    /// News of a filesystem that is mounted as a folder, and of which mount of it.
    Folder(FsRef, Generation, FolderNews),
    /// Rows for a tab.
    View {
        /// The tab.
        tab: TabId,
        /// The question it answers.
        generation: Generation,
        /// The rows.
        view: View,
        /// The folder they are in, when known.
        folder: Option<FileId>,
    },
    /// What was found for a tab so far.
    Found {
        /// The tab.
        tab: TabId,
        /// The question it answers.
        generation: Generation,
        /// The rows.
        view: View,
        /// How far the search has come.
        progress: SearchProgress,
    },
    /// No rows for a tab.
    ListFailed {
        /// The tab.
        tab: TabId,
        /// The question it answers.
        generation: Generation,
        /// Why.
        error: Error,
    },
    /// What opening an entry means.
    Activated {
        /// The tab it is in.
        tab: TabId,
        /// The entry.
        place: Place,
        /// Where it shall be shown.
        open_in: OpenIn,
        /// What it is.
        result: Result<Target>,
    },
    /// The facts of the properties dialog.
    Facts(Generation, Vec<Result<Facts>>),
    /// The sums of the properties dialog.
    Usage(Generation, Usage),
    /// What the top layer of a stack changed.
    Changes(FsRef, Generation, Result<Changes>),
    /// The checksum of the properties dialog.
    Checksum(Generation, Checksum),
    /// The operation a wish for attributes asks for, or why there is none.
    Attributes(Generation, std::result::Result<Operation, String>),
    /// What a file holds.
    Preview(Generation, Result<Preview>),
    /// Names of the folders in a folder, in order; none when it can't be listed.
    Folders(Generation, Vec<String>),
    /// A free name.
    FreeName {
        /// The tab.
        tab: TabId,
        /// Where, with the name.
        result: Result<Place>,
        /// It shall be a folder.
        is_folder: bool,
    },
    /// The device a folder is on, if it can be told.
    Device(Place, Option<u64>),
    /// Files on the desktop's clipboard, to be pasted into a folder.
    ClipboardFiles(Vec<PathBuf>, Place),
    /// A path chosen in the desktop's file dialog.
    Picked(Picked),
    /// The user's folders.
    UserFolders(Vec<UserFolder>),
    /// What the desktop says of colours and motion.
    Appearance(Appearance),
    /// A font for characters that were missing.
    Font(crate::theme::FallbackFont),
    /// Something went wrong that is no answer.
    Note(String),
    /// News of an operation.
    Operation(OpId, OpNews),
    /// What can be undone and done again, newest at the end, and what a crash interrupted.
    History {
        /// What Ctrl+Z would undo.
        undo: Vec<Undoable>,
        /// What Ctrl+Y would do again.
        redo: Vec<Undoable>,
        /// What can be finished or undone, oldest first.
        unfinished: Vec<Unfinished>,
    },
}

/// What came of looking after a vault or store.
#[derive(Debug)]
pub struct CareNews {
    /// What was done; nothing where it was only looked at.
    pub outcome: Option<Outcome>,
    /// What it is made of now, where that could be found out.
    pub info: Option<Arc<Info>>,
}

/// News of an operation.
#[derive(Debug)]
pub enum OpNews {
    /// It waits for another one.
    Queued,
    /// It waits for an answer.
    Ask(Arc<Preflight>),
    /// It works.
    Progress(Progress),
    /// It is over.
    Done(Box<Report>),
    /// It could not start.
    Failed(Error),
}

/// What can be done to a running operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpControl {
    /// It waits until it is resumed.
    Pause,
    /// It goes on.
    Resume,
    /// It ends; what it made so far goes away or stays whole.
    Cancel,
}

/// What a location turned out to be.
#[derive(Clone, Debug)]
pub struct Settled {
    /// With its kind decided.
    pub location: Location,
    /// It is a plain file: its folder is shown, with the cursor on it.
    pub is_file: bool,
    /// It is a host path, and nothing is there.
    pub is_missing: bool,
}

/// An open filesystem, seen from outside.
#[derive(Clone, Debug)]
pub struct MountInfo {
    /// What can be done at its root.
    pub capabilities: Capabilities,
    /// Can it be locked?
    pub encrypted: bool,
    /// Was it opened so that nothing can be changed?
    pub read_only: bool,
    /// Its layers, bottom first.
    pub layers: Vec<LayerInfo>,
    /// Open filesystems among them.
    pub made_of: Vec<FsRef>,
    /// Does it keep moments of itself?
    pub keeps_snapshots: bool,
    /// What of it was further when it was open here last.
    pub older: Vec<Older>,
    /// The type of the network filesystem it lies on.
    pub network: Option<String>,
}

/// What opening an entry means.
#[derive(Clone, Debug)]
pub enum Target {
    /// Showing this folder.
    Folder(Place),
    /// Showing this filesystem.
    Filesystem(Location),
    /// Opening this file.
    File(Place, FileKind),
}

/// What came of asking the desktop for a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Picked {
    /// This one.
    Path(PathBuf),
    /// This one, to be made or written over.
    NewPath(PathBuf),
    /// These, to be copied into a folder.
    Files(Vec<PathBuf>, Place),
    /// None; the user thought better of it.
    Cancelled,
    /// There is no such dialog on this desktop.
    NoDialog(Pick),
}
