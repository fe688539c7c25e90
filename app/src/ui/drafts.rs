//! What the UI itself may change: text being typed, positions, what is being dragged. Everything else goes through commands.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use fs_backends::location::Kind;
use fs_core::ops::{Decisions, EntryId, FsRef, Place};
use fs_core::{FileKind, Name, VPath};

use crate::command::{CarePart, Secret};
use crate::state::{Generation, PaneId, RelPath, Selection, TabId, file_type};
use crate::widget::rows::RowsState;

/// All drafts.
#[derive(Default)]
pub struct Drafts {
    rows: HashMap<TabId, RowsState>,
    /// Names being typed.
    pub rename: Option<RenameDraft>,
    /// The path being typed, and where.
    pub path: Option<PathDraft>,
    /// The filter fields that are open.
    pub filters: HashMap<TabId, FilterDraft>,
    /// The search fields that are open.
    pub searches: HashMap<TabId, FilterDraft>,
    /// The form of the dialog for opening or making a filesystem.
    pub form: Form,
    /// Something is being made; its dialog waits.
    pub creating: bool,
    /// Passwords being typed into lock screens.
    pub secrets: HashMap<FsRef, SecretDraft>,
    /// The palette.
    pub palette: Palette,
    /// What is being changed in the properties dialog.
    pub permissions: Option<super::dialog::properties::PermissionsDraft>,
    /// Answers being chosen in the conflict dialog.
    pub decisions: Decisions,
    /// Where the layers of the pane at the left begin, if it shows a stack: messages stand above.
    pub layers_top: Option<f32>,
    /// Devices of folders something is dragged over, as far as they are known; asked for once in a drag.
    pub devices: HashMap<Place, Option<u64>>,
    /// What is being typed or asked in the panel of kept moments.
    pub snapshots: super::snapshots::SnapshotsDraft,
    /// Changes ticked in the review of a stack.
    pub review: BTreeSet<VPath>,
    /// Selection before a rubber band.
    pub band: Option<Selection>,
    /// Letters typed into the list of a tab, and when.
    pub typed: Option<(Instant, TabId, String)>,
    /// Tabs whose folder changed.
    pub changed: BTreeSet<TabId>,
    /// An entry that shall be renamed once it is seen.
    pub will_rename: Option<(TabId, Name)>,
    /// An operation that a crash interrupted became known and was not offered yet.
    pub offer_unfinished: bool,
    /// Interrupted operations something was decided about.
    pub tried: BTreeSet<EntryId>,
    /// When the rows of a running copy were shown last.
    pub progress_shown: Option<Instant>,
    /// The Welcome tab that gives way to what is being opened.
    pub replaced: Option<TabId>,
    /// Layout of the panes.
    pub layout: super::layout::Layout,
    /// Since when the pointer has been over a tab with something to drop.
    pub spring: Option<(TabId, Instant)>,
    /// The keyboard was used last, not the pointer: what has the focus is shown.
    pub keyboard_used: bool,
    /// Widgets of the lists, to tell which of them has the keyboard.
    pub lists: HashMap<PaneId, egui::Id>,
    /// The list of this pane has the keyboard; told by the last frame.
    pub focused_list: Option<PaneId>,
    /// What a drop right now would do.
    pub aim: super::drag::Aim,
    /// What shows itself as the target of a drop: the aim of the last frame, when everything had been drawn.
    pub shown_aim: super::drag::Aim,
    /// What the preview laid out last.
    pub preview: super::preview::PreviewDraft,
    /// A context menu that is open.
    pub menu: Option<super::context_menu::MenuDraft>,
}

/// A name being typed.
pub struct RenameDraft {
    /// The tab.
    pub tab: TabId,
    /// The entry.
    pub name: RelPath,
    /// What it shall be called.
    pub text: String,
    /// Characters to select when the field gets the focus.
    pub select: Option<usize>,
}

/// A path being typed.
pub struct PathDraft {
    /// The tab.
    pub tab: TabId,
    /// The text.
    pub text: String,
    /// The field has not got the focus yet.
    pub fresh: bool,
    /// It lost the focus and shall have it again.
    pub refocus: bool,
    /// Something was typed into it: from now on folders are suggested.
    pub typed: bool,
    /// It was entered, and is being looked at.
    pub going: bool,
    /// Why one can't go there.
    pub error: Option<String>,
    /// Folders to complete it with.
    pub completion: Completion,
}

