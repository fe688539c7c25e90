//! What the widgets do when they are used: through the same tree of accessible nodes that a screen reader sees.

use std::borrow::Cow;
use std::collections::BTreeSet;

use egui::accesskit::Role;
use egui::{Event, Key, Modifiers, MouseWheelUnit, PointerButton, Pos2, TouchPhase, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use lamina::theme::{self, FsKind, Icon, metrics};
use lamina::widget::breadcrumb::{Breadcrumb, BreadcrumbEvent};
use lamina::widget::rows::{
    BandPhase, Column, DropHint, How, Row, RowSource, Rows, RowsEvent, RowsOutput, RowsState,
};
use lamina::widget::tab_strip::{TabEvent, TabLook, TabStrip};

struct Files {
    count: usize,
    selected: BTreeSet<usize>,
}

impl RowSource for Files {
    fn len(&self) -> usize {
        self.count
    }

    fn key(&self, row: usize) -> u64 {
        row as u64 + 1000
    }

    fn row(&self, row: usize) -> Row<'_> {
        Row {
            name: Cow::Owned(format!("file {row}")),
            icon: Icon::File,
            icon_color: None,
            dimmed: false,
            badge: None,
            struck: false,
        }
    }

    fn cell(&self, row: usize, _column: usize, text: &mut String) {
        text.push_str(&format!("{row} bytes"));
    }

    fn is_selected(&self, row: usize) -> bool {
        self.selected.contains(&row)
    }
}

/// A list with the selection rules a caller would have, as far as these tests need them.
struct List {
    files: Files,
    state: RowsState,
    cursor: Option<usize>,
    sort: Option<(usize, bool)>,
    events: Vec<RowsEvent>,
    last: Option<RowsOutput>,
}

impl List {
    fn ui(&mut self, ui: &mut egui::Ui) {
        let columns = [
            Column {
                title: "Name",
                width: 0.0,
                align: egui::Align::Min,
                drop_rank: 0,
            },
            Column {
                title: "Size",
                width: 90.0,
                align: egui::Align::Max,
                drop_rank: 0,
            },
        ];
        let rows = Rows {
            source: &self.files,
            columns: &columns,
            sort: self.sort,
            cursor: self.cursor,
            active: true,
            drop: DropHint::None,
            editing: None,
            row_height: metrics().row,
            name: "Files",
        };
        let output = rows.show(ui, "files", &mut self.state);
        for event in &output.events {
            match event {
                RowsEvent::Select { row, how } => {
                    self.cursor = Some(*row);
                    match how {
                        How::Toggle if !self.files.selected.insert(*row) => {
                            self.files.selected.remove(row);
                        }
                        How::Only => self.files.selected = BTreeSet::from([*row]),
                        _ => {}
                    }
                }
                RowsEvent::Cursor(row) => self.cursor = Some(*row),
                RowsEvent::SelectNone => self.files.selected.clear(),
                RowsEvent::Band { rows, .. } => self.files.selected = rows.clone().collect(),
                _ => {}
            }
        }
        self.events.extend(output.events.iter().cloned());
        self.last = Some(output);
    }
}

fn list(count: usize) -> Harness<'static, List> {
    let list = List {
        files: Files {
            count,
            selected: BTreeSet::new(),
        },
        state: RowsState::default(),
        cursor: None,
        sort: Some((0, true)),
        events: Vec::new(),
        last: None,
    };
    let mut harness = Harness::builder()
        .with_size([500.0, 400.0])
        .with_step_dt(1.0 / 60.0)
        .with_context_setup(theme::install)
        .build_ui_state(|ui, list: &mut List| list.ui(ui), list);
    harness.run();
    harness
}

fn row_rect(harness: &Harness<'_, List>, row: usize) -> egui::Rect {
    harness.get_by_label(&format!("file {row}")).rect()
}

/// On the icon of a row.
fn handle(harness: &Harness<'_, List>, row: usize) -> Pos2 {
    row_rect(harness, row).left_center() + Vec2::new(20.0, 0.0)
}

/// On its blank part.
fn blank(harness: &Harness<'_, List>, row: usize) -> Pos2 {
    row_rect(harness, row).center() + Vec2::new(60.0, 0.0)
}

fn button(harness: &mut Harness<'_, List>, pos: Pos2, pressed: bool, modifiers: Modifiers) {
    harness.event(Event::PointerMoved(pos));
    harness.step();
    harness.event(Event::ModifiersChanged(modifiers));
    harness.event(Event::PointerButton {
        pos,
        button: PointerButton::Primary,
        pressed,
        modifiers,
    });
    harness.step();
}

fn selected(harness: &Harness<'_, List>) -> Vec<usize> {
    harness.state().files.selected.iter().copied().collect()
}

