//! Back, forward, up, and the path: segments to click, or a field to type into.

use egui::{Align, Layout, Ui};

use super::drafts::Completion;
use super::{Cx, Drafts, drag, is_active, path_text};
use crate::command::{Command, OpenIn, WindowCommand, table};
use crate::state::filesystem::location_of;
use crate::state::{PaneId, Tab};
use crate::theme::{FsKind, Icon, Type, UiTokens as _, metrics};
use crate::widget::IconButton;
use crate::widget::breadcrumb::{Breadcrumb, BreadcrumbEvent};
use crate::widget::path_field::{PathField, PathFieldEvent, folder_part};

/// The bar of a pane.
pub(super) fn path_bar_ui(ui: &mut Ui, cx: &Cx<'_>, drafts: &mut Drafts, tab: &Tab, pane: PaneId) {
    let m = metrics();
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().item_spacing.x = m.space;
        ui.add_space(m.space);
        step_ui(
            ui,
            cx,
            Icon::Back,
            "Back",
            "back",
            (!tab.back.is_empty()).then_some(Command::Back(tab.id)),
        );
        step_ui(
            ui,
            cx,
            Icon::Forward,
            "Forward",
            "forward",
            (!tab.forward.is_empty()).then_some(Command::Forward(tab.id)),
        );
        let top = tab.place.as_ref().is_none_or(|place| place.path.is_root());
        step_ui(
            ui,
            cx,
            Icon::Up,
            "Up",
            "up",
            (!top).then_some(Command::Up(tab.id)),
        );
        ui.add_space(m.space);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_space(m.space);
            if tab.view.streaming {
                let stop = Some(Command::Stop(tab.id));
                step_ui(ui, cx, Icon::Close, "Stop listing", "", stop);
            } else {
                step_ui(
                    ui,
                    cx,
                    Icon::Refresh,
                    "Refresh",
                    "refresh",
                    Some(Command::Refresh(tab.id)),
                );
            }
            if let Some(info) = cx.state.fs_of(tab)
                && info.is_open()
                && !info.is_writable()
            {
                read_only_ui(ui, info.read_only);
            }
            let editing = drafts
                .path
                .as_ref()
                .is_some_and(|draft| draft.tab == tab.id);
            if editing {
                field_ui(ui, cx, drafts, tab);
            } else {
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    segments_ui(ui, cx, drafts, tab, pane);
                });
            }
        });
    });
}

/// Says why commands that change something can't be used here.
fn read_only_ui(ui: &mut Ui, chosen: bool) {
    let (m, tokens) = (metrics(), ui.tokens());
    let reason = if chosen {
        "It was opened read-only: nothing in it can be changed. Close it and open it again to change something"
    } else {
        "Nothing in it can be changed"
    };
    let label = "Read-only";
    let galley = ui
        .painter()
        .layout_no_wrap(label.to_owned(), Type::Secondary.font(), tokens.warn);
    let width = m.gap + m.pad + m.space + galley.size().x + m.gap;
    let (rect, response) = ui.allocate_exact_size(egui::vec2(width, m.row), egui::Sense::hover());
    ui.painter().rect_filled(rect, m.radius, tokens.hover());
    let icon = egui::Rect::from_center_size(
        egui::pos2(rect.left() + m.gap + m.pad / 2.0, rect.center().y),
        egui::Vec2::splat(m.pad),
    );
    Icon::Lock.paint(ui.painter(), icon, m.pad, tokens.warn);
    let at = egui::pos2(
        icon.right() + m.space,
        rect.center().y - galley.size().y / 2.0,
    );
    ui.painter().galley(at, galley, tokens.warn);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, label));
    response.on_hover_text(reason);
}

/// A button that steps through the history; its tooltip names its key.
fn step_ui(ui: &mut Ui, cx: &Cx<'_>, icon: Icon, name: &str, verb: &str, command: Option<Command>) {
    let key = table::get(verb).and_then(|verb| verb.keys.first());
    let hint = match key {
        Some(key) => format!("{name} ({})", ui.ctx().format_shortcut(key)),
        None => name.to_owned(),
    };
    let button = IconButton::new(icon, name)
        .tooltip(&hint)
        .enabled(command.is_some());
    if button.show(ui).clicked()
        && let Some(command) = command
    {
        cx.send(command);
    }
}

fn segments_ui(ui: &mut Ui, cx: &Cx<'_>, drafts: &mut Drafts, tab: &Tab, pane: PaneId) {
    let (Some(place), Some(info)) = (&tab.place, cx.state.fs_of(tab)) else {
        return;
    };
    let names: Vec<_> = place
        .path
        .components()
        .map(|name| name.to_string_lossy())
        .collect();
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    let crumbs = Breadcrumb {
        kind: FsKind::from(info.kind),
        title: &info.name,
        folders: &names,
        active: is_active(cx.state, pane),
        drop: drag::part_for(drafts, tab.id),
    };
    let out = crumbs.show(ui);
    match out.event {
        Some(BreadcrumbEvent::Go(depth)) if depth < names.len() => {
            // Going up lands on the child one came from.
            cx.send(Command::Reveal(
                tab.id,
                drag::segment_place(place, depth + 1),
            ));
        }
        Some(BreadcrumbEvent::Go(_)) => cx.send(Command::Refresh(tab.id)),
        Some(BreadcrumbEvent::GoInNewTab(depth)) => {
            if let Some(location) = location_of(&drag::segment_place(place, depth)) {
                cx.send(Command::Open(location, OpenIn::Pane(pane)));
            }
        }
        Some(BreadcrumbEvent::Edit) => cx.send(Command::Window(WindowCommand::EditPath)),
        None => {}
    }
    if let Some(depth) = out.pointer_part {
        drag::segment_target(
            ui,
            cx,
            drafts,
            tab.id,
            depth,
            &drag::segment_place(place, depth),
        );
    }
}

fn field_ui(ui: &mut Ui, cx: &Cx<'_>, drafts: &mut Drafts, tab: &Tab) {
    let Some(draft) = &mut drafts.path else {
        return;
    };
    let known = draft.typed && draft.completion.folder == folder_part(&draft.text);
    let field = PathField {
        just_opened: std::mem::take(&mut draft.fresh),
        refocus: std::mem::take(&mut draft.refocus),
        folders: if known { &draft.completion.names } else { &[] },
        error: draft.error.as_deref(),
        text: &mut draft.text,
    };
    let out = field.show(ui);
    if out.changed {
        draft.typed = true;
        draft.error = None;
        let folder = folder_part(&draft.text);
        if draft.completion.folder != folder {
            draft.completion = Completion::asked(folder);
            cx.send(Command::Complete(tab.id, folder.to_owned()));
        }
    }
    match out.event {
        Some(PathFieldEvent::Commit) if draft.text != path_text(tab) => {
            draft.going = true;
            cx.send(Command::Typed(tab.id, draft.text.clone()));
        }
        // While it is being found out whether the path is right, the field stays.
        Some(PathFieldEvent::Cancel) if draft.going => {}
        Some(_) => drafts.path = None,
        None => {}
    }
}
