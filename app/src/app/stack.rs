//! Which layers a stack has: leaving one out for a look, and changing the stack file.
//!
//! Either way the stack is closed and opened again; what its layers hold is not touched.

use fs_backends::location::{Location, Root, StackLayer};
use fs_core::ErrorKind;
use fs_core::ops::FsRef;

use super::App;
use crate::background::Request;
use crate::state::filesystem::place_of;
use crate::state::layers::LayersEdit;
use crate::state::toast::{Level, ToastAction};
use crate::state::{Dialog, FsInfo, FsStatus, Load, Way};

impl App {
    /// Leaves a layer out, or takes it in again.
    pub(super) fn show_layer(&mut self, fs: &FsRef, at: usize, shown: bool) {
        if !self.may_reopen(fs) {
            return;
        }
        let Some(info) = self.state.filesystems.get_mut(fs) else {
            return;
        };
        if shown {
            info.hidden.retain(|hidden| *hidden != at);
        } else if info.shown_layers().count() > 1 && !info.hidden.contains(&at) {
            info.hidden.push(at);
        }
        self.reopen(fs);
    }

    /// Writes another stack file; `false`: not now, and it was said why.
    pub(super) fn edit_layers(&mut self, fs: &FsRef, edit: LayersEdit) -> bool {
        if !self.may_reopen(fs) {
            return false;
        }
        let info = self.state.filesystems.get(fs);
        if let Some(Root::Stack(path)) = info.map(|info| info.location.root()) {
            let path = path.clone();
            self.background
                .send(Request::EditStack(fs.clone(), path, edit));
        }
        true
    }

    /// Undoes a change of the stack file, or does it again.
    pub(super) fn step_layers(&mut self, fs: &FsRef, way: Way, number: u64) {
        let Some(step) = self.state.operations.layers.get(way, number) else {
            return;
        };
        let edit = LayersEdit::Put(step.layers.clone());
        self.stepping.insert(fs.clone(), (way, number));
        if !self.edit_layers(fs, edit) {
            self.stepping.remove(fs);
        }
    }

    /// Can it be closed and opened again without loss? Otherwise says why not.
    fn may_reopen(&mut self, fs: &FsRef) -> bool {
        let Some(why) = self.holds_open(fs) else {
            return self.state.filesystems.contains_key(fs);
        };
        self.note(Level::Error, why);
        false
    }

    /// Why it can't be closed and opened again just now, if it can't.
    pub(super) fn holds_open(&self, fs: &FsRef) -> Option<String> {
        let filesystems = &self.state.filesystems;
        let info = filesystems.get(fs)?;
        let busy = self
            .state
            .operations
            .active()
            .any(|(_, running)| running.touches(fs));
        let why = if busy {
            "is in use by an operation; wait for it or stop it first"
        } else if info.folder.is_some() {
            "is mounted as a folder; unmount it first"
        } else if filesystems.values().any(|info| info.made_of.contains(fs)) {
            "is a layer of another stack; close that first"
        } else if info.unsaved && !writes_to_a_tab(info) {
            "holds changes that are in memory only; save it first (Ctrl+S)"
        } else {
            return None;
        };
        Some(format!("{} {why}", info.name))
    }

    /// The answer to writing a stack file.
    pub(super) fn stack_edited(&mut self, fs: &FsRef, result: fs_core::Result<Vec<StackLayer>>) {
        let Some(info) = self.state.filesystems.get_mut(fs) else {
            return;
        };
        let putting_back = self.putting_back.remove(fs);
        let stepping = self.stepping.remove(fs);
        let layers = &mut self.state.operations.layers;
        match result {
            Ok(_) if putting_back => self.reopen(fs),
            Ok(before) => {
                let name = format!("Change the layers of {}", info.name);
                let (text, back) = match stepping {
                    None => {
                        let text = format!("Changed the layers of {}", info.name);
                        let number = layers.did(fs, name, before.clone());
                        (text, Some(ToastAction::Layers(fs.clone(), number)))
                    }
                    Some((way, number)) => {
                        layers.went(way, number, before.clone());
                        self.state.toasts.forget_layers(number);
                        let done = match way {
                            Way::Back => "Undone",
                            Way::Forth => "Done again",
                        };
                        (format!("{done}: {name}"), None)
                    }
                };
                info.hidden.clear();
                if matches!(self.state.dialog, Some(Dialog::AddLayer(_))) {
                    self.close_dialog();
                }
                self.state.toasts.push(Level::Done, text, back);
                self.before_edit.insert(fs.clone(), before);
                self.reopen(fs);
            }
            Err(error) => {
                let what = "Couldn't change the layers";
                self.fail_form(crate::ui::error_sentence(what, &error));
            }
        }
    }

    /// Layers that don't go together are no stack: it gets those back that it had. Not where only their base is another one: that can be accepted.
    pub(super) fn put_layers_back(&mut self, fs: &FsRef, error: &fs_core::Error) -> bool {
        let told = [
            ErrorKind::WrongBase,
            ErrorKind::PasswordNeeded,
            ErrorKind::WrongPassword,
        ];
        if told.contains(&error.kind()) {
            return false;
        }
        let Some(before) = self.before_edit.remove(fs) else {
            return false;
        };
        let Some(Root::Stack(path)) = self
            .state
            .filesystems
            .get(fs)
            .map(|info| info.location.root())
        else {
            return false;
        };
        let request = Request::EditStack(fs.clone(), path.clone(), LayersEdit::Put(before));
        self.background.send(request);
        self.putting_back.insert(fs.clone());
        self.state.operations.layers.forget_last(fs);
        let what = "The layers stay as they were";
        self.note(Level::Error, crate::ui::error_sentence(what, error));
        true
    }

    /// Forgets what was changed in memory only, and opens the file again as it is now.
    pub(super) fn take_file(&mut self, fs: &FsRef) {
        self.state.dialog = None;
        let Some(info) = self.state.filesystems.get_mut(fs) else {
            return;
        };
        let unsaved = std::mem::take(&mut info.unsaved);
        if self.may_reopen(fs) {
            self.reopen(fs);
        } else if let Some(info) = self.state.filesystems.get_mut(fs) {
            info.unsaved = unsaved;
        }
    }

    fn reopen(&mut self, fs: &FsRef) {
        let Some(info) = self.state.filesystems.get_mut(fs) else {
            return;
        };
        info.status = FsStatus::Opening;
        info.tally = None;
        for tab in self
            .state
            .workspace
            .tabs_mut()
            .filter(|tab| tab.fs() == Some(fs))
        {
            tab.supersede();
            tab.load = Load::Loading;
        }
        self.reopening.insert(fs.clone());
        self.background.send(Request::Unmount(fs.clone()));
    }
}

/// Is the layer that is written open in a tab of its own, so that it stays?
fn writes_to_a_tab(info: &FsInfo) -> bool {
    let top = info.layers.last().map(|top| top.location.as_str());
    let top = top.and_then(|text| Location::parse(text, std::path::Path::new("/")).ok());
    top.is_some_and(|top| info.made_of.contains(&place_of(&top).fs))
}
