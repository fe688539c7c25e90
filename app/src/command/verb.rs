//! A verb: a command a person can give, with its words, keys and conditions.

use egui::{Key, KeyboardShortcut, Modifiers};

use super::Command;
use crate::state::AppState;
use crate::theme::Icon;

/// Whether a verb can be used now; if not, the reason as a sentence without full stop.
pub type Availability = Result<(), &'static str>;

/// The menus of the menu bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is what its name says")]
pub enum Menu {
    File,
    Edit,
    View,
    Go,
    Vault,
    Layers,
    Tools,
    Help,
}

impl Menu {
    /// In the order of the bar.
    pub const ALL: [Self; 8] = [
        Self::File,
        Self::Edit,
        Self::View,
        Self::Go,
        Self::Vault,
        Self::Layers,
        Self::Tools,
        Self::Help,
    ];

    /// What the bar calls it.
    pub fn label(self) -> &'static str {
        match self {
            Self::File => "File",
            Self::Edit => "Edit",
            Self::View => "View",
            Self::Go => "Go",
            Self::Vault => "Vault",
            Self::Layers => "Layers",
            Self::Tools => "Tools",
            Self::Help => "Help",
        }
    }
}

/// A command a person can give.
#[derive(Debug)]
pub struct Verb {
    /// Names it for ever.
    pub id: &'static str,
    /// What menus call it.
    pub label: &'static str,
    /// Its icon.
    pub icon: Option<Icon>,
    /// The menu it stands in.
    pub menu: Menu,
    /// It is the first of a group, so a line stands above it.
    pub starts_group: bool,
    /// Its keys; the first is shown.
    pub keys: &'static [KeyboardShortcut],
    /// Can it be used now?
    pub enabled: fn(&AppState) -> Availability,
    /// What it does now; `None` when there is nothing to do it to.
    pub command: fn(&AppState) -> Option<Command>,
    /// Its label now, where it depends on the state ("Undo: Rename"); `None`: `label`.
    pub label_now: Option<fn(&AppState) -> Option<String>>,
    /// Is it switched on, where it is a switch?
    pub checked: Option<fn(&AppState) -> bool>,
}

impl Verb {
    /// A verb that can always be used and has neither icon nor keys; the table fills in the rest.
    pub const fn new(
        id: &'static str,
        menu: Menu,
        label: &'static str,
        command: fn(&AppState) -> Option<Command>,
    ) -> Self {
        Self {
            id,
            label,
            icon: None,
            menu,
            starts_group: false,
            keys: &[],
            enabled: |_| Ok(()),
            command,
            label_now: None,
            checked: None,
        }
    }

    /// With an icon.
    pub const fn icon(mut self, icon: Icon) -> Self {
        self.icon = Some(icon);
        self
    }

    /// With keys.
    pub const fn keys(mut self, keys: &'static [KeyboardShortcut]) -> Self {
        self.keys = keys;
        self
    }

    /// With a condition.
    pub const fn when(mut self, enabled: fn(&AppState) -> Availability) -> Self {
        self.enabled = enabled;
        self
    }

    /// With a line above it in its menu.
    pub const fn group(mut self) -> Self {
        self.starts_group = true;
        self
    }

    /// With a label that depends on the state.
    pub const fn label_now(mut self, label: fn(&AppState) -> Option<String>) -> Self {
        self.label_now = Some(label);
        self
    }

    /// As a switch.
    pub const fn checked(mut self, checked: fn(&AppState) -> bool) -> Self {
        self.checked = Some(checked);
        self
    }

    /// Its label now.
    pub fn label(&self, state: &AppState) -> String {
        self.label_now
            .and_then(|label| label(state))
            .unwrap_or_else(|| self.label.to_owned())
    }
}

/// A key with modifiers, for the table.
pub(super) const fn key(modifiers: Modifiers, key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(modifiers, key)
}
