//! Short messages in the corner, with one thing to do about each.

use fs_core::ops::{EntryId, FsRef};

use super::{OpId, ToastId};

/// A message.
#[derive(Clone, Debug)]
pub struct Toast {
    /// Its id.
    pub id: ToastId,
    /// How serious it is; errors stay until they are closed.
    pub level: Level,
    /// The sentence.
    pub text: String,
    /// What the button does.
    pub action: Option<ToastAction>,
}

/// How serious a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Something is done.
    Done,
    /// Something to know.
    Note,
    /// Something failed.
    Error,
}

/// What the button of a message does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToastAction {
    /// Undoes an operation.
    Undo(EntryId),
    /// Undoes a change of the layers of a stack, by its number.
    Layers(FsRef, u64),
    /// Shows what failed.
    ShowReport(OpId),
}

/// At most this many are shown; older ones go first.
const MOST: usize = 3;

/// The messages that are shown, oldest first.
#[derive(Debug, Default)]
pub struct Toasts(Vec<Toast>);

impl Toasts {
    /// Shows a message.
    pub fn push(&mut self, level: Level, text: impl Into<String>, action: Option<ToastAction>) {
        self.0.push(Toast {
            id: ToastId::fresh(),
            level,
            text: text.into(),
            action,
        });
        self.0.drain(..self.0.len().saturating_sub(MOST));
    }

    /// Takes a message away.
    pub fn dismiss(&mut self, id: ToastId) {
        self.0.retain(|toast| toast.id != id);
    }

    /// Takes all messages away that are no errors.
    pub fn forget_done(&mut self) {
        self.0.retain(|toast| toast.level == Level::Error);
    }

    /// Takes away messages that offer to undo `entry`.
    pub fn forget_undo(&mut self, entry: EntryId) {
        self.0
            .retain(|toast| toast.action != Some(ToastAction::Undo(entry)));
    }

    /// Takes away messages that offer to undo a change of layers.
    pub fn forget_layers(&mut self, number: u64) {
        let offers = |toast: &Toast| matches!(toast.action, Some(ToastAction::Layers(_, it)) if it == number);
        self.0.retain(|toast| !offers(toast));
    }

    /// Those shown, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Toast> {
        self.0.iter()
    }
}
