//! What stands in the place of rows: loading, empty, failed, gone. Each has its own sentence and one button.

use egui::{Align, Layout, Rect, Ui, UiBuilder};
use fs_backends::location::Kind;
use fs_core::ErrorKind;
use fs_core::ops::FsRef;

use super::{Cx, error_sentence};
use crate::command::{
    CareCommand, Command, FileCommand, FsCommand, ListCommand, TabCommand, WindowCommand,
};
use crate::state::care::Work;
use crate::state::{Dialog, FsInfo, FsStatus, Load, Tab};
use crate::theme::{Icon, Type, UiTokens as _, metrics};

/// What is offered for everything that is damaged.
pub(super) const SALVAGE: &str = "Save what can be read…";
/// Something that is shown only when it lasts.
const PATIENCE_SECS: f64 = 0.15;

/// An icon, a sentence, a second one, and a button.
struct Block<'a> {
    icon: Icon,
    title: &'a str,
    detail: String,
    button: Option<(Icon, &'a str)>,
}

/// Draws it in the upper middle; tells whether the button was pressed.
fn block_ui(ui: &mut Ui, block: &Block<'_>) -> bool {
    two_buttons_ui(ui, block, None, false).0
}

/// The same with a second button below the first. `focus`: the first one has the keyboard when nothing else has it.
fn two_buttons_ui(
    ui: &mut Ui,
    block: &Block<'_>,
    second: Option<&str>,
    focus: bool,
) -> (bool, bool) {
    let (m, tokens) = (metrics(), ui.tokens());
    let area = ui.available_rect_before_wrap();
    let width = m.lock_screen.min(area.width() - 2.0 * m.pad);
    let top = area.top() + (area.height() * m.block_top).round();
    let rect = Rect::from_min_max(
        egui::pos2((area.center().x - width / 2.0).round(), top),
        egui::pos2((area.center().x + width / 2.0).round(), area.bottom()),
    );
    let mut ui = ui.new_child(
        UiBuilder::new()
            .max_rect(rect)
            .layout(Layout::top_down(Align::Center)),
    );
    block.icon.show(&mut ui, m.icon_hero, tokens.faint);
    ui.add_space(m.pad);
    ui.label(Type::Title.rich(block.title));
    if !block.detail.is_empty() {
        ui.add_space(m.space);
        ui.label(Type::Body.rich(&block.detail).color(tokens.muted));
    }
    let Some((icon, label)) = block.button else {
        return (false, false);
    };
    ui.add_space(m.pad);
    let first = ui.button((icon.atom(), label));
    if focus && ui.memory(|memory| memory.focused().is_none()) {
        first.request_focus();
    }
    let Some(second) = second else {
        return (first.clicked(), false);
    };
    ui.add_space(m.gap);
    (first.clicked(), ui.button(second).clicked())
}

