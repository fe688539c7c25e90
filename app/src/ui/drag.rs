//! Dragging entries onto lists, tabs, path segments and the sidebar.

use std::time::{Duration, Instant};

use egui::{DragAndDrop, Key, Response, Ui};
use fs_core::ops::{Operation, Place};
use fs_core::{FileKind, Name, VPath};

use super::{Cx, Drafts};
use crate::app::moves_by_default;
use crate::command::{Command, FileCommand, TabCommand};
use crate::state::{Load, RelPath, Tab, TabId};
use crate::theme::{Icon, Type, UiTokens as _, metrics};
use crate::widget::rows::{DropHint, RowsOutput};

/// A tab opens when something to drop is held over it this long.
const SPRING: Duration = Duration::from_millis(500);

/// What is being dragged: resolved when the drag began, whatever happens to the rows meanwhile.
#[derive(Clone, Debug)]
pub struct Dragged {
    /// The entries.
    pub items: Vec<Place>,
    /// Device of the folder they are in.
    device: Option<u64>,
    from: TabId,
}

/// What a drop right now would do.
#[derive(Clone, Debug, Default)]
pub struct Aim {
    target: Option<(Place, Option<u64>)>,
    hint: Option<(TabId, DropHint)>,
    tab: Option<TabId>,
    part: Option<(TabId, usize)>,
    refusal: Option<&'static str>,
}

fn dragged(ui: &Ui) -> Option<std::sync::Arc<Dragged>> {
    DragAndDrop::payload::<Dragged>(ui.ctx())
}

/// To be called before anything else is drawn: drops what was released, over what the last frame was aimed at.
pub(super) fn begin_frame(ui: &Ui, cx: &Cx<'_>, drafts: &mut Drafts) {
    take_desktop_drop(ui, cx);
    let Some(payload) = dragged(ui) else {
        drafts.aim = Aim::default();
        drafts.spring = None;
        drafts.devices.clear();
        return;
    };
    if ui.input(|input| input.key_pressed(Key::Escape)) {
        DragAndDrop::clear_payload(ui.ctx());
        drafts.aim = Aim::default();
        return;
    }
    if ui.input(|input| input.pointer.any_released()) {
        let aim = std::mem::take(&mut drafts.aim);
        if let (Some(target), None) = (aim.target, aim.refusal) {
            let moves = moves(ui, &payload, &target);
            let (items, into) = (payload.items.clone(), target.0);
            let operation = if moves {
                Operation::move_into(items, into)
            } else {
                Operation::copy(items, into)
            };
            cx.send(Command::File(FileCommand::Run(operation)));
        }
        DragAndDrop::clear_payload(ui.ctx());
        return;
    }
    drafts.aim = Aim::default();
}

/// Files dropped from another program arrive in the active pane.
fn take_desktop_drop(ui: &Ui, cx: &Cx<'_>) {
    let paths: Vec<_> = ui.input(|input| {
        input
            .raw
            .dropped_files
            .iter()
            .map(|file| file.path().to_path_buf())
            .collect()
    });
    let place = cx.state.tab().and_then(|tab| tab.place.clone());
    if let (false, Some(place)) = (paths.is_empty(), place) {
        cx.send(Command::File(FileCommand::Import(paths, place)));
    }
}

/// Begins to drag the selection, or the one entry under the pointer.
pub(super) fn start(ui: &Ui, tab: &Tab, name: Option<RelPath>) {
    let (Some(place), Some(name)) = (&tab.place, name) else {
        return;
    };
    let names = if tab.selection.contains(name.as_os_str()) {
        tab.targets()
    } else {
        vec![name]
    };
    let payload = Dragged {
        items: names.iter().map(|way| way.at(place)).collect(),
        device: tab.folder.map(|folder| folder.fs),
        from: tab.id,
    };
    DragAndDrop::set_payload(ui.ctx(), payload);
}

fn moves(ui: &Ui, dragged: &Dragged, target: &(Place, Option<u64>)) -> bool {
    let modifiers = ui.input(|input| input.modifiers);
    if modifiers.command {
        return false;
    }
    modifiers.shift
        || dragged
            .items
            .iter()
            .all(|item| moves_by_default(item, dragged.device, &target.0, target.1))
}

