//! Where a tab is: the filesystem, then folder by folder. Collapses from the left; turns into a text field.

use std::sync::Arc;

use egui::{Align2, Galley, Rect, Response, Role, Sense, Ui, Vec2, WidgetInfo};

use super::kind_mark;
use crate::theme::{FsKind, Icon, Type, UiTokens as _, metrics};

/// What to show.
#[derive(Clone, Copy, Debug)]
pub struct Breadcrumb<'a> {
    /// Kind of the filesystem.
    pub kind: FsKind,
    /// Its name.
    pub title: &'a str,
    /// The folders, from the root down.
    pub folders: &'a [&'a str],
    /// Has its pane the keyboard? Otherwise it is muted.
    pub active: bool,
    /// A drop right now would go to this part: 0 is the filesystem's root, then one for each folder.
    pub drop: Option<usize>,
}

/// What the user did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreadcrumbEvent {
    /// Go to this part: 0 is the root, then one for each folder.
    Go(usize),
    /// The same in a new tab.
    GoInNewTab(usize),
    /// Turn into a text field.
    Edit,
}

/// What came of showing it.
#[derive(Debug, Default)]
pub struct BreadcrumbOutput {
    /// What the user did.
    pub event: Option<BreadcrumbEvent>,
    /// The part under the pointer, also while something is dragged.
    pub pointer_part: Option<usize>,
}

struct Part<'a> {
    number: usize,
    /// What it is called, whatever of that has room.
    name: &'a str,
    galley: Arc<Galley>,
    icon: Option<(Icon, egui::Color32)>,
}

impl Part<'_> {
    fn width(&self) -> f32 {
        (self.around() + self.galley.size().x).ceil()
    }

    /// The width of all but the text.
    fn around(&self) -> f32 {
        let m = metrics();
        let icon = self.icon.map_or(0.0, |_| m.icon + m.space + m.space / 2.0);
        icon + 2.0 * m.space
    }

    /// Takes no more than `width`, for whatever text fits.
    fn shorten(&mut self, ui: &Ui, width: f32) {
        if self.width() > width {
            let room = (width - self.around()).max(0.0);
            // Dots alone tell nothing.
            let name = if room > 0.0 { self.name } else { "" };
            self.galley = super::elided(ui.painter(), name, &Type::Body.font(), room);
        }
    }
}