#[test]
fn icon_and_text_select_on_press_the_blank_part_on_release() {
    let mut harness = list(10);
    let pos = handle(&harness, 2);
    button(&mut harness, pos, true, Modifiers::NONE);
    assert_eq!(selected(&harness), [2], "on press");
    button(&mut harness, pos, false, Modifiers::NONE);
    assert!(harness.state().last.as_ref().unwrap().response.has_focus());

    let pos = blank(&harness, 4);
    button(&mut harness, pos, true, Modifiers::NONE);
    assert_eq!(selected(&harness), [2], "not yet");
    button(&mut harness, pos, false, Modifiers::NONE);
    assert_eq!(selected(&harness), [4], "on release");
}

#[test]
fn pressing_one_of_many_keeps_all_until_release() {
    let mut harness = list(10);
    harness.state_mut().files.selected = BTreeSet::from([1, 2, 3]);
    harness.run();
    let pos = handle(&harness, 2);
    button(&mut harness, pos, true, Modifiers::NONE);
    assert_eq!(selected(&harness), [1, 2, 3]);
    button(&mut harness, pos, false, Modifiers::NONE);
    assert_eq!(selected(&harness), [2]);
}

#[test]
fn a_drag_from_the_handle_keeps_the_selection() {
    let mut harness = list(10);
    harness.state_mut().files.selected = BTreeSet::from([1, 2, 3]);
    harness.run();
    let pos = handle(&harness, 2);
    button(&mut harness, pos, true, Modifiers::NONE);
    harness.event(Event::PointerMoved(pos + Vec2::new(30.0, 50.0)));
    harness.step();
    assert!(harness.state().events.contains(&RowsEvent::Drag { row: 2 }));
    button(
        &mut harness,
        pos + Vec2::new(30.0, 50.0),
        false,
        Modifiers::NONE,
    );
    assert_eq!(selected(&harness), [1, 2, 3]);
}

#[test]
fn ctrl_click_toggles() {
    let mut harness = list(10);
    for (row, expected) in [(1, vec![1]), (3, vec![1, 3]), (1, vec![3])] {
        let pos = handle(&harness, row);
        button(&mut harness, pos, true, Modifiers::COMMAND);
        button(&mut harness, pos, false, Modifiers::COMMAND);
        assert_eq!(selected(&harness), expected);
    }
}

#[test]
fn a_rubber_band_from_the_blank_part_covers_rows_and_escape_takes_it_back() {
    let mut harness = list(10);
    let pos = blank(&harness, 1);
    button(&mut harness, pos, true, Modifiers::NONE);
    harness.event(Event::PointerMoved(pos + Vec2::new(5.0, 48.0)));
    harness.step();
    harness.step();
    assert_eq!(selected(&harness), [1, 2, 3]);
    harness.key_press(Key::Escape);
    harness.step();
    let last = harness.state().events.last().cloned();
    assert!(
        matches!(
            last,
            Some(RowsEvent::Band {
                phase: BandPhase::Cancel,
                ..
            })
        ),
        "{last:?}"
    );
}

#[test]
fn a_double_click_activates() {
    let mut harness = list(10);
    let pos = handle(&harness, 3);
    for _ in 0..2 {
        harness.event(Event::PointerMoved(pos));
        for pressed in [true, false] {
            harness.event(Event::PointerButton {
                pos,
                button: PointerButton::Primary,
                pressed,
                modifiers: Modifiers::NONE,
            });
        }
        harness.step();
    }
    let activate = RowsEvent::Activate {
        row: 3,
        new_tab: false,
    };
    let events = &harness.state().events;
    assert!(events.contains(&activate), "{events:?}");
}

#[test]
fn the_secondary_button_selects_and_wants_a_menu() {
    let mut harness = list(10);
    harness.get_by_label("file 5").click_secondary();
    harness.run();
    assert_eq!(selected(&harness), [5]);
    let menu = |event: &RowsEvent| matches!(event, RowsEvent::Menu { row: Some(5), .. });
    assert!(harness.state().events.iter().any(menu));
}

#[test]
fn the_room_below_selects_nothing() {
    let mut harness = list(3);
    harness.state_mut().files.selected = BTreeSet::from([1]);
    harness.run();
    let below = row_rect(&harness, 2).center_bottom() + Vec2::new(0.0, 60.0);
    button(&mut harness, below, true, Modifiers::NONE);
    button(&mut harness, below, false, Modifiers::NONE);
    assert!(selected(&harness).is_empty());
}

#[test]
fn keys_move_the_cursor_and_the_list_follows() {
    let mut harness = list(1_000_000);
    let pos = handle(&harness, 0);
    button(&mut harness, pos, true, Modifiers::NONE);
    button(&mut harness, pos, false, Modifiers::NONE);
    harness.key_press(Key::ArrowDown);
    harness.run();
    assert_eq!(
        (harness.state().cursor, selected(&harness)),
        (Some(1), vec![1])
    );
    harness.key_press(Key::End);
    harness.run();
    assert_eq!(harness.state().cursor, Some(999_999));
    harness.get_by_label("file 999999");
    harness.key_press(Key::PageUp);
    harness.run();
    let cursor = harness.state().cursor.unwrap();
    assert!((999_970..999_999).contains(&cursor));
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Home);
    harness.run();
    assert_eq!(harness.state().cursor, Some(0));
    assert_eq!(selected(&harness), [cursor], "only the cursor moved");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Space);
    harness.run();
    assert_eq!(selected(&harness), [0, cursor]);
}

