//! What an operation found before it began: names that are taken, things that can't be kept, items that can't be handled.

use std::sync::Arc;

use egui::Ui;
use fs_core::Metadata;
use fs_core::ops::{Conflict, Decision, Operation, Preflight};

use super::{Weight, button_ui, buttons_ui, default_focus, text_ui, title_ui};
use crate::command::{Command, FileCommand};
use crate::state::OpId;
use crate::theme::{Icon, Type, UiTokens as _, metrics};
use crate::ui::{Cx, Drafts, text};
use crate::widget::{displayable, scroll_list};

/// More conflicts than this are not listed one by one.
const LISTED: usize = 200;

/// The dialog. Nothing has been touched yet.
pub(super) fn preflight_ui(
    ui: &mut Ui,
    cx: &Cx<'_>,
    drafts: &mut Drafts,
    op: OpId,
    preflight: &Arc<Preflight>,
) {
    let Some(running) = cx.state.operations.get(op) else {
        return;
    };
    let color = ui.tokens().warn;
    let count = preflight.conflicts.len();
    let title = match (&running.operation, preflight.conflicts.first()) {
        (_, Some(only)) if count == 1 => format!("“{}” is there already", only.target.label()),
        (_, Some(_)) => format!("{count} names are taken already"),
        (operation, None) => format!("{}?", operation.name()),
    };
    title_ui(ui, Icon::Copy, color, &title);
    facts_ui(ui, &running.operation, preflight);
    if count == 1
        && let Some(conflict) = preflight.conflicts.first()
    {
        sides_ui(ui, conflict);
    } else if count > 1 {
        list_ui(ui, drafts, &preflight.conflicts);
    }
    buttons(ui, cx, drafts, op, preflight);
}

fn facts_ui(ui: &mut Ui, operation: &Operation, preflight: &Preflight) {
    if !preflight.fits() {
        let free = preflight.free_bytes.map(text::size).unwrap_or_default();
        let line = format!(
            "There is not enough room: {} are needed, {free} are free.",
            text::size(preflight.bytes)
        );
        let color = ui.tokens().danger;
        ui.add(egui::Label::new(Type::Body.rich(line).color(color)).wrap());
        text_ui(
            ui,
            "If you go on, it stops when there is no room any more. What does not fit stays where it is, and nothing that is there already is lost.",
        );
    }
    for problem in preflight.problems.iter().take(5) {
        text_ui(
            ui,
            &format!(
                "“{}” stays where it is: {}.",
                problem.source.label(),
                problem.kind
            ),
        );
    }
    if preflight.problems.len() > 5 {
        text_ui(
            ui,
            &format!("{} more stay where they are.", preflight.problems.len() - 5),
        );
    }
    for (loss, items) in &preflight.losses {
        if loss.matters() {
            let items = text::count(*items as usize, "item", "items");
            text_ui(
                ui,
                &format!("The {} of {items} can't be kept there.", loss.text()),
            );
        }
    }
    if !preflight.escaping_links.is_empty() {
        let links = text::count(preflight.escaping_links.len(), "link leads", "links lead");
        text_ui(
            ui,
            &format!("{links} outside the target; copied as they are."),
        );
    }
    if preflight.replaces_for_good {
        text_ui(
            ui,
            "There is no trash there: what is replaced can't be brought back.",
        );
    }
    if preflight.for_good && matches!(operation, Operation::Trash(_)) {
        text_ui(ui, "There is no trash here: this can't be undone.");
    }
}

/// Both sides of one conflict, and in words which is newer and larger.
fn sides_ui(ui: &mut Ui, conflict: &Conflict) {
    let m = metrics();
    let comes = &conflict.source_metadata;
    let there = &conflict.target_metadata;
    text_ui(ui, &comparison(comes, there));
    ui.columns(2, |columns| {
        if let [left, right] = columns {
            side_ui(left, "The one that comes", comes);
            side_ui(right, "The one that is there", there);
        }
    });
    ui.add_space(m.space);
}

fn side_ui(ui: &mut Ui, caption: &str, metadata: &Metadata) {
    let (m, tokens) = (metrics(), ui.tokens());
    egui::Frame::new()
        .fill(tokens.sunken)
        .corner_radius(m.radius)
        .inner_margin(egui::Margin::same(m.pad as i8))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.label(Type::Secondary.rich(caption).color(tokens.muted));
            let size = if metadata.is_dir() {
                "Folder".to_owned()
            } else {
                text::size(metadata.size)
            };
            ui.label(Type::Strong.rich(size));
            ui.label(Type::Secondary.rich(text::exact_time(metadata.mtime)));
        });
}

