//! Back, forward, up, and the path: segments to click, or a field to type into.

use egui::{Align, Layout, Ui};

use super::{Cx, Drafts, drag, is_active, path_text};
use crate::command::{Command, OpenIn, WindowCommand, table};
use crate::state::filesystem::location_of;
use crate::state::{PaneId, Tab};
use crate::theme::{FsKind, Icon, metrics};
use crate::widget::IconButton;
use crate::widget::breadcrumb::{Breadcrumb, BreadcrumbEvent, PathFieldEvent, path_field};

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
    let fresh = std::mem::take(&mut draft.fresh);
    let event = path_field(ui, &mut draft.text, fresh);
    if event == Some(PathFieldEvent::Commit) && draft.text != path_text(tab) {
        cx.send(Command::Typed(tab.id, draft.text.clone()));
    }
    if event.is_some() {
        drafts.path = None;
    }
}
