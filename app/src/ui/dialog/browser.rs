//! Our own file dialog, for desktops that have none: a list like any other, in a dialog.

use std::path::{Path, PathBuf};

use egui::{Button, Key, Label, Modal, Modifiers, TextEdit, Ui};
use fs_backends::location::Location;
use fs_core::FileKind;

use super::{Weight, button_ui, buttons_ui, frame, title_ui};
use crate::command::{Command, FileCommand, Pick, WindowCommand};
use crate::state::filesystem::{host_path, place_of};
use crate::state::{FsStatus, Load, PaneId, RelPath, Tab, TabId};
use crate::theme::{Icon, UiTokens as _, global_id, metrics};
use crate::ui::sidebar::icon_of;
use crate::ui::{Cx, Drafts, list, path_text, view_state};

/// The dialog while it is open.
pub struct Browser {
    /// The tab whose list it shows; it stands in no pane.
    pub tab: TabId,
    /// What is looked for.
    pick: Pick,
    /// Name of a file that shall be made.
    name: String,
    /// The file whose name was taken over last.
    taken: Option<RelPath>,
}

impl Browser {
    /// Just opened, with the list of `tab`.
    pub fn new(tab: TabId, pick: Pick) -> Self {
        Self {
            tab,
            pick,
            name: String::new(),
            taken: None,
        }
    }
}

/// How the user left the dialog.
enum Answer {
    Chosen(Vec<PathBuf>),
    Cancelled,
}

/// The dialog.
pub(super) fn browser_ui(ui: &Ui, cx: &Cx<'_>, drafts: &mut Drafts) {
    let Some(mut browser) = drafts.form.browser.take() else {
        return;
    };
    let Some(tab) = cx.state.workspace.tab(browser.tab) else {
        return;
    };
    let modal = Modal::new(global_id("browser"))
        .frame(frame(ui))
        .show(ui.ctx(), |ui| {
            ui.set_width(metrics().dialog_wide);
            content_ui(ui, cx, drafts, &mut browser, tab)
        });
    // Opening a file in the list chooses it.
    let opened = drafts.form.browser_choice.take();
    let answer = match opened {
        Some(path) if browser.pick == Pick::NewFile => {
            browser.name = name_of(&path);
            modal.inner
        }
        Some(path) => Some(Answer::Chosen(vec![path])),
        None if modal.should_close() => Some(Answer::Cancelled),
        None => modal.inner,
    };
    match (answer, browser.pick.clone()) {
        (None, _) => drafts.form.browser = Some(browser),
        (Some(Answer::Chosen(paths)), Pick::Files(into)) => {
            cx.send(Command::File(FileCommand::Import(paths, into)));
        }
        (Some(Answer::Cancelled), Pick::Files(_)) => {
            cx.send(Command::Window(WindowCommand::CloseDialog));
        }
        (Some(Answer::Chosen(paths)), _) => {
            if let Some(path) = paths.first() {
                drafts.form.path = path.to_string_lossy().into_owned();
            }
        }
        (Some(Answer::Cancelled), _) => {}
    }
}

fn content_ui(
    ui: &mut Ui,
    cx: &Cx<'_>,
    drafts: &mut Drafts,
    browser: &mut Browser,
    tab: &Tab,
) -> Option<Answer> {
    let accent = ui.tokens().accent;
    let (title, verb) = match &browser.pick {
        Pick::Folder => ("Choose a folder".to_owned(), "Choose"),
        Pick::File => ("Choose a file".to_owned(), "Choose"),
        Pick::NewFile => ("Choose a folder and a name".to_owned(), "Choose"),
        Pick::Files(into) => (format!("Add files to {}", into.label()), "Add"),
    };
    title_ui(ui, Icon::FolderOpen, accent, &title);
    way_ui(ui, cx, tab);
    ui.horizontal_top(|ui| {
        places_ui(ui, cx, tab);
        list_ui(ui, cx, drafts, tab);
    });
    let entered = browser.pick == Pick::NewFile && name_ui(ui, browser, tab);
    let choice = choice(browser, tab);
    buttons_ui(ui, |ui| {
        let chosen = button_ui(ui, verb, Weight::Primary, choice.is_some()).clicked();
        let cancelled = button_ui(ui, "Cancel", Weight::Plain, true).clicked();
        match choice {
            Some(paths) if chosen || entered => Some(Answer::Chosen(paths)),
            _ => cancelled.then_some(Answer::Cancelled),
        }
    })
}

