//! Every widget on one page, to look at: `cargo run --example gallery -- light 1.5`.

use std::borrow::Cow;

use egui::{Align, Ui};
use lamina::theme::{self, FsKind, Icon, Type, UiTokens as _, metrics};
use lamina::widget::breadcrumb::Breadcrumb;
use lamina::widget::rows::{Column, DropHint, How, Row, RowSource, Rows, RowsEvent, RowsState};
use lamina::widget::tab_strip::{TabLook, TabStrip};
use lamina::widget::{IconButton, kind_mark, progress_bar, search_field, toast_ui};

struct Sample {
    hue: egui::Color32,
    count: usize,
    selected: Vec<usize>,
}

impl RowSource for Sample {
    fn len(&self) -> usize {
        self.count
    }

    fn key(&self, row: usize) -> u64 {
        row as u64
    }

    fn row(&self, row: usize) -> Row<'_> {
        let (icon, name): (Icon, Cow<'_, str>) = match row {
            0 => (Icon::Folder, "2025".into()),
            1 => (Icon::Folder, "2026 receipts".into()),
            2 => (Icon::FilePdf, "receipt-01.pdf".into()),
            3 => (Icon::FileImage, "holiday picture 0815.jpg".into()),
            4 => (Icon::FileCode, "main.rs".into()),
            5 => (Icon::FileText, "a very long name that cannot possibly fit into this column, version 12 (final).txt".into()),
            6 => (Icon::FileArchive, "photos.tar.gz".into()),
            7 => (Icon::Link, "current".into()),
            8 => (Icon::FileSheet, "accounts.csv".into()),
            _ => (Icon::File, format!("file {row}").into()),
        };
        Row {
            name,
            icon,
            icon_color: (icon == Icon::Folder).then_some(self.hue),
            dimmed: row == 6,
            badge: (row == 2).then_some(Icon::Link),
            struck: row == 8,
        }
    }

    fn cell(&self, row: usize, column: usize, text: &mut String) {
        match column {
            1 if row < 2 => text.push_str("8 items"),
            1 => text.push_str(&format!("{}.{} kB", row * 17 % 900, row % 10)),
            2 => text.push_str(if row.is_multiple_of(3) {
                "Today 12:02"
            } else {
                "3 Nov 2026"
            }),
            _ => text.push_str(if row < 2 { "Folder" } else { "Document" }),
        }
    }

    fn is_selected(&self, row: usize) -> bool {
        self.selected.contains(&row)
    }
}

struct Gallery {
    sample: [Sample; 2],
    cursor: [Option<usize>; 2],
    states: [RowsState; 2],
    text: String,
}

fn columns() -> Vec<Column> {
    let column = |title, width, align, drop_rank| Column {
        title,
        width,
        align,
        drop_rank,
    };
    vec![
        column("Name", 0.0, Align::Min, 0),
        column("Size", 90.0, Align::Max, 0),
        column("Modified", 130.0, Align::Min, 1),
        column("Kind", 110.0, Align::Min, 2),
    ]
}

impl Gallery {
    fn list_ui(&mut self, ui: &mut Ui, pane: usize) {
        let (Some(sample), Some(cursor), Some(state)) = (
            self.sample.get_mut(pane),
            self.cursor.get_mut(pane),
            self.states.get_mut(pane),
        ) else {
            return;
        };
        let columns = columns();
        let rows = Rows {
            source: &*sample,
            columns: &columns,
            sort: Some((pane, pane == 0)),
            cursor: *cursor,
            active: pane == 0,
            drop: if pane == 1 {
                DropHint::Row(1)
            } else {
                DropHint::None
            },
            editing: None,
            row_height: metrics().row,
            name: "Sample files",
        };
        let events = rows.show(ui, pane, state).events;
        for event in events {
            match event {
                RowsEvent::Select { row, how } => {
                    *cursor = Some(row);
                    match how {
                        How::Only => sample.selected = vec![row],
                        _ => sample.selected.push(row),
                    }
                }
                RowsEvent::Cursor(row) => *cursor = Some(row),
                RowsEvent::SelectNone => sample.selected.clear(),
                RowsEvent::Band { rows, .. } => sample.selected = rows.collect(),
                other => println!("{other:?}"),
            }
        }
    }

