//! The sidebar: places, open filesystems, bookmarks, recent ones. Everything in it can be a target of a drop.

use egui::{Rect, Response, Role, ScrollArea, Sense, Ui, WidgetInfo};
use fs_backends::location::{Kind, Location};
use fs_core::VPath;
use fs_core::ops::Place;

use super::{Cx, Drafts, drag};
use crate::command::{Command, FsCommand, OpenIn};
use crate::state::filesystem::{HOST, place_of};
use crate::state::{FsStatus, UserFolderKind};
use crate::theme::{FsKind, Icon, Type, UiTokens as _, metrics};

/// The sidebar; `narrow`: icons only.
pub(super) fn sidebar_ui(ui: &mut Ui, cx: &Cx<'_>, drafts: &mut Drafts, narrow: bool) {
    ui.spacing_mut().item_spacing.y = 0.0;
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        ui.add_space(metrics().space);
        places_ui(ui, cx, drafts, narrow);
        open_ui(ui, cx, drafts, narrow);
        bookmarks_ui(ui, cx, drafts, narrow);
        recent_ui(ui, cx, narrow);
        ui.add_space(metrics().pad);
    });
}

fn places_ui(ui: &mut Ui, cx: &Cx<'_>, drafts: &mut Drafts, narrow: bool) {
    caption_ui(ui, "Places", narrow);
    for folder in &cx.state.places {
        let location = Location::host(&folder.path);
        let entry = Entry {
            icon: icon_of(folder.kind),
            hue: None,
            label: folder.kind.label(),
            muted: false,
        };
        place_ui(ui, cx, drafts, &entry, &location, narrow);
    }
}

fn open_ui(ui: &mut Ui, cx: &Cx<'_>, drafts: &mut Drafts, narrow: bool) {
    let open: Vec<_> = cx
        .state
        .filesystems
        .iter()
        .filter(|(fs, _)| fs.as_str() != HOST)
        .collect();
    if open.is_empty() {
        return;
    }
    caption_ui(ui, "Open", narrow);
    for (fs, info) in open {
        let kind = FsKind::from(info.kind);
        let locked = info.is_locked();
        let entry = Entry {
            icon: if locked { Icon::Locked } else { kind.icon() },
            hue: (!locked).then(|| ui.tokens().hue(kind)),
            label: &info.name,
            muted: !matches!(info.status, FsStatus::Open),
        };
        let place = Place::new(fs.clone(), VPath::root());
        let response = row_ui(ui, &entry, is_here(cx, &place), narrow);
        drag::target_ui(ui, cx, drafts, &response, &place);
        if response.clicked() {
            cx.send(Command::Open(info.location.clone(), OpenIn::NewTab));
        }
        response.context_menu(|ui| {
            if info.encrypted
                && info.is_open()
                && ui.button((Icon::Lock.atom(), "Lock now")).clicked()
            {
                cx.send(Command::Fs(FsCommand::Lock(fs.clone())));
                ui.close();
            }
            if ui.button((Icon::Close.atom(), "Close")).clicked() {
                cx.send(Command::Fs(FsCommand::Close(fs.clone())));
                ui.close();
            }
        });
    }
}

fn bookmarks_ui(ui: &mut Ui, cx: &Cx<'_>, drafts: &mut Drafts, narrow: bool) {
    if cx.state.bookmarks.is_empty() {
        return;
    }
    caption_ui(ui, "Bookmarks", narrow);
    for location in &cx.state.bookmarks {
        let title = location.title();
        let entry = Entry {
            icon: Icon::Star,
            hue: None,
            label: &title,
            muted: false,
        };
        place_ui(ui, cx, drafts, &entry, location, narrow);
    }
}

fn recent_ui(ui: &mut Ui, cx: &Cx<'_>, narrow: bool) {
    let recent: Vec<_> = cx
        .state
        .recent
        .iter()
        .filter(|location| !cx.state.filesystems.contains_key(&place_of(location).fs))
        .collect();
    if recent.is_empty() {
        return;
    }
    caption_ui(ui, "Recent", narrow);
    for location in recent {
        let title = location.title();
        let kind = FsKind::from(location.kind());
        let entry = Entry {
            icon: kind.icon(),
            hue: Some(ui.tokens().hue(kind)),
            label: &title,
            muted: true,
        };
        if row_ui(ui, &entry, false, narrow)
            .on_hover_text(location.to_string())
            .clicked()
        {
            cx.send(Command::Open(location.clone(), OpenIn::NewTab));
        }
    }
}