impl Breadcrumb<'_> {
    /// Shows it over the whole width left in `ui`, one control high.
    pub fn show(&self, ui: &mut Ui) -> BreadcrumbOutput {
        let m = metrics();
        let size = Vec2::new(ui.available_width(), m.control);
        let (rect, blank) = ui.allocate_exact_size(size, Sense::click());
        blank.widget_info(|| WidgetInfo::labeled(Role::Button, true, "Edit path"));
        let mut out = BreadcrumbOutput::default();
        if blank.hovered() {
            ui.ctx().set_cursor_icon(egui::CursorIcon::Text);
        }
        if blank.clicked() {
            out.event = Some(BreadcrumbEvent::Edit);
        }

        let mut parts = self.parts(ui);
        let separator = m.pad;
        let dots = m.control + separator;
        let whole: f32 = parts.iter().map(|part| part.width() + separator).sum();
        let mut hidden = 0..0;
        if whole > rect.width() {
            // The root and the last folder stay; folders leave from the left.
            let mut width = whole + dots;
            hidden = 1..1;
            while width > rect.width() && hidden.end + 1 < parts.len() {
                width -= parts
                    .get(hidden.end)
                    .map_or(0.0, |part| part.width() + separator);
                hidden.end += 1;
            }
            // Then the root shows its icon alone, and the last folder what it can of its name.
            if let [root, .., last] = parts.as_mut_slice() {
                if width > rect.width() {
                    let before = root.width();
                    root.shorten(ui, root.around());
                    width -= before - root.width();
                }
                let room = last.width() - (width - separator - rect.width()).max(0.0);
                last.shorten(ui, room);
            }
        }

        let mut left = rect.left();
        for (index, part) in parts.iter().enumerate() {
            if hidden.contains(&index) {
                if index == hidden.start {
                    self.separator(ui, rect, &mut left);
                    self.hidden_ui(ui, rect, &mut left, &parts, hidden.clone(), &mut out);
                }
                continue;
            }
            if index > 0 {
                self.separator(ui, rect, &mut left);
            }
            let width = part.width().min((rect.right() - left).max(0.0));
            let place = Rect::from_min_size(
                egui::pos2(left, rect.top()),
                Vec2::new(width, rect.height()),
            );
            left += width;
            let last = index + 1 == parts.len();
            self.part_ui(ui, part, place, last, &mut out);
        }
        out
    }

    fn parts(&self, ui: &Ui) -> Vec<Part<'_>> {
        let tokens = ui.tokens();
        let font = Type::Body.font();
        let max = metrics().sidebar;
        let lay_out = |name: &str| super::elided(ui.painter(), name, &font, max);
        let root = Part {
            number: 0,
            name: self.title,
            galley: lay_out(self.title),
            icon: Some(kind_mark(tokens, self.kind, false)),
        };
        let folders = self.folders.iter().enumerate();
        let folders = folders.map(|(index, name)| Part {
            number: index + 1,
            name,
            galley: lay_out(name),
            icon: None,
        });
        std::iter::once(root).chain(folders).collect()
    }

    fn separator(&self, ui: &Ui, rect: Rect, left: &mut f32) {
        let m = metrics();
        let place = Rect::from_min_size(
            egui::pos2(*left, rect.top()),
            Vec2::new(m.pad, rect.height()),
        );
        Icon::CaretRight.paint(ui.painter(), place, m.pad, ui.tokens().faint);
        *left += m.pad;
    }

    fn part_ui(
        &self,
        ui: &mut Ui,
        part: &Part<'_>,
        place: Rect,
        last: bool,
        out: &mut BreadcrumbOutput,
    ) {
        let (tokens, m) = (ui.tokens(), metrics());
        let id = ui.scope_id().with(("part", part.number));
        let response = ui.interact(place, id, Sense::click());
        response.widget_info(|| WidgetInfo::labeled(Role::Link, true, part.name));
        let inner = place.shrink2(Vec2::new(0.0, m.line * 2.0));
        if self.drop == Some(part.number) {
            ui.painter().rect(
                inner,
                f32::from(m.radius),
                tokens.drop_fill(),
                tokens.ring(),
                egui::StrokeKind::Inside,
            );
        } else if response.hovered() {
            ui.painter()
                .rect_filled(inner, f32::from(m.radius), tokens.hover());
        }
        if response.has_focus() {
            ui.painter().rect_stroke(
                inner,
                f32::from(m.radius),
                tokens.ring(),
                egui::StrokeKind::Inside,
            );
        }
        let mut room = place.shrink2(Vec2::new(m.space, 0.0));
        if let Some((icon, color)) = part.icon {
            let at = Align2::LEFT_CENTER.align_size_within_rect(Vec2::splat(m.icon), room);
            icon.paint(ui.painter(), at, m.icon, color);
            room.min.x = at.right() + m.space + m.space / 2.0;
        }
        let color = if last && self.active {
            tokens.text
        } else {
            tokens.muted
        };
        let at = Align2::LEFT_CENTER.align_size_within_rect(part.galley.size(), room);
        ui.painter()
            .with_clip_rect(place.intersect(ui.clip_rect()))
            .galley(at.min, Arc::clone(&part.galley), color);
        Self::events(ui, part.number, &response, place, out);
    }

    fn events(
        ui: &Ui,
        number: usize,
        response: &Response,
        place: Rect,
        out: &mut BreadcrumbOutput,
    ) {
        if ui.rect_contains_pointer(place) {
            out.pointer_part = Some(number);
        }
        if response.middle_clicked() || response.clicked() && ui.input(|i| i.modifiers.command) {
            out.event = Some(BreadcrumbEvent::GoInNewTab(number));
        } else if response.clicked() {
            out.event = Some(BreadcrumbEvent::Go(number));
        }
    }

    /// The button for the folders that have no room.
    fn hidden_ui(
        &self,
        ui: &mut Ui,
        rect: Rect,
        left: &mut f32,
        parts: &[Part<'_>],
        hidden: std::ops::Range<usize>,
        out: &mut BreadcrumbOutput,
    ) {
        let m = metrics();
        let place = Rect::from_min_size(
            egui::pos2(*left, rect.top()),
            Vec2::new(m.control, rect.height()),
        );
        *left += m.control;
        let button = ui
            .scope_builder(
                egui::UiBuilder::new()
                    .max_rect(place)
                    .id_salt("hidden folders"),
                |ui| {
                    ui.add(
                        egui::Button::new("…")
                            .frame_when_inactive(false)
                            .min_size(place.size()),
                    )
                    .accessible_name("Folders in between")
                },
            )
            .inner;
        egui::Popup::menu(&button).show(|ui| {
            for part in parts.get(hidden).unwrap_or_default() {
                if ui.button((Icon::Folder.atom(), part.name)).clicked() {
                    out.event = Some(BreadcrumbEvent::Go(part.number));
                }
            }
        });
    }
}