/// Where the list is, and the way up.
fn way_ui(ui: &mut Ui, cx: &Cx<'_>, tab: &Tab) {
    ui.horizontal(|ui| {
        let top = tab.place.as_ref().is_none_or(|place| place.path.is_root());
        let up = ui
            .add_enabled(!top, Button::new(Icon::Up.atom()))
            .on_hover_text("Up");
        let typing = ui.text_edit_focused();
        let key = ui.input_mut(|input| {
            input.consume_key(Modifiers::ALT, Key::ArrowUp)
                || !typing && input.consume_key(Modifiers::NONE, Key::Backspace)
        });
        if !top && (up.clicked() || key) {
            cx.send(Command::Up(tab.id));
        }
        ui.add(Label::new(path_text(tab)).truncate());
    });
}

/// The user's folders, one click away.
fn places_ui(ui: &mut Ui, cx: &Cx<'_>, tab: &Tab) {
    ui.vertical(|ui| {
        ui.set_width(metrics().sidebar_min);
        ui.spacing_mut().item_spacing.y = 0.0;
        for folder in &cx.state.places {
            let place = place_of(&Location::host(&folder.path));
            let here = tab.place.as_ref() == Some(&place);
            let icon = icon_of(folder.kind).atom();
            let button = Button::selectable(here, (icon, folder.kind.label()))
                .min_size(egui::vec2(ui.available_width(), metrics().sidebar_row));
            if ui.add(button).clicked() {
                cx.send(Command::Go(tab.id, place));
            }
        }
    });
}

fn list_ui(ui: &mut Ui, cx: &Cx<'_>, drafts: &mut Drafts, tab: &Tab) {
    let room = ui.content_rect().height() - metrics().dialog_margin;
    let height = room.min(metrics().row * metrics().dialog_rows);
    let size = egui::vec2(ui.available_width(), height);
    ui.allocate_ui(size, |ui| {
        ui.set_min_size(size);
        match (cx.state.fs_of(tab).map(|info| &info.status), &tab.load) {
            (Some(FsStatus::Open), Load::Ready) => {
                list::list_ui(ui, cx, drafts, tab, PaneId::First);
                // As in a pane: when nothing else has the keyboard, the list has it; in a folder that was just entered, too.
                let list = drafts.lists.get(&PaneId::First).copied();
                ui.memory_mut(|memory| {
                    if let (None, Some(list)) = (memory.focused(), list) {
                        memory.request_focus(list);
                    }
                });
            }
            (status, load) => view_state::view_state_ui(ui, cx, tab, status, load),
        }
    });
}

/// The name of a file to be made; one that is clicked lends its name. Was Enter pressed in it?
fn name_ui(ui: &mut Ui, browser: &mut Browser, tab: &Tab) -> bool {
    let clicked = single(tab).filter(|(_, kind)| *kind != FileKind::Directory);
    if let Some((name, _)) = clicked
        && browser.taken.as_ref() != Some(&name)
    {
        browser.name = name.display().into_owned();
        browser.taken = Some(name);
    }
    let field = TextEdit::singleline(&mut browser.name)
        .hint_text("Name")
        .desired_width(f32::INFINITY);
    let response = ui.add(field).accessible_name("File name");
    response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter))
}

/// The one entry that is selected.
fn single(tab: &Tab) -> Option<(RelPath, FileKind)> {
    let name = tab
        .targets()
        .into_iter()
        .next()
        .filter(|_| tab.selected.count == 1)?;
    let row = tab.view.row_of(name.as_os_str(), 0)?;
    Some((name, tab.view.row(row)?.kind))
}

/// What would be chosen now.
fn choice(browser: &Browser, tab: &Tab) -> Option<Vec<PathBuf>> {
    let folder = host_path(tab.place.as_ref()?)?;
    let one = |name: &RelPath| folder.join(name.as_os_str());
    match browser.pick {
        Pick::Folder => {
            let inside = single(tab)
                .filter(|(_, kind)| matches!(kind, FileKind::Directory | FileKind::Symlink));
            let chosen = inside.map_or_else(|| folder.to_path_buf(), |(name, _)| one(&name));
            Some(vec![chosen])
        }
        Pick::File => {
            let (name, _) = single(tab).filter(|(_, kind)| *kind != FileKind::Directory)?;
            Some(vec![one(&name)])
        }
        Pick::Files(_) => {
            let names = tab.targets();
            (tab.selected.count > 0).then(|| names.iter().map(one).collect())
        }
        Pick::NewFile => {
            let name = browser.name.trim();
            (!name.is_empty() && !name.contains('/')).then(|| vec![folder.join(name)])
        }
    }
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
