//! The window never waits: a filesystem called on the thread that draws is a mistake, and in tests and debug builds a panic.

use std::cell::Cell;
use std::ffi::{OsStr, OsString};

use fs_core::{
    At, Backend, Capabilities, Change, Extensions, File, FileId, Listing, Metadata, NewNode, Node,
    OpenOptions, RenameMode, Result, Scope, Staged, Want,
};

thread_local! {
    static DRAWS: Cell<bool> = const { Cell::new(false) };
}

/// Says that this thread draws the window.
pub fn mark_ui_thread() {
    DRAWS.set(true);
}

/// Lets a test look at a filesystem from the thread that also drives the window.
#[cfg(feature = "testing")]
pub fn outside_window<T>(look: impl FnOnce() -> T) -> T {
    let before = DRAWS.replace(false);
    let out = look();
    DRAWS.set(before);
    out
}

fn check() {
    debug_assert!(
        !DRAWS.get(),
        "a filesystem was called on the thread that draws the window"
    );
}

/// A backend that refuses to be called on the thread that draws.
pub struct Guarded<B>(pub B);

impl<B: Backend> Backend for Guarded<B> {
    fn capabilities(&self, at: At<'_>) -> Capabilities {
        check();
        self.0.capabilities(at)
    }
    fn stat(&self, at: At<'_>) -> Result<Metadata> {
        check();
        self.0.stat(at)
    }
    fn list(&self, at: At<'_>, want: &Want) -> Result<Box<dyn Listing>> {
        check();
        self.0.list(at, want)
    }
    fn open(&self, at: At<'_>, how: &OpenOptions) -> Result<Box<dyn File>> {
        check();
        self.0.open(at, how)
    }
    fn change(&self, change: &Change<'_>) -> Result<()> {
        check();
        self.0.change(change)
    }
    fn stage(&self, at: At<'_>, new: &NewNode) -> Result<Box<dyn Staged>> {
        check();
        self.0.stage(at, new)
    }
    fn change_all(&self, changes: &[Change<'_>]) -> Vec<Result<()>> {
        check();
        self.0.change_all(changes)
    }
    fn commit_all(&self, staged: Vec<(Box<dyn Staged>, RenameMode)>) -> Vec<Result<FileId>> {
        check();
        self.0.commit_all(staged)
    }
    fn sync(&self, scope: Scope<'_>) -> Result<()> {
        check();
        self.0.sync(scope)
    }
    fn pin(&self, at: At<'_>) -> Result<Node> {
        check();
        self.0.pin(at)
    }
    fn read_link(&self, at: At<'_>) -> Result<OsString> {
        check();
        self.0.read_link(at)
    }
    fn get_xattr(&self, at: At<'_>, name: &OsStr) -> Result<Vec<u8>> {
        check();
        self.0.get_xattr(at, name)
    }
    fn list_xattrs(&self, at: At<'_>) -> Result<Vec<OsString>> {
        check();
        self.0.list_xattrs(at)
    }
    fn extensions(&self) -> Extensions<'_> {
        check();
        self.0.extensions()
    }
    fn close(&self) -> Result<()> {
        check();
        self.0.close()
    }
}