/// Folders in the folder that a path begins with.
#[derive(Default)]
pub struct Completion {
    /// The beginning, as it was typed.
    pub folder: String,
    /// Names of the folders there, in order; none until they are known.
    pub names: Vec<String>,
    /// The question that is on its way.
    pub wanted: Option<Generation>,
    /// Stops the answer.
    pub cancel: Arc<AtomicBool>,
}

impl Completion {
    /// Asked for, not known.
    pub fn asked(folder: &str) -> Self {
        let mut asked = Self::default();
        asked.folder.push_str(folder);
        asked
    }
}

impl Drop for Completion {
    fn drop(&mut self) {
        self.cancel.store(true, Ordering::Relaxed);
    }
}

/// A filter, or what is searched for, being typed.
pub struct FilterDraft {
    /// The text.
    pub text: String,
    /// The field has not got the focus yet.
    pub fresh: bool,
    /// It had the focus in the last frame.
    pub focused: bool,
}

impl FilterDraft {
    fn new(text: String, fresh: bool) -> Self {
        Self {
            text,
            fresh,
            focused: false,
        }
    }
}

/// A password being typed.
#[derive(Default)]
pub struct SecretDraft {
    /// The password.
    pub secret: Secret,
    /// It is shown.
    pub revealed: bool,
    /// It was wrong: its text shall be selected.
    pub select: bool,
    /// Letters come in the other case than Shift asks for.
    pub caps_lock: bool,
    /// The button opens it so that nothing can be changed, and the link the other way.
    pub read_only: bool,
}

/// The form for opening or making a filesystem.
#[derive(Default)]
pub struct Form {
    /// Name of a memory filesystem, or of a stack.
    pub name: String,
    /// The path that is typed.
    pub path: String,
    /// The password.
    pub secret: Secret,
    /// The password, again.
    pub repeat: Secret,
    /// The password it has now.
    pub old: Secret,
    /// What the dialog that looks after a vault or store asks.
    pub care: CarePart,
    /// The password it has now was wrong.
    pub wrong: bool,
    /// What is young is removed as well.
    pub young: bool,
    /// Encrypt it.
    pub encrypt: bool,
    /// Keep it in a file.
    pub keep: bool,
    /// Open it so that nothing can be changed.
    pub read_only: bool,
    /// What was wrong.
    pub error: Option<String>,
    /// Layers of a stack, bottom first; or the one that is added.
    pub layers: Vec<FsRef>,
    /// The layer that is added becomes the one that is written.
    pub on_top: bool,
    /// A path that may be written over: the desktop's file dialog has asked.
    pub confirmed: Option<PathBuf>,
    /// Our own file dialog is open.
    pub browser: Option<super::dialog::browser::Browser>,
    /// What was opened in it, which chooses it.
    pub browser_choice: Option<PathBuf>,
    /// The first field has not got the focus yet.
    pub fresh: bool,
    /// Where `~` is.
    pub home: Option<PathBuf>,
    /// Where typed paths start, if not at home.
    pub base: Option<PathBuf>,
}

impl Form {
    /// Is there a password, the same twice, if it shall be encrypted?
    pub fn has_secret(&self) -> bool {
        !self.encrypt || (!self.secret.0.is_empty() && self.secret.0 == self.repeat.0)
    }

    /// The password, if it shall be encrypted.
    pub fn secret(&self) -> Option<Secret> {
        (self.encrypt && !self.secret.0.is_empty()).then(|| self.secret.clone())
    }

    /// The password, which is then forgotten.
    pub fn take_secret(&mut self) -> Option<Secret> {
        let secret = self.secret();
        self.forget_secrets();
        secret
    }

    /// Forgets what was typed into password fields.
    pub fn forget_secrets(&mut self) {
        self.secret = Secret::default();
        self.repeat = Secret::default();
        self.old = Secret::default();
        self.wrong = false;
    }
}

/// The palette.
#[derive(Default)]
pub struct Palette {
    /// What is looked for.
    pub text: String,
    /// The chosen line.
    pub chosen: usize,
}

impl Drafts {
    /// Position and columns of a tab's list.
    pub fn rows(&mut self, tab: TabId) -> &mut RowsState {
        self.rows.entry(tab).or_default()
    }

