//! What can be done in the window. A [`Command`] is an order to the logic; a [`Verb`] is one a person can give, declared once in the [`table`] for
//! menus, context menus, palette, keys and help.

pub mod keymap;
mod sender;
pub mod table;
mod verb;

use fs_backends::location::{Kind, Location};
use fs_core::VPath;
use fs_core::ops::{Decisions, EntryId, FsRef, Operation, Place};
use fs_core::snapshots::SnapshotId;
use zeroize::Zeroizing;

use crate::state::care::Work;
use crate::state::folder_mount::FolderWish;
use crate::state::layers::LayersEdit;
use crate::state::{
    After, Column, Density, Dialog, OpId, PaneId, RelPath, TabId, ThemeChoice, ToastId, Way,
    dialog::NewFilesystem, layout::Resize, properties::AttrWish, snapshots,
};

use crate::widget::rows::{BandPhase, How};

pub use sender::{Commands, channel};
pub use verb::{Availability, Menu, Verb};

/// A password; erased when dropped, and never printed.
#[derive(Clone, Default)]
pub struct Secret(pub Zeroizing<String>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// An order to the logic. Names and places in it were resolved when it was given, so that rows that arrive meanwhile change nothing.
#[derive(Clone, Debug)]
pub enum Command {
    /// Shows a place in a tab.
    Go(TabId, Place),
    /// Shows the folder of an entry and puts the cursor on it.
    Reveal(TabId, Place),
    /// Shows a location; which filesystem it is, the background finds out.
    Open(Location, OpenIn),
    /// Shows what was typed into the path field.
    Typed(TabId, String),
    /// Looks which folders there are in the beginning of a path that is being typed.
    Complete(TabId, String),
    /// Opens an entry: a folder here, a filesystem as a tab, a file in its program or preview.
    Activate(TabId, RelPath, OpenIn),
    /// One step back in the history of a tab.
    Back(TabId),
    /// One step forward.
    Forward(TabId),
    /// To the parent folder.
    Up(TabId),
    /// Lists anew.
    Refresh(TabId),
    /// Stops listing or opening.
    Stop(TabId),
    /// See [`TabCommand`].
    Tab(TabCommand),
    /// See [`ListCommand`].
    List(TabId, ListCommand),
    /// See [`FileCommand`].
    File(FileCommand),
    /// See [`FsCommand`].
    Fs(FsCommand),
    /// See [`WindowCommand`].
    Window(WindowCommand),
}

/// Where something is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenIn {
    /// In this tab.
    Tab(TabId),
    /// In a new tab of the active pane, or the tab that shows it already.
    NewTab,
    /// In a new tab of a pane.
    Pane(PaneId),
    /// In a new tab, so that nothing can be changed.
    ReadOnly,
}

/// Tabs and panes.
#[derive(Clone, Debug)]
pub enum TabCommand {
    /// A new tab at the place of the active one.
    New(PaneId),
    /// The Welcome tab.
    Welcome,
    /// Closes a tab, after asking if it must.
    Close(TabId),
    /// Closes a tab without asking.
    CloseAnyway(TabId),
    /// Closes all tabs of its pane but this one.
    CloseOthers(TabId),
    /// Opens the tab that was closed last.
    Reopen,
    /// The same place in another tab.
    Duplicate(TabId),
    /// Shows a tab.
    Show(TabId),
    /// Shows the next (1) or previous (-1) tab of the active pane.
    Step(isize),
    /// Shows a tab by its number from 0; `usize::MAX`: the last.
    Nth(usize),
    /// Puts a tab into a pane, before the tab with this number.
    Move(TabId, PaneId, usize),
    /// Puts a tab into the other pane, which is shown if need be.
    ToOtherPane(TabId),
    /// Makes a pane the active one.
    Activate(PaneId),
    /// Shows or hides the second pane.
    ToggleSplit,
    /// Exchanges the panes.
    Swap,
}