fn comparison(comes: &Metadata, there: &Metadata) -> String {
    if comes.is_dir() != there.is_dir() {
        return "One is a folder, the other is not: neither can replace the other.".to_owned();
    }
    let age = match comes.mtime.cmp(&there.mtime) {
        std::cmp::Ordering::Greater => "newer",
        std::cmp::Ordering::Less => "older",
        std::cmp::Ordering::Equal => "just as old",
    };
    let size = match comes.size.cmp(&there.size) {
        std::cmp::Ordering::Greater => "larger",
        std::cmp::Ordering::Less => "smaller",
        std::cmp::Ordering::Equal => "just as large",
    };
    format!("The one that comes is {age} and {size}.")
}

/// Each conflict with an answer of its own.
fn list_ui(ui: &mut Ui, drafts: &mut Drafts, conflicts: &[Conflict]) {
    let m = metrics();
    let muted = ui.tokens().muted;
    scroll_list(m.row * m.dialog_rows_few).show(ui, |ui| {
        for (at, conflict) in conflicts.iter().take(LISTED).enumerate() {
            ui.horizontal(|ui| {
                let decision = drafts.decisions.each.get(&conflict.target).copied();
                let mut chosen = decision;
                egui::ComboBox::from_id_salt(("decision", at))
                    .width(m.tab_width_min + m.field)
                    .selected_text(word(chosen))
                    .show_ui(ui, |ui| {
                        for option in [
                            None,
                            Some(Decision::Skip),
                            Some(Decision::Replace),
                            Some(Decision::KeepBoth),
                        ] {
                            let allowed =
                                option != Some(Decision::Replace) || conflict.replaceable();
                            ui.add_enabled_ui(allowed, |ui| {
                                ui.selectable_value(&mut chosen, option, word(option))
                            });
                        }
                    })
                    .response
                    .widget_info(|| {
                        egui::WidgetInfo::labeled(
                            egui::Role::ComboBox,
                            true,
                            format!("Answer for {}", conflict.target.label()),
                        )
                    });
                if chosen != decision {
                    match chosen {
                        Some(answer) => drop(
                            drafts
                                .decisions
                                .each
                                .insert(conflict.target.clone(), answer),
                        ),
                        None => drop(drafts.decisions.each.remove(&conflict.target)),
                    }
                }
                let path = conflict.target.path.display();
                ui.label(conflict.target.label())
                    .on_hover_text(displayable(&path));
                let age = comparison(&conflict.source_metadata, &conflict.target_metadata);
                ui.label(Type::Secondary.rich(age).color(muted));
            });
        }
        if conflicts.len() > LISTED {
            ui.label(
                Type::Secondary
                    .rich(format!("and {} more", conflicts.len() - LISTED))
                    .color(muted),
            );
        }
    });
}

fn word(decision: Option<Decision>) -> &'static str {
    match decision {
        None => "As below",
        Some(Decision::Skip) => "Skip",
        Some(Decision::Replace) => "Replace",
        Some(Decision::KeepBoth) => "Keep both",
        Some(Decision::ReplaceIfNewer) => "Replace if newer",
    }
}

/// The answer for all that have none of their own is the verb of the button.
fn buttons(ui: &mut Ui, cx: &Cx<'_>, drafts: &Drafts, op: OpId, preflight: &Preflight) {
    let many = preflight.conflicts.len() > 1;
    let answer = |decision: Decision| {
        let mut decisions = drafts.decisions.clone();
        decisions.rest = decision;
        cx.send(Command::File(FileCommand::Answer(op, decisions)));
    };
    let replaceable = preflight.conflicts.iter().any(Conflict::replaceable);
    let label = |one: &str, rest: &str| {
        if many {
            rest.to_owned()
        } else {
            one.to_owned()
        }
    };
    buttons_ui(ui, |ui| {
        if preflight.conflicts.is_empty() {
            let weight = match preflight.fits() {
                true => Weight::Primary,
                false => Weight::Plain,
            };
            let go = button_ui(ui, "Go on", weight, true);
            if go.clicked() {
                answer(Decision::Skip);
            }
            if preflight.fits() {
                default_focus(ui, &go);
            }
        } else {
            if button_ui(
                ui,
                &label("Replace", "Replace all"),
                Weight::Danger,
                replaceable,
            )
            .clicked()
            {
                answer(Decision::Replace);
            }
            if many && button_ui(ui, "Replace older", Weight::Plain, replaceable).clicked() {
                answer(Decision::ReplaceIfNewer);
            }
            let keep = button_ui(ui, "Keep both", Weight::Primary, true);
            if keep.clicked() {
                answer(Decision::KeepBoth);
            }
            default_focus(ui, &keep);
            if button_ui(ui, &label("Skip", "Skip all"), Weight::Plain, true).clicked() {
                answer(Decision::Skip);
            }
        }
        let cancel = button_ui(ui, "Cancel", Weight::Plain, true);
        if cancel.clicked() {
            cx.send(Command::File(FileCommand::Cancel(op)));
        }
        default_focus(ui, &cancel);
    });
}
