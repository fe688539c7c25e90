//! The window itself: dialogs, switches, colours, leaving.

use std::sync::atomic::Ordering;

use egui::ViewportCommand;
use fs_backends::location::Kind;

use super::App;
use crate::background::Hold;
use crate::command::WindowCommand;
use crate::state::toast::Level;
use crate::state::{AtStake, Dialog, FsInfo, TabId, ThemeChoice};

impl App {
    /// Carries out a command on the window.
    pub(super) fn run_window(&mut self, command: WindowCommand) {
        let settings = &mut self.state.settings;
        match command {
            WindowCommand::Dialog(dialog) => {
                if matches!(dialog, Dialog::Save(_)) {
                    let typed = match &self.state.dialog {
                        Some(Dialog::Replace(_, path)) => path.to_string_lossy().into_owned(),
                        _ => String::new(),
                    };
                    self.drafts.begin_form(Kind::Memory, self.home());
                    self.drafts.form.path = typed;
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
                        if tab.shows_found() {
                            // Hidden folders were not even looked into.
                            self.list(id, true);
                            continue;
                        }
                    }
                    self.rearrange(id);
                }
            }
            WindowCommand::ToggleSnapshots => {
                settings.show_snapshots = !settings.show_snapshots;
                let shown = self.state.tab().and_then(|tab| tab.fs().cloned());
                if let Some(fs) = shown {
                    self.look_at_snapshots(&fs);
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
            WindowCommand::OpenSearch => self.open_search(),
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
            WindowCommand::ReducedMotion(reduced) => {
                settings.reduced_motion = Some(reduced);
                self.apply_theme();
            }
            WindowCommand::Density(density) => settings.density = density,
            WindowCommand::Resize(resize) => self.state.sizes.resize(resize),
            WindowCommand::ToggleBookmark(tab) => {
                let place = self
                    .state
                    .workspace
                    .tab(tab)
                    .and_then(|tab| tab.place.as_ref());
                let location = place.and_then(|place| self.state.location_to_keep(place));
                if let Some(location) = location {
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

    pub(super) fn close_dialog(&mut self) {
        match self.state.dialog.take() {
            Some(Dialog::Properties(properties)) => properties.close(),
            Some(Dialog::Review(review)) => review.cancel.store(true, Ordering::Relaxed),
            _ => {}
        }
        self.drafts.form = Default::default();
        self.state.workspace.remove_loose(None);
        self.ask_next();
    }

    /// The colours and the motion that the user, or else the desktop, chose.
    pub(super) fn apply_theme(&self) {
        let desktop = self.state.appearance.dark;
        self.context.set_theme(match self.state.settings.theme {
            ThemeChoice::Light => egui::ThemePreference::Light,
            ThemeChoice::Dark => egui::ThemePreference::Dark,
            // Without a portal egui asks the window system, which on Linux tells nothing.
            ThemeChoice::System => match desktop {
                Some(true) => egui::ThemePreference::Dark,
                Some(false) => egui::ThemePreference::Light,
                None => egui::ThemePreference::System,
            },
        });
        crate::theme::set_motion(&self.context, !self.state.is_still());
    }

    /// Says once that drops don't arrive here, and what does.
    pub(super) fn tell_about_drops(&mut self) {
        if !std::mem::replace(&mut self.state.told_about_drops, true) {
            self.note(
                Level::Note,
                "This desktop (Wayland) delivers no files dropped from other programs. Paste them, or use File > Add files…",
            );
        }
    }

    /// Notes where the window stands; `true`: that changed.
    pub(super) fn watch_place(&mut self, ctx: &egui::Context) -> bool {
        let now = ctx.input(|input| self.state.window.updated(input.viewport()));
        let moved = now != self.state.window;
        self.state.window = now;
        moved
    }

    /// Keeps the window open while leaving would stop or lose something, and asks.
    pub(super) fn watch_window(&mut self, ctx: &egui::Context) {
        let closing = ctx.input(|input| input.viewport().close_requested());
        if closing && !self.may_leave() {
            ctx.send_viewport_cmd(ViewportCommand::CancelClose);
        }
        let back = |event: &egui::Event| matches!(event, egui::Event::WindowFocused(true));
        if ctx.input(|input| input.events.iter().any(back)) {
            self.search_unwatched();
        }
    }

    /// Tells the desktop when the end of the session would stop or lose something, and when no longer.
    pub(super) fn keep_session(&mut self) {
        let at_stake = AtStake::in_state(&self.state);
        let awake = at_stake.running > 0;
        let hold = crate::ui::leaving_sentence(&at_stake).map(|reason| Hold { reason, awake });
        if hold != self.keeps {
            self.keeps.clone_from(&hold);
            self.background.keep_session(hold);
        }
    }

    /// Does nothing hold the program back? Otherwise the user is asked.
    fn may_leave(&mut self) -> bool {
        let at_stake = AtStake::in_state(&self.state);
        self.state.leaving |= at_stake.is_nothing();
        if !self.state.leaving {
            self.state.dialog = Some(Dialog::Quit(at_stake));
        }
        self.state.leaving
    }
}