/// Everything but rows and lock screens.
pub(super) fn view_state_ui(
    ui: &mut Ui,
    cx: &Cx<'_>,
    tab: &Tab,
    status: Option<&FsStatus>,
    load: &Load,
) {
    let name = tab
        .place
        .as_ref()
        .map(crate::state::filesystem::title_of)
        .unwrap_or_default();
    let info = cx.state.fs_of(tab);
    if let (Some(fs), true) = (tab.fs(), info.is_some_and(FsInfo::is_being_saved)) {
        return being_saved_ui(ui, cx, fs, &name);
    }
    let salvage = info.is_some_and(FsInfo::is_salvageable).then_some(SALVAGE);
    match (status, load) {
        (Some(FsStatus::Gone), _) => {
            let block = Block {
                icon: Icon::Memory,
                title: "Its content is gone",
                detail: format!("{name} was in memory only, and the program has ended since."),
                button: Some((Icon::Close, "Close tab")),
            };
            if block_ui(ui, &block) {
                cx.send(Command::Tab(TabCommand::CloseAnyway(tab.id)));
            }
        }
        (Some(FsStatus::Failed(error)), _) => {
            let path = cx
                .state
                .fs_of(tab)
                .and_then(|info| info.location.host_path());
            let (title, detail) = match path {
                Some(path) if error.kind() == ErrorKind::NotFound => (
                    format!("{name} is not there"),
                    format!(
                        "Nothing is at {} now. It was moved, renamed or deleted, or its drive is not connected.",
                        path.display()
                    ),
                ),
                _ => (format!("Couldn't open {name}"), failed(error)),
            };
            let block = Block {
                icon: Icon::Error,
                title: &title,
                detail,
                button: Some((Icon::Refresh, "Try again")),
            };
            let second = match error.kind() {
                ErrorKind::WrongBase => Some("Use it over this base…"),
                ErrorKind::InUse => Some("Open read-only"),
                _ => salvage,
            };
            let is_active = cx.state.tab().map(|tab| tab.id) == Some(tab.id);
            let free = cx.state.dialog.is_none() && !cx.state.palette;
            let (retry, other) = two_buttons_ui(ui, &block, second, is_active && free);
            if let (true, Some(fs)) = (retry, tab.fs()) {
                cx.send(Command::Fs(FsCommand::Retry(fs.clone())));
            }
            if let (true, Some(fs)) = (other, tab.fs()) {
                cx.send(match error.kind() {
                    ErrorKind::InUse => Command::Fs(FsCommand::RetryReadOnly(fs.clone())),
                    ErrorKind::WrongBase => {
                        Command::Window(WindowCommand::Dialog(Dialog::AcceptBase(fs.clone())))
                    }
                    _ => Command::Fs(FsCommand::AskSalvage(fs.clone())),
                });
            }
        }
        (_, Load::Failed(error)) => list_failed_ui(ui, cx, tab, &name, error, salvage),
        (_, Load::Stopped) => {
            let block = Block {
                icon: Icon::Stop,
                title: "Stopped",
                detail: format!("{name} was not listed to the end."),
                button: Some((Icon::Refresh, "List again")),
            };
            if block_ui(ui, &block) {
                cx.send(Command::Refresh(tab.id));
            }
        }
        _ => loading_ui(ui, cx, tab, &name),
    }
}

/// In place of a filesystem that is closed while what can be read of it is saved.
fn being_saved_ui(ui: &mut Ui, cx: &Cx<'_>, fs: &FsRef, name: &str) {
    let block = Block {
        icon: Icon::Spinner,
        title: &format!("Saving what can be read of {name}"),
        detail: "It is closed for that, and opened again when it is done.".to_owned(),
        button: Some((Icon::Info, "Show how far it is")),
    };
    if block_ui(ui, &block) {
        cx.send(Command::Window(WindowCommand::Dialog(Dialog::Salvage(
            fs.clone(),
        ))));
    }
}

fn failed(error: &fs_core::Error) -> String {
    if error.kind() == ErrorKind::Corrupted && error.detail().is_none() {
        return "It is damaged: part of it is not what was written. Nothing was changed."
            .to_owned();
    }
    if error.kind() == ErrorKind::UnknownFormat {
        return "It is none of the filesystems this program keeps in files, or its beginning is lost. Nothing was changed."
            .to_owned();
    }
    if let (ErrorKind::InUse, Some(detail)) = (error.kind(), error.detail()) {
        return format!("In use elsewhere: {detail}. Nothing was changed.");
    }
    let sentence = error_sentence("", error);
    let sentence = super::text::sentence_case(sentence.trim_start_matches(": "));
    format!("{}. Nothing was changed.", sentence.trim_end_matches('.'))
}

fn list_failed_ui(
    ui: &mut Ui,
    cx: &Cx<'_>,
    tab: &Tab,
    name: &str,
    error: &fs_core::Error,
    salvage: Option<&str>,
) {
    let gone = error.kind() == ErrorKind::NotFound;
    let can_go_up = tab
        .place
        .as_ref()
        .is_some_and(|place| !place.path.is_root());
    let damaged = salvage.is_some() && error.kind() == ErrorKind::Corrupted;
    let title = if gone {
        format!("{name} is not there any more")
    } else {
        format!("Couldn't list {name}")
    };
    let block = Block {
        icon: if error.kind() == ErrorKind::PermissionDenied {
            Icon::Lock
        } else {
            Icon::Error
        },
        title: &title,
        detail: if gone { moved(cx, tab) } else { failed(error) },
        button: Some(if gone && can_go_up {
            (Icon::Up, "Go up")
        } else if damaged {
            (Icon::Check, "Check it")
        } else {
            (Icon::Refresh, "Try again")
        }),
    };
    let salvage = salvage.filter(|_| damaged);
    let (first, save) = two_buttons_ui(ui, &block, salvage, false);
    if let (true, Some(fs)) = (save, tab.fs()) {
        cx.send(Command::Fs(FsCommand::AskSalvage(fs.clone())));
    }
    if let (true, Some(fs)) = (first, tab.fs()) {
        cx.send(if gone && can_go_up {
            Command::Up(tab.id)
        } else if damaged {
            // Whatever else is damaged, and what can be repaired.
            Command::Fs(FsCommand::Care(fs.clone(), CareCommand::Do(Work::Check)))
        } else {
            Command::Refresh(tab.id)
        });
    }
}