    fn parts_ui(&mut self, ui: &mut Ui) {
        let t = ui.tokens();
        ui.label(Type::Welcome.rich("Welcome to Lamina"));
        ui.label(Type::Title.rich("Dialog title"));
        ui.label(Type::Caption.rich("PLACES").color(t.muted));
        ui.label("Body text with a number 1,234,567 and 1111111");
        ui.label(Type::Secondary.rich("Secondary, muted").color(t.muted));
        ui.label(Type::Mono.rich("00000000  7f 45 4c 46 02 01 01 00  a->b != c"));
        for kind in FsKind::ALL {
            ui.horizontal(|ui| {
                for locked in [false, true] {
                    let (icon, color) = kind_mark(t, kind, locked);
                    icon.show(ui, metrics().icon, color);
                }
                ui.label(kind.word());
            });
        }
        ui.horizontal_wrapped(|ui| {
            for &icon in Icon::ALL {
                icon.show(ui, metrics().icon, t.muted);
            }
        });
        ui.horizontal(|ui| {
            let _shown = ui.button("Cancel");
            let _shown = ui.add_enabled(false, egui::Button::new("Disabled"));
            let _shown = ui.button((Icon::Copy.atom(), "Copy"));
        });
        ui.horizontal(|ui| {
            search_field(
                ui,
                ui.scope_id().with("filter"),
                &mut self.text,
                "Filter",
                "Filter this folder",
                180.0,
            );
            let mut on = true;
            ui.checkbox(&mut on, "Follow links");
            ui.radio_value(&mut on, true, "Copy");
            ui.radio_value(&mut on, false, "Move");
        });
        ui.menu_button("Menu", |ui| {
            let _shown = ui.button((Icon::Copy.atom(), "Copy", egui::Atom::grow(), "Ctrl+C"));
            let _shown = ui.button((Icon::Paste.atom(), "Paste", egui::Atom::grow(), "Ctrl+V"));
            ui.separator();
            let _shown = ui.add_enabled(false, egui::Button::new("Rename"));
        });
        ui.add_space(metrics().gap);
        toast_ui(
            ui,
            Icon::Success,
            t.ok,
            "Copied 140 files to taxes.db",
            Some("Undo"),
        );
        toast_ui(
            ui,
            Icon::Error,
            t.danger,
            "Couldn't copy 2 of 140 files. The originals are untouched.",
            Some("Show"),
        );
        ui.add_space(metrics().gap);
        for (fraction, paused) in [(Some(0.62), false), (Some(0.3), true), (None, false)] {
            progress_bar(ui, fraction, metrics().toast, paused, "Copying");
            ui.add_space(metrics().gap);
        }
    }
}

fn main() -> eframe::Result {
    let light = std::env::args().any(|arg| arg == "light");
    let zoom = std::env::args()
        .filter_map(|arg| arg.parse().ok())
        .next()
        .unwrap_or(1.0);
    let options = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default().with_inner_size([1280.0, 800.0]),
        ..Default::default()
    };
    eframe::run_native(
        "Gallery",
        options,
        Box::new(move |cc| {
            theme::install(&cc.egui_ctx);
            cc.egui_ctx.set_theme(if light {
                egui::Theme::Light
            } else {
                egui::Theme::Dark
            });
            cc.egui_ctx.set_zoom_factor(zoom);
            let tokens = cc.egui_ctx.tokens();
            let sample = |kind, count| Sample {
                hue: tokens.hue(kind),
                count,
                selected: vec![2, 3],
            };
            Ok(Box::new(Gallery {
                sample: [sample(FsKind::Vault, 1_000_000), sample(FsKind::Memory, 9)],
                cursor: [Some(3), Some(2)],
                states: Default::default(),
                text: String::new(),
            }))
        }),
    )
}

impl eframe::App for Gallery {
    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        let (t, m) = (ui.tokens(), metrics());
        egui::Panel::right("parts")
            .exact_size(480.0)
            .show(ui, |ui| {
                egui::ScrollArea::vertical().show(ui, |ui| self.parts_ui(ui));
            });
        egui::CentralPanel::no_frame().show(ui, |ui| {
            let half = ui.available_height() / 2.0;
            for pane in 0..2 {
                let rect = egui::Rect::from_min_size(
                    ui.cursor().min,
                    egui::vec2(ui.available_width(), half),
                );
                ui.scope_builder(egui::UiBuilder::new().max_rect(rect).id_salt(pane), |ui| {
                    ui.spacing_mut().item_spacing = egui::Vec2::ZERO;
                    ui.painter().rect_filled(rect, 0.0, t.base);
                    let tab = |key, kind: FsKind, title| TabLook {
                        key,
                        icon: kind.icon(),
                        color: t.hue(kind),
                        title,
                        tooltip: title,
                    };
                    let tabs = [
                        tab(1, FsKind::Host, "Home"),
                        tab(2, FsKind::Vault, "taxes.db"),
                        tab(3, FsKind::Stack, "app stack with a long name"),
                        tab(4, FsKind::Memory, "scratch"),
                    ];
                    TabStrip {
                        tabs: &tabs,
                        active: 1 + pane * 2,
                        pane_active: pane == 0,
                        drop: None,
                    }
                    .show(ui, "tabs");
                    let path = egui::Rect::from_min_size(
                        ui.cursor().min,
                        egui::vec2(rect.width(), m.path),
                    );
                    ui.painter().rect_filled(path, 0.0, t.surface);
                    let layout = egui::Layout::left_to_right(Align::Center);
                    ui.scope_builder(
                        egui::UiBuilder::new()
                            .max_rect(path.shrink2(egui::vec2(m.space, 0.0)))
                            .layout(layout),
                        |ui| {
                            IconButton::new(Icon::Back, "Back").show(ui);
                            IconButton::new(Icon::Forward, "Forward")
                                .enabled(false)
                                .show(ui);
                            IconButton::new(Icon::Up, "Up").show(ui);
                            let folders: &[&str] = if pane == 0 {
                                &["2026", "receipts"]
                            } else {
                                &[
                                    "opt",
                                    "a quite long folder name",
                                    "another rather long folder name",
                                    "yet another folder",
                                    "web",
                                ]
                            };
                            Breadcrumb {
                                kind: FsKind::Vault,
                                title: "taxes.db",
                                folders,
                                active: pane == 0,
                                drop: None,
                            }
                            .show(ui);
                        },
                    );
                    let list =
                        egui::Rect::from_min_max(egui::pos2(rect.left(), path.bottom()), rect.max);
                    ui.painter().rect_filled(list, 0.0, t.surface);
                    ui.scope_builder(egui::UiBuilder::new().max_rect(list), |ui| {
                        self.list_ui(ui, pane)
                    });
                });
            }
        });
    }
}