#[test]
fn a_notch_of_the_wheel_is_whole_rows_at_once() {
    let mut harness = list(1000);
    let over = handle(&harness, 5);
    harness.event(Event::PointerMoved(over));
    harness.step();
    harness.event(Event::MouseWheel {
        unit: MouseWheelUnit::Line,
        delta: Vec2::new(0.0, -1.0),
        phase: TouchPhase::Move,
        source: egui::MouseWheelSource::Wheel,
        modifiers: Modifiers::NONE,
    });
    harness.step();
    assert_eq!(harness.state().state.position(), 3.0);
    harness.run();
    assert_eq!(
        harness.state().state.position(),
        3.0,
        "nothing goes on moving"
    );
}

#[test]
fn a_screen_reader_sees_positions_sizes_and_selection() {
    let mut harness = list(1_000_000);
    harness.get_by_label("file 7").click();
    harness.run();
    let node = harness.get_by_label("file 7");
    let node = node.accesskit_node();
    assert_eq!(node.role(), Role::ListBoxOption);
    assert_eq!(node.is_selected(), Some(true));
    assert_eq!(node.data().position_in_set(), Some(8));
    assert_eq!(node.data().size_of_set(), Some(1_000_000));
    assert_eq!(node.data().description(), Some("7 bytes"));
}

#[test]
fn a_header_sorts_and_says_so() {
    let mut harness = list(10);
    harness.get_by_label("Name, ascending").click();
    harness.run();
    assert!(harness.state().events.contains(&RowsEvent::Sort(0)));
}

#[test]
fn typed_text_comes_out() {
    let mut harness = list(10);
    harness.get_by_label("file 0").click();
    harness.run();
    harness.event(Event::Text("ab".to_owned()));
    harness.run();
    assert_eq!(
        harness.state().events.last(),
        Some(&RowsEvent::Typed("ab".to_owned()))
    );
}

#[test]
fn a_list_at_rest_asks_for_no_frame() {
    // `run` fails when more than four frames follow each other.
    let mut harness = list(1_000_000);
    harness.run();
    harness.run();
}

fn tab(key: u64, title: &'static str) -> TabLook<'static> {
    TabLook {
        key,
        icon: Icon::Vault,
        color: theme::tokens_of(egui::Theme::Dark).text,
        title,
        tooltip: title,
    }
}

#[test]
fn tabs_activate_close_and_overflow_into_a_list() {
    let titles = ["one", "two", "three", "four", "five", "six"];
    let mut harness = Harness::builder()
        .with_size([420.0, 400.0])
        .with_context_setup(theme::install)
        .build_ui_state(
            |ui, events: &mut Vec<TabEvent>| {
                let tabs: Vec<_> = (0..)
                    .zip(titles)
                    .map(|(key, title)| tab(key, title))
                    .collect();
                let strip = TabStrip {
                    tabs: &tabs,
                    active: 0,
                    pane_active: true,
                    drop: None,
                };
                events.extend(strip.show(ui, "tabs").events);
            },
            Vec::new(),
        );
    harness.run();
    harness.get_by_label("two").click();
    harness.run();
    assert!(harness.state().contains(&TabEvent::Activate(1)));
    harness.get_by_label("Close one").click();
    harness.run();
    assert!(harness.state().contains(&TabEvent::Close(0)));
    assert!(harness.query_by_label("six").is_none());
    harness.get_by_label("All tabs").click();
    harness.run();
    harness.get_by_label("six").click();
    harness.run();
    assert_eq!(harness.state().last(), Some(&TabEvent::Activate(5)));
}

#[test]
fn a_long_path_collapses_from_the_left() {
    let folders = [
        "first folder",
        "second folder",
        "third folder",
        "fourth folder",
        "last",
    ];
    let mut harness = Harness::builder()
        .with_size([360.0, 300.0])
        .with_context_setup(theme::install)
        .build_ui_state(
            |ui, events: &mut Vec<BreadcrumbEvent>| {
                let path = Breadcrumb {
                    kind: FsKind::Vault,
                    title: "taxes.db",
                    folders: &folders,
                    active: true,
                    drop: None,
                };
                events.extend(path.show(ui).event);
            },
            Vec::new(),
        );
    harness.run();
    assert!(harness.query_by_label("first folder").is_none());
    harness.get_by_label("last").click();
    harness.run();
    harness.get_by_label("taxes.db").click();
    harness.run();
    harness.get_by_label("Folders in between").click();
    harness.run();
    harness.get_by_label("first folder").click();
    harness.run();
    let go = [5, 0, 1].map(BreadcrumbEvent::Go);
    assert_eq!(harness.state().as_slice(), go);
}