/// Cursor, selection and order of a list. Rows are those of the frame that was drawn last; commands are carried out before anything changes them.
#[derive(Clone, Debug)]
pub enum ListCommand {
    /// Puts the cursor on a row and changes the selection.
    Select(usize, How),
    /// Puts the cursor on a row.
    Cursor(usize),
    /// Selects what a rubber band touches.
    Band {
        /// What happened.
        phase: BandPhase,
        /// First and one past the last row.
        rows: std::ops::Range<usize>,
        /// What it does to what was selected before it.
        how: How,
    },
    /// Selects everything.
    SelectAll,
    /// Selects nothing.
    SelectNone,
    /// Selects what was not selected.
    Invert,
    /// Text typed into the list: the cursor goes to the name that starts with it.
    Typed(String),
    /// Sorts by a column, or turns its order.
    Sort(Column),
    /// Shows only names that contain this.
    Filter(String),
    /// Looks for this below the folder; empty: only shows the field.
    Search(String),
    /// Shows the folder itself again.
    EndSearch,
    /// Starts renaming an entry.
    Rename(RelPath),
    /// Ends renaming without a change.
    CancelRename,
}

/// Files and operations.
#[derive(Clone, Debug)]
pub enum FileCommand {
    /// Gives an operation to the engine.
    Run(Operation),
    /// Answers what an operation asked.
    Answer(OpId, Decisions),
    /// Holds an operation or lets it go on.
    Pause(OpId, bool),
    /// Holds all operations that are not over, or lets them go on.
    PauseAll(bool),
    /// Stops an operation.
    Cancel(OpId),
    /// Undoes an entry of the history.
    Undo(EntryId),
    /// Does an undone entry again.
    Redo(EntryId),
    /// Goes on with an operation that a crash interrupted.
    Finish(EntryId),
    /// Leaves an interrupted operation as it is.
    Leave(EntryId),
    /// Cuts or copies.
    Clip {
        /// The entries.
        items: Vec<Place>,
        /// Pasting moves them.
        cut: bool,
    },
    /// Forgets what was cut or copied.
    ClearClip,
    /// Pastes what was cut or copied, here or in another program, into a folder.
    Paste(Place),
    /// Finds out on which device a folder is that something is dragged over.
    FindDevice(Place),
    /// Asks for files of this computer and copies them into a folder.
    AddFiles(Place),
    /// Host files from another program arrive in a folder.
    Import(Vec<std::path::PathBuf>, Place),
    /// Ends renaming an entry with a new name.
    Rename(TabId, Place, String),
    /// Makes a folder (or an empty file) with a free name and starts renaming it.
    Make {
        /// The tab it shall be seen in.
        tab: TabId,
        /// A folder.
        folder: bool,
    },
    /// Opens a host file in its program.
    OpenInProgram(Place),
    /// Copies text to the clipboard.
    CopyText(String),
    /// Shows what is known about entries.
    Properties(Vec<Place>),
    /// Stops counting what the properties dialog is about.
    StopCounting,
    /// Reads the file the properties dialog is about, for its checksum.
    Checksum,
    /// Changes attributes, once the names in the wish are known.
    SetAttributes(AttrWish),
    /// Forgets operations that are over.
    ForgetFinished,
}

/// What may be written over when a memory filesystem is saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// Only what it was loaded from, or what was saved last.
    Own,
    /// Whatever is there.
    Anything,
    /// Whatever is there, once it is kept beside it under another name.
    KeepingOther,
}

/// Filesystems.
#[derive(Clone, Debug)]
pub enum FsCommand {
    /// Tries a password; `true`: so that nothing can be changed.
    Unlock(FsRef, Secret, bool),
    /// Shows what the top layer of a stack changed.
    Review(FsRef),
    /// Takes back what the top layer of a stack did to these paths.
    Discard(FsRef, Vec<VPath>),
    /// Closes an encrypted filesystem; its tabs become lock screens. Asks first when something in it is not saved.
    Lock(FsRef),
    /// Locks a memory filesystem, after saving it (`true`) or with the loss of what is not saved.
    LockUnsaved(FsRef, bool),
    /// Locks all that can be locked.
    LockAll,
    /// Changes which layers a stack has.
    EditLayers(FsRef, LayersEdit),
    /// Undoes a change of the layers of a stack, or does it again, by its number.
    StepLayers(FsRef, Way, u64),
    /// Leaves a layer of a stack, by its number in the file, out (`false`) or takes it in again.
    ShowLayer(FsRef, usize, bool),
    /// Asks what becomes a layer of a stack.
    AskLayer(FsRef),
    /// Tries to open a failed filesystem again.
    Retry(FsRef),
    /// Opens a filesystem that another program has open, so that nothing in it can be changed.
    RetryReadOnly(FsRef),
    /// Opens a stack whose layers were used over another base: from now on they belong to this one.
    AcceptBase(FsRef),
    /// Makes a filesystem and opens it; the secret encrypts it.
    Create(NewFilesystem, Option<Secret>),
    /// Writes a memory filesystem to a file. The secret encrypts it from now on.
    Save(FsRef, std::path::PathBuf, Over, Option<Secret>),
    /// Forgets what was changed in memory, and opens it again from its file, which another program changed.
    TakeFile(FsRef),
    /// Closes a filesystem and all its tabs.
    Close(FsRef),
    /// See [`SnapshotCommand`].
    Snapshots(FsRef, SnapshotCommand),
    /// See [`CareCommand`].
    Care(FsRef, CareCommand),
    /// See [`FolderCommand`].
    Folder(FsRef, FolderCommand),
    /// Asks the desktop for a path, for the field of a dialog.
    Pick(Pick),
    /// Asks for a filesystem of a kind.
    Ask(Kind),
    /// Asks for what is needed to make one of a kind.
    AskNew(Kind),
    /// Opens the dialog that saves what can be read of a damaged filesystem.
    AskSalvage(FsRef),
}