/// What became of a folder that is not there any more, and where it was.
fn moved(cx: &Cx<'_>, tab: &Tab) -> String {
    match cx.state.fs_of(tab) {
        Some(info) if info.kind != Kind::Host => {
            format!("It was moved, renamed or deleted in {}.", info.name)
        }
        _ => "It was moved, renamed or deleted.".to_owned(),
    }
}

fn loading_ui(ui: &mut Ui, cx: &Cx<'_>, tab: &Tab, name: &str) {
    // Most folders are there at once; what flashes by only disturbs.
    let id = ui.make_persistent_id(("loading", tab.wanted));
    let now = ui.input(|input| input.time);
    let since = ui.data_mut(|data| *data.get_temp_mut_or_insert_with(id, || now));
    if now - since < PATIENCE_SECS {
        ui.request_repaint_after(std::time::Duration::from_secs_f64(PATIENCE_SECS));
        return;
    }
    let block = Block {
        icon: Icon::Spinner,
        title: &format!("Opening {name}"),
        detail: String::new(),
        button: Some((Icon::Close, "Cancel")),
    };
    if block_ui(ui, &block) {
        cx.send(Command::Stop(tab.id));
    }
}

/// Over the empty list of a search that found nothing.
fn nothing_found_ui(ui: &mut Ui, cx: &Cx<'_>, tab: &Tab) {
    let Some(search) = &tab.search else {
        return;
    };
    let place = tab.place.as_ref();
    let name = place.map(crate::state::filesystem::title_of);
    let name = name.unwrap_or_default();
    let text = search.text.trim();
    let hidden = !tab.arrange.show_hidden;
    let block = Block {
        icon: Icon::Search,
        title: &if search.stopped {
            format!("Stopped before anything below {name} matched “{text}”")
        } else {
            format!("Nothing below {name} matches “{text}”")
        },
        detail: if hidden {
            "Hidden files and folders were left out.".to_owned()
        } else {
            String::new()
        },
        button: Some(if search.stopped {
            (Icon::Refresh, "Search again")
        } else if hidden {
            (Icon::Eye, "Show hidden files")
        } else {
            (Icon::FolderOutline, "Show the folder")
        }),
    };
    if block_ui(ui, &block) {
        cx.send(if search.stopped {
            Command::Refresh(tab.id)
        } else if hidden {
            Command::Window(WindowCommand::ToggleHidden)
        } else {
            Command::List(tab.id, ListCommand::EndSearch)
        });
    }
}

/// Over the empty list of a folder without rows.
pub(super) fn empty_ui(ui: &mut Ui, cx: &Cx<'_>, tab: &Tab) {
    if tab.shows_found() {
        return nothing_found_ui(ui, cx, tab);
    }
    let counts = tab.view.counts;
    let writable = cx.state.fs_of(tab).is_some_and(|info| info.is_writable());
    let block = if counts.filtered > 0 {
        Block {
            icon: Icon::Filter,
            title: "No name contains this",
            detail: format!(
                "{} are hidden by the filter.",
                super::text::count(counts.filtered, "item", "items")
            ),
            button: Some((Icon::Close, "Clear filter")),
        }
    } else if counts.hidden > 0 {
        Block {
            icon: Icon::FolderOutline,
            title: "This folder looks empty",
            detail: format!(
                "It has {}.",
                super::text::count(counts.hidden, "hidden item", "hidden items")
            ),
            button: Some((Icon::Eye, "Show hidden files")),
        }
    } else {
        Block {
            icon: Icon::FolderOutline,
            title: "This folder is empty",
            detail: if writable {
                "Drop files here, or make a folder.".to_owned()
            } else {
                String::new()
            },
            button: writable.then_some((Icon::FolderPlus, "New folder")),
        }
    };
    if block_ui(ui, &block) {
        cx.send(if counts.filtered > 0 {
            Command::List(tab.id, ListCommand::Filter(String::new()))
        } else if counts.hidden > 0 {
            Command::Window(WindowCommand::ToggleHidden)
        } else {
            Command::File(FileCommand::Make {
                tab: tab.id,
                folder: true,
            })
        });
    }
}
