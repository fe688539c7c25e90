//! Our own file dialog, for desktops that have none: a list like any other, in a dialog.

use std::path::PathBuf;

use egui::{Button, Modal, TextEdit, Ui};

use super::{Weight, button_ui, buttons_ui, frame, title_ui};
use crate::command::{Command, Pick};
use crate::state::filesystem::host_path;
use crate::state::{FsStatus, Load, PaneId, Tab, TabId};
use crate::theme::{Icon, UiTokens as _, global_id, metrics};
use crate::ui::{Cx, Drafts, list, path_text, view_state};

/// The dialog while it is open.
pub struct Browser {
    /// The tab whose list it shows; it stands in no pane.
    pub tab: TabId,
    /// What is looked for.
    pub pick: Pick,
    /// Name of a file that shall be made.
    pub name: String,
}

/// The dialog.
pub(super) fn browser_ui(ui: &Ui, cx: &Cx<'_>, drafts: &mut Drafts) {
    let m = metrics();
    let Some(mut browser) = drafts.form.browser.take() else {
        return;
    };
    let Some(tab) = cx.state.workspace.tab(browser.tab) else {
        return;
    };
    let mut chosen = None;
    let mut cancelled = false;
    let modal = Modal::new(global_id("browser"))
        .frame(frame(ui))
        .show(ui.ctx(), |ui| {
            ui.set_width(m.dialog_wide);
            let accent = ui.tokens().accent;
            let title = match browser.pick {
                Pick::Folder => "Choose a folder",
                Pick::File => "Choose a file",
                Pick::NewFile => "Choose a folder and a name",
            };
            title_ui(ui, Icon::FolderOpen, accent, title);
            ui.horizontal(|ui| {
                let top = tab.place.as_ref().is_none_or(|place| place.path.is_root());
                if ui
                    .add_enabled(!top, Button::new(Icon::Up.atom()))
                    .on_hover_text("Up")
                    .clicked()
                {
                    cx.send(Command::Up(tab.id));
                }
                ui.label(path_text(tab));
            });
            let size = egui::vec2(ui.available_width(), m.row * m.dialog_rows);
            ui.allocate_ui(size, |ui| {
                ui.set_min_size(size);
                match (cx.state.fs_of(tab).map(|info| &info.status), &tab.load) {
                    (Some(FsStatus::Open), Load::Ready) => {
                        list::list_ui(ui, cx, drafts, tab, PaneId::First)
                    }
                    (status, load) => view_state::view_state_ui(ui, cx, tab, status, load),
                }
            });
            if browser.pick == Pick::NewFile {
                let field = TextEdit::singleline(&mut browser.name)
                    .hint_text("Name")
                    .desired_width(f32::INFINITY);
                ui.add(field).accessible_name("File name");
            }
            let choice = choice(&browser, tab);
            buttons_ui(ui, |ui| {
                if button_ui(ui, "Choose", Weight::Primary, choice.is_some()).clicked() {
                    chosen = choice;
                }
                cancelled = button_ui(ui, "Cancel", Weight::Plain, true).clicked();
            });
        });
    if let Some(path) = chosen {
        drafts.form.path = path.to_string_lossy().into_owned();
    } else if !cancelled && !modal.should_close() && drafts.form.browser_choice.is_none() {
        drafts.form.browser = Some(browser);
    } else if let Some(path) = drafts.form.browser_choice.take() {
        drafts.form.path = path.to_string_lossy().into_owned();
    }
}

/// What would be chosen now.
fn choice(browser: &Browser, tab: &Tab) -> Option<PathBuf> {
    let folder = host_path(tab.place.as_ref()?)?;
    let target = tab
        .targets()
        .into_iter()
        .next()
        .filter(|_| tab.selected.count == 1);
    match browser.pick {
        Pick::Folder => Some(target.map_or_else(
            || folder.to_path_buf(),
            |name| folder.join(name.as_os_str()),
        )),
        Pick::File => Some(folder.join(target?.as_os_str())),
        Pick::NewFile => {
            let name = browser.name.trim();
            (!name.is_empty() && !name.contains('/')).then(|| folder.join(name))
        }
    }
}