/// The kept moments of a filesystem.
#[derive(Clone, Debug)]
pub enum SnapshotCommand {
    /// Asks for the name of one to be taken.
    AskName,
    /// Looks at one; nothing: at the present.
    Choose(Option<SnapshotId>),
    /// Does something.
    Do(snapshots::Work),
    /// Shows one in a tab.
    Open(SnapshotId),
    /// Makes everything as it was then.
    GoBack(SnapshotId),
}

/// Looking after a vault or store.
#[derive(Clone, Debug)]
pub enum CareCommand {
    /// Shows what it is made of and what came of the last job, with a part of the dialog open.
    Show(CarePart),
    /// Does something.
    Do(Work),
    /// Stops what is being done.
    Stop,
}

/// A part of the dialog that looks after a vault or store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CarePart {
    /// What came of the last job.
    #[default]
    Outcome,
    /// Asks where the copy goes.
    Backup,
    /// Asks for passwords.
    Password,
    /// Asks whether to repair.
    Repair,
    /// Asks before blobs that belong to nothing are removed.
    Collect,
}

/// A filesystem as a folder of this computer.
#[derive(Clone, Debug)]
pub enum FolderCommand {
    /// Asks where it shall be mounted.
    Ask,
    /// Mounts it.
    Mount(FolderWish),
    /// Shows the folder in the desktop's file manager.
    Open,
    /// Unmounts it unless programs use it, then does something.
    Unmount(After),
    /// Takes the folder away; does something when the programs that use it are done.
    Leave(After),
    /// Takes the folder away and does something at once; programs that use it get errors.
    CutOff(After),
}

/// What a file dialog shall return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pick {
    /// An existing folder.
    Folder,
    /// An existing file.
    File,
    /// A file to be made.
    NewFile,
    /// Existing files, to be copied into this folder.
    Files(Place),
}

/// The window itself.
#[derive(Clone, Debug)]
pub enum WindowCommand {
    /// Shows a dialog.
    Dialog(Dialog),
    /// Closes the dialog.
    CloseDialog,
    /// Shows or hides the palette.
    Palette(bool),
    /// Shows or hides the sidebar.
    ToggleSidebar,
    /// Shows or hides the preview.
    TogglePreview,
    /// Shows or hides hidden files.
    ToggleHidden,
    /// Shows or hides what layers deleted.
    ToggleDeleted,
    /// Lists kept moments, or shows only a strip.
    ToggleSnapshots,
    /// Lists the layers of stacks, or shows only a strip.
    ToggleLayers,
    /// Opens the field that filters the list.
    OpenFilter,
    /// Opens the field that searches below the folder.
    OpenSearch,
    /// Turns the path of the active pane into a field.
    EditPath,
    /// Shows or hides the list of operations.
    ToggleOperations,
    /// Chooses colours.
    Theme(ThemeChoice),
    /// Lets nothing move by itself, or lets it.
    ReducedMotion(bool),
    /// Chooses the height of rows.
    Density(Density),
    /// Gives a part of the window another size.
    Resize(Resize),
    /// Keeps the place of a tab, or forgets it.
    ToggleBookmark(TabId),
    /// Takes a message away.
    Dismiss(ToastId),
    /// Leaves, after asking if it must.
    Quit,
    /// Leaves.
    QuitAnyway,
}