fn place_ui(
    ui: &mut Ui,
    cx: &Cx<'_>,
    drafts: &mut Drafts,
    entry: &Entry<'_>,
    location: &Location,
    narrow: bool,
) {
    let place = place_of(location);
    let response = row_ui(ui, entry, is_here(cx, &place), narrow);
    drag::target_ui(ui, cx, drafts, &response, &place);
    if response.clicked() || response.middle_clicked() {
        let new_tab = response.middle_clicked() || ui.input(|input| input.modifiers.command);
        let here = cx.state.tab().map(|tab| tab.id).filter(|_| !new_tab);
        let pane = cx.state.workspace.active_pane();
        let open_in = match here {
            Some(tab) if location.kind() == Kind::Host => OpenIn::Tab(tab),
            _ if location.kind() == Kind::Host => OpenIn::Pane(pane),
            _ => OpenIn::NewTab,
        };
        cx.send(Command::Open(location.clone(), open_in));
    }
}

fn is_here(cx: &Cx<'_>, place: &Place) -> bool {
    cx.state.tab().is_some_and(|tab| match &tab.place {
        Some(here) if place.fs.as_str() == HOST => here == place,
        Some(here) => here.fs == place.fs && place.path.is_root(),
        None => false,
    })
}

struct Entry<'a> {
    icon: Icon,
    hue: Option<egui::Color32>,
    label: &'a str,
    muted: bool,
}

fn caption_ui(ui: &mut Ui, text: &str, narrow: bool) {
    let m = metrics();
    ui.add_space(m.gap);
    if narrow {
        ui.separator();
        return;
    }
    let (rect, _) = ui.allocate_exact_size(egui::vec2(ui.available_width(), m.row), Sense::hover());
    let color = ui.tokens().muted;
    let text = Type::Caption.rich(text.to_uppercase()).color(color);
    let inner = rect.with_min_x(rect.left() + m.pad);
    ui.put_label(inner, text);
}

fn row_ui(ui: &mut Ui, entry: &Entry<'_>, here: bool, narrow: bool) -> Response {
    let m = metrics();
    let tokens = ui.tokens();
    let size = egui::vec2(ui.available_width(), m.sidebar_row);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, here, entry.label));
    let fill = if here {
        Some(tokens.selection(true))
    } else if response.hovered() || response.has_focus() {
        Some(tokens.hover())
    } else {
        None
    };
    if let Some(fill) = fill {
        let inset = rect.shrink2(egui::vec2(m.space, 0.0));
        ui.painter().rect_filled(inset, m.radius, fill);
    }
    let text = if entry.muted && !here {
        tokens.muted
    } else {
        tokens.text
    };
    let left = if narrow {
        rect.center().x - m.icon / 2.0
    } else {
        rect.left() + m.pad
    };
    let icon = Rect::from_min_size(
        egui::pos2(left, rect.center().y - m.icon / 2.0),
        egui::Vec2::splat(m.icon),
    );
    entry.icon.paint(
        ui.painter(),
        icon,
        m.icon,
        entry.hue.unwrap_or(tokens.muted),
    );
    if narrow {
        return response.on_hover_text(entry.label);
    }
    let room = rect.right() - m.gap - icon.right() - m.gap;
    let galley = crate::widget::elided(ui.painter(), entry.label, &Type::Body.font(), room);
    let at = egui::pos2(
        icon.right() + m.gap,
        rect.center().y - galley.size().y / 2.0,
    );
    ui.painter().galley(at, galley, text);
    response
}

/// The icon of a folder of the user.
pub(super) fn icon_of(kind: UserFolderKind) -> Icon {
    match kind {
        UserFolderKind::Home => Icon::Home,
        UserFolderKind::Desktop => Icon::Desktop,
        UserFolderKind::Documents => Icon::Documents,
        UserFolderKind::Downloads => Icon::Downloads,
        UserFolderKind::Music => Icon::Music,
        UserFolderKind::Pictures => Icon::Pictures,
        UserFolderKind::Videos => Icon::Videos,
        UserFolderKind::Computer => Icon::Computer,
    }
}

/// A label at the left of a rectangle, centred in its height.
trait PutLabel {
    fn put_label(&mut self, rect: Rect, text: egui::RichText);
}

impl PutLabel for Ui {
    fn put_label(&mut self, rect: Rect, text: egui::RichText) {
        let mut child = self.new_child(
            egui::UiBuilder::new()
                .max_rect(rect)
                .layout(egui::Layout::left_to_right(egui::Align::Center)),
        );
        child.label(text);
    }
}