    /// The tab is gone.
    pub fn forget(&mut self, tab: TabId) {
        self.rows.remove(&tab);
        self.filters.remove(&tab);
        self.searches.remove(&tab);
        self.changed.remove(&tab);
        if self.rename.as_ref().is_some_and(|draft| draft.tab == tab) {
            self.rename = None;
        }
        if self.path.as_ref().is_some_and(|draft| draft.tab == tab) {
            self.path = None;
        }
    }

    /// Starts typing a name, its stem selected.
    pub fn begin_rename(&mut self, tab: TabId, name: &RelPath, kind: Option<FileKind>) {
        if self
            .rename
            .as_ref()
            .is_some_and(|draft| draft.tab == tab && draft.name == *name)
        {
            return;
        }
        let text = name.file_name().to_string_lossy().into_owned();
        let stem = file_type::stem_len(kind.unwrap_or(FileKind::File), &text);
        let select = text.get(..stem).map(|stem| stem.chars().count());
        self.rename = Some(RenameDraft {
            tab,
            name: name.clone(),
            text,
            select,
        });
    }

    /// Shall this entry be renamed, now that it is seen?
    pub fn rename_on_arrival(&mut self, tab: TabId, name: &Name) -> bool {
        let wanted = self
            .will_rename
            .as_ref()
            .is_some_and(|(in_tab, wanted)| *in_tab == tab && wanted == name);
        if wanted {
            self.will_rename = None;
        }
        wanted
    }

    /// Turns a path into a field.
    pub fn edit_path(&mut self, tab: TabId, text: String) {
        self.path = Some(PathDraft {
            tab,
            text,
            fresh: true,
            refocus: false,
            typed: false,
            going: false,
            error: None,
            completion: Completion::default(),
        });
    }

    /// The path that was entered in `tab` leads somewhere: the field goes. Was one entered?
    pub fn path_leads(&mut self, tab: TabId) -> bool {
        self.path
            .take_if(|draft| draft.tab == tab && draft.going)
            .is_some()
    }

    /// The path that was entered in `tab` leads nowhere; the field says why. Was one entered?
    pub fn path_fails(&mut self, tab: TabId, why: &str) -> bool {
        let draft = self.path.as_mut();
        let draft = draft.filter(|draft| draft.tab == tab && draft.going);
        if let Some(draft) = draft {
            draft.going = false;
            draft.refocus = true;
            draft.error = Some(why.to_owned());
            return true;
        }
        false
    }

    /// Opens the filter field of a tab.
    pub fn open_filter(&mut self, tab: TabId, text: String) {
        self.filters.insert(tab, FilterDraft::new(text, true));
    }

    /// Closes the filter field of a tab.
    pub fn close_filter(&mut self, tab: TabId) {
        self.filters.remove(&tab);
    }

    /// Opens the search field of a tab, with the keyboard in it.
    pub fn open_search(&mut self, tab: TabId, text: String) {
        self.searches.insert(tab, FilterDraft::new(text, true));
    }

    /// Shows the search field of a tab with a text; nothing: no field.
    pub fn show_search(&mut self, tab: TabId, text: Option<String>) {
        match text {
            Some(text) => drop(self.searches.insert(tab, FilterDraft::new(text, false))),
            None => drop(self.searches.remove(&tab)),
        }
    }

    /// An empty form.
    pub fn begin_form(&mut self, kind: Kind, home: Option<PathBuf>) {
        self.creating = false;
        self.form = Form {
            encrypt: kind == Kind::Vault,
            fresh: true,
            home,
            ..Form::default()
        };
    }

    /// Is a name being looked for by typing its beginning?
    pub fn is_typing(&self) -> bool {
        let together = crate::app::TYPED_TOGETHER;
        self.typed
            .as_ref()
            .is_some_and(|(when, ..)| when.elapsed() < together)
    }

    /// A fresh set of answers.
    pub fn begin_preflight(&mut self) {
        self.decisions = Decisions::default();
    }

    /// Forgets the password typed for a filesystem.
    pub fn forget_secret(&mut self, fs: &FsRef) {
        self.secrets.remove(fs);
    }

    /// The password was wrong: it stays, and is selected.
    pub fn select_secret(&mut self, fs: &FsRef) {
        if let Some(draft) = self.secrets.get_mut(fs) {
            draft.select = true;
        }
    }

    /// Forgets everything that may show content of a filesystem that was locked.
    pub fn forget_content(&mut self) {
        self.rename = None;
        self.path = None;
        self.rows.clear();
        self.filters.clear();
        self.searches.clear();
    }
}