/// Why something can't be dropped on a folder.
fn refusal(cx: &Cx<'_>, dragged: &Dragged, target: &Place) -> Option<&'static str> {
    match cx.state.filesystems.get(&target.fs) {
        Some(info) if info.is_locked() => return Some("Unlock it to drop here"),
        Some(info) if info.is_open() && !info.is_writable() => return Some("It is read-only"),
        _ => {}
    }
    for item in &dragged.items {
        if item.fs == target.fs && target.path.starts_with(&item.path) {
            return Some("A folder can't go into itself");
        }
    }
    let here =
        |item: &Place| item.fs == target.fs && item.path.parent().as_ref() == Some(&target.path);
    dragged
        .items
        .iter()
        .all(here)
        .then_some("It is there already")
}

fn aim(cx: &Cx<'_>, drafts: &mut Drafts, dragged: &Dragged, place: Place, device: Option<u64>) {
    drafts.aim.refusal = refusal(cx, dragged, &place);
    drafts.aim.target = Some((place, device));
}

/// The device of a folder nobody has listed; the background is asked, and until it answers the safe thing is done: copying.
fn device_of(cx: &Cx<'_>, drafts: &mut Drafts, place: &Place) -> Option<u64> {
    if let Some(device) = drafts.devices.get(place) {
        return *device;
    }
    drafts.devices.insert(place.clone(), None);
    cx.send(Command::File(FileCommand::FindDevice(place.clone())));
    None
}

/// A widget that stands for a folder takes drops.
pub(super) fn target_ui(
    ui: &Ui,
    cx: &Cx<'_>,
    drafts: &mut Drafts,
    response: &Response,
    place: &Place,
) {
    let Some(payload) = dragged(ui) else {
        return;
    };
    if response.contains_pointer() {
        let device = device_of(cx, drafts, place);
        aim(cx, drafts, &payload, place.clone(), device);
        outline(ui, response.rect, drafts);
    }
}

fn outline(ui: &Ui, rect: egui::Rect, drafts: &Drafts) {
    if drafts.aim.refusal.is_none() {
        let (m, tokens) = (metrics(), ui.tokens());
        let inset = rect.shrink(metrics().line);
        ui.painter().rect(
            inset,
            m.radius,
            tokens.drop_fill(),
            tokens.ring(),
            egui::StrokeKind::Inside,
        );
    }
}

/// A tab takes drops into the folder it shows, and opens when they are held over it.
pub(super) fn tab_target(ui: &Ui, cx: &Cx<'_>, drafts: &mut Drafts, tab: &Tab, shown: bool) {
    let Some(payload) = dragged(ui) else {
        return;
    };
    if let Some(place) = &tab.place {
        aim(
            cx,
            drafts,
            &payload,
            place.clone(),
            tab.folder.map(|folder| folder.fs),
        );
        drafts.aim.tab = drafts.aim.refusal.is_none().then_some(tab.id);
    }
    if shown {
        return;
    }
    match drafts.spring {
        Some((over, since)) if over == tab.id => {
            let left = SPRING.saturating_sub(since.elapsed());
            if left.is_zero() {
                drafts.spring = None;
                cx.send(Command::Tab(TabCommand::Show(tab.id)));
            } else {
                ui.request_repaint_after(left);
            }
        }
        _ => {
            drafts.spring = Some((tab.id, Instant::now()));
            ui.request_repaint_after(SPRING);
        }
    }
}

/// A list takes drops: into the folder under the pointer, or into the one it shows.
pub(super) fn list_target(ui: &Ui, cx: &Cx<'_>, drafts: &mut Drafts, tab: &Tab, out: &RowsOutput) {
    let (Some(payload), true, Some(place)) = (dragged(ui), out.pointer_inside, &tab.place) else {
        return;
    };
    let device = tab.folder.map(|folder| folder.fs);
    let folder = out.pointer_row.and_then(|row| {
        let entry = tab
            .view
            .row(row)
            .filter(|entry| entry.kind == FileKind::Directory)
            .filter(|_| !tab.view.is_deleted(row))?;
        let way = RelPath::new(entry.name)?;
        Some((row, way.at(place), entry.metadata.map(|m| m.id.fs)))
    });
    // A folder that is itself dragged is no target; what is around it is.
    let folder = folder.filter(|(_, place, _)| !payload.items.contains(place));
    let hint = match folder {
        Some((row, place, device)) => {
            aim(cx, drafts, &payload, place, device);
            DropHint::Row(row)
        }
        // The folder itself is not what is shown.
        None if tab.shows_found() => return,
        None => {
            aim(cx, drafts, &payload, place.clone(), device);
            // Nothing is said while a drag has only just begun where it came from.
            if payload.from == tab.id {
                DropHint::None
            } else {
                DropHint::All
            }
        }
    };
    if drafts.aim.refusal.is_none() {
        drafts.aim.hint = Some((tab.id, hint));
    }
}

/// What the list of a tab shows as the target of a drop.
pub(super) fn hint_for(drafts: &Drafts, tab: TabId) -> DropHint {
    match drafts.shown_aim.hint {
        Some((hinted, hint)) if hinted == tab => hint,
        _ => DropHint::None,
    }
}

/// What is dragged, beside the pointer: the verb, the number, the target; or why not.
pub(super) fn ghost_ui(ui: &mut Ui, cx: &Cx<'_>, drafts: &mut Drafts) {
    let payload = dragged(ui);
    drafts.shown_aim = if payload.is_some() {
        drafts.aim.clone()
    } else {
        Aim::default()
    };
    let Some(payload) = payload else {
        desktop_ghost_ui(ui, cx);
        return;
    };
    let count = payload.items.len();
    let what = match payload.items.first() {
        Some(only) if count == 1 => format!("“{}”", only.label()),
        _ => format!("{count} items"),
    };
    let (icon, sentence, cursor) = match (&drafts.aim.target, drafts.aim.refusal) {
        (_, Some(reason)) => (
            Icon::NotAllowed,
            reason.to_owned(),
            egui::CursorIcon::NotAllowed,
        ),
        (Some(target), None) => {
            let into = crate::state::filesystem::title_of(&target.0);
            if moves(ui, &payload, target) {
                (
                    Icon::Move,
                    format!("Move {what} to {into}"),
                    egui::CursorIcon::Move,
                )
            } else {
                (
                    Icon::Copy,
                    format!("Copy {what} to {into}"),
                    egui::CursorIcon::Copy,
                )
            }
        }
        (None, None) => (Icon::Drag, what, egui::CursorIcon::Grabbing),
    };
    ui.ctx().set_cursor_icon(cursor);
    let color = if drafts.aim.refusal.is_some() {
        ui.tokens().danger
    } else {
        ui.tokens().text
    };
    let id = crate::theme::global_id("drag ghost");
    egui::Tooltip::always_open(
        ui.ctx().clone(),
        ui.layer_id(),
        id,
        egui::PopupAnchor::Pointer,
    )
    .gap(metrics().pad)
    .show(|ui| {
        ui.horizontal(|ui| {
            icon.show(ui, metrics().icon, color);
            ui.label(Type::Body.rich(sentence).color(color));
        });
    });
}

/// While files from another program hover, their target is told; the desktop does not say where the pointer is.
fn desktop_ghost_ui(ui: &Ui, cx: &Cx<'_>) {
    let count = ui.input(|input| input.raw.hovered_files.len());
    if count == 0 {
        return;
    }
    let into = cx
        .state
        .tab()
        .filter(|tab| matches!(tab.load, Load::Ready))
        .and_then(|tab| tab.place.as_ref())
        .map(crate::state::filesystem::title_of);
    let sentence = match into {
        Some(into) => format!(
            "Copy {} to {into}",
            super::text::count(count, "item", "items")
        ),
        None => "Open a folder to drop here".to_owned(),
    };
    let id = crate::theme::global_id("desktop ghost");
    let middle = ui.content_rect().center();
    egui::Tooltip::always_open(
        ui.ctx().clone(),
        ui.layer_id(),
        id,
        egui::PopupAnchor::Position(middle),
    )
    .show(|ui| ui.label(Type::Title.rich(sentence)));
}

/// A path segment as a place.
pub(super) fn segment_place(place: &Place, depth: usize) -> Place {
    let path = place
        .path
        .components()
        .take(depth)
        .filter_map(|name| Name::new(name).ok())
        .fold(VPath::root(), |path, name| path.join(&name));
    place.with_path(path)
}

/// A part of the path takes drops.
pub(super) fn segment_target(
    ui: &Ui,
    cx: &Cx<'_>,
    drafts: &mut Drafts,
    tab: TabId,
    depth: usize,
    place: &Place,
) {
    if let Some(payload) = dragged(ui) {
        let device = device_of(cx, drafts, place);
        aim(cx, drafts, &payload, place.clone(), device);
        if drafts.aim.refusal.is_none() {
            drafts.aim.part = Some((tab, depth));
        }
    }
}

/// The part of a tab's path that shows itself as the target of a drop.
pub(super) fn part_for(drafts: &Drafts, tab: TabId) -> Option<usize> {
    drafts
        .shown_aim
        .part
        .filter(|(of, _)| *of == tab)
        .map(|(_, depth)| depth)
}

/// The tab that shows itself as the target of a drop.
pub(super) fn tab_for(drafts: &Drafts) -> Option<TabId> {
    drafts.shown_aim.tab
}
