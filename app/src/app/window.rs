//! The window itself: dialogs, switches, colours, leaving.

use std::sync::atomic::Ordering;

use egui::ViewportCommand;
use fs_backends::location::Kind;

use super::App;
use crate::command::WindowCommand;
use crate::state::filesystem::location_of;
use crate::state::{Dialog, FsInfo, TabId, ThemeChoice};

impl App {
    /// Carries out a command on the window.
    pub(super) fn run_window(&mut self, command: WindowCommand) {
        let settings = &mut self.state.settings;
        match command {
            WindowCommand::Dialog(dialog) => {
                if matches!(dialog, Dialog::Save(_)) {
                    self.drafts.begin_form(Kind::Memory, self.home());
                }
                self.state.dialog = Some(dialog);
            }
            WindowCommand::CloseDialog => self.close_dialog(),
            WindowCommand::Palette(shown) => {
                self.state.palette = shown;
                self.drafts.palette = Default::default();
            }
            WindowCommand::ToggleSidebar => settings.show_sidebar = !settings.show_sidebar,
            WindowCommand::TogglePreview => settings.show_preview = !settings.show_preview,
            WindowCommand::ToggleHidden => {
                settings.show_hidden = !settings.show_hidden;
                let shown = settings.show_hidden;
                let tabs: Vec<TabId> = self.state.workspace.tabs().map(|tab| tab.id).collect();
                for id in tabs {
                    if let Some(tab) = self.state.workspace.tab_mut(id) {
                        tab.arrange.show_hidden = shown;
                    }
                    self.rearrange(id);
                }
            }
            WindowCommand::ToggleLayers => settings.show_layers = !settings.show_layers,
            WindowCommand::ToggleDeleted => {
                settings.show_deleted = !settings.show_deleted;
                let shown = settings.show_deleted;
                let tabs: Vec<TabId> = self.state.workspace.tabs().map(|tab| tab.id).collect();
                for id in tabs {
                    let layered = self.state.workspace.tab_mut(id).is_some_and(|tab| {
                        tab.arrange.show_deleted = shown;
                        let info = tab.fs().and_then(|fs| self.state.filesystems.get(fs));
                        info.is_some_and(FsInfo::is_layered)
                    });
                    if layered {
                        self.list(id, false);
                    }
                }
            }
            WindowCommand::OpenFilter => {
                if let Some(tab) = self.state.tab() {
                    let (id, filter) = (tab.id, tab.arrange.filter.clone());
                    self.drafts.open_filter(id, filter);
                }
            }
            WindowCommand::EditPath => {
                if let Some(tab) = self.state.tab() {
                    let text = crate::ui::path_text(tab);
                    self.drafts.edit_path(tab.id, text);
                }
            }
            WindowCommand::ToggleOperations => {
                self.state.show_operations = !self.state.show_operations;
            }
            WindowCommand::Theme(theme) => {
                settings.theme = theme;
                self.apply_theme();
            }
            WindowCommand::Density(density) => settings.density = density,
            WindowCommand::ToggleBookmark(tab) => {
                let place = self
                    .state
                    .workspace
                    .tab(tab)
                    .and_then(|tab| tab.place.as_ref());
                if let Some(location) = place.and_then(location_of) {
                    let bookmarks = &mut self.state.bookmarks;
                    match bookmarks.iter().position(|bookmark| *bookmark == location) {
                        Some(at) => drop(bookmarks.remove(at)),
                        None => bookmarks.push(location),
                    }
                }
            }
            WindowCommand::Dismiss(toast) => self.state.toasts.dismiss(toast),
            WindowCommand::Quit => {
                if self.may_leave() {
                    self.context.send_viewport_cmd(ViewportCommand::Close);
                }
            }
            WindowCommand::QuitAnyway => {
                self.state.leaving = true;
                self.context.send_viewport_cmd(ViewportCommand::Close);
            }
        }
    }

    fn close_dialog(&mut self) {
        match self.state.dialog.take() {
            Some(Dialog::Properties(properties)) => {
                properties.cancel.store(true, Ordering::Relaxed);
            }
            Some(Dialog::Review(review)) => review.cancel.store(true, Ordering::Relaxed),
            _ => {}
        }
        self.drafts.form = Default::default();
        self.state.workspace.remove_loose(None);
        self.ask_next();
    }

    /// The colours the user chose.
    pub(super) fn apply_theme(&self) {
        self.context.set_theme(match self.state.settings.theme {
            ThemeChoice::System => egui::ThemePreference::System,
            ThemeChoice::Light => egui::ThemePreference::Light,
            ThemeChoice::Dark => egui::ThemePreference::Dark,
        });
    }

    /// Keeps the window open while leaving would stop or lose something, and asks.
    pub(super) fn watch_window(&mut self, ctx: &egui::Context) {
        let closing = ctx.input(|input| input.viewport().close_requested());
        if closing && !self.may_leave() {
            ctx.send_viewport_cmd(ViewportCommand::CancelClose);
        }
    }

    /// Does nothing hold the program back? Otherwise the user is asked.
    fn may_leave(&mut self) -> bool {
        let running = self.state.operations.active().count();
        let unsaved: Vec<String> = self
            .state
            .filesystems
            .values()
            .filter(|info| info.unsaved)
            .map(|info| info.name.clone())
            .collect();
        self.state.leaving |= running == 0 && unsaved.is_empty();
        if !self.state.leaving {
            self.state.dialog = Some(Dialog::Quit { running, unsaved });
        }
        self.state.leaving
    }
}
