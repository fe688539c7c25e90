//! What came of looking after a vault or store.

use egui::{Label, Ui};
use fs_core::maintenance::{Damage, DamageKind, Reclaimed};
use fs_core::ops::FsRef;

use super::super::{Weight, button_ui, default_focus, text_ui};
use super::order;
use crate::command::{CareCommand, CarePart, Command, FileCommand, FsCommand};
use crate::state::care::{Care, Found, Outcome, Task, Work};
use crate::theme::{Icon, Type, UiTokens as _, metrics};
use crate::ui::view_state::SALVAGE;
use crate::ui::{Cx, error_sentence, text};
use crate::widget::scroll_list;

/// What came of the last job; `part`: whether repairing is being asked about.
pub(super) fn outcome_ui(ui: &mut Ui, cx: &Cx<'_>, fs: &FsRef, care: &Care, part: CarePart) {
    let ok = ui.tokens().ok;
    match &care.outcome {
        None | Some(Outcome::Checked(_)) => {}
        Some(Outcome::Compacted(reclaimed)) => {
            headline_ui(ui, Icon::Success, ok, &compacted(*reclaimed));
        }
        Some(Outcome::Collected(reclaimed)) => {
            headline_ui(ui, Icon::Success, ok, &collected(*reclaimed));
        }
        Some(Outcome::BackedUp(path)) => {
            headline_ui(ui, Icon::Success, ok, "Backed up");
            text_ui(ui, &path.display().to_string());
        }
        Some(Outcome::PasswordChanged) => {
            headline_ui(
                ui,
                Icon::Success,
                ok,
                "The new password opens it from now on",
            );
        }
        // Its own dialog tells.
        Some(Outcome::Salvaged(..)) => {}
        Some(Outcome::Stopped(task)) => {
            let muted = ui.tokens().muted;
            let line = format!("{} was stopped. Nothing is lost.", task.running());
            headline_ui(ui, Icon::Stop, muted, &line);
        }
        Some(Outcome::Failed(task, error)) => {
            let danger = ui.tokens().danger;
            let mut line = error_sentence(task.failed(), error);
            if *task == Task::Backup {
                line.push_str(". What was there before is untouched");
            }
            headline_ui(ui, Icon::Error, danger, &line);
        }
    }
    let is_check = matches!(&care.outcome, Some(Outcome::Checked(_)));
    // What is damaged stays in sight until another check says otherwise.
    if let Some(found) = &care.found
        && (is_check || found.serious > 0)
    {
        checked_ui(ui, cx, fs, care, found, part);
    } else if care.is_damaged() {
        text_ui(
            ui,
            "Part of it is not what was written. A check tells what, and what can be repaired.",
        );
        ui.horizontal(|ui| salvage_ui(ui, cx, fs));
    }
}

/// The way to a copy of all that is not damaged.
fn salvage_ui(ui: &mut Ui, cx: &Cx<'_>, fs: &FsRef) {
    if button_ui(ui, SALVAGE, Weight::Plain, true).clicked() {
        cx.send(Command::Fs(FsCommand::AskSalvage(fs.clone())));
    }
}

pub(in crate::ui::dialog) fn headline_ui(
    ui: &mut Ui,
    icon: Icon,
    color: egui::Color32,
    line: &str,
) {
    ui.horizontal(|ui| {
        icon.show(ui, metrics().icon_large, color);
        ui.add(Label::new(Type::Strong.rich(line)).wrap());
    });
}

fn compacted(reclaimed: Reclaimed) -> String {
    match (reclaimed.files, reclaimed.bytes) {
        (0, 0) => "There was no unused space to give back".to_owned(),
        (0, bytes) => format!("{} given back", text::size(bytes)),
        (files, bytes) => format!(
            "{} given back, {} removed that belonged to nothing",
            text::size(bytes),
            text::count(files as usize, "file", "files")
        ),
    }
}

fn collected(reclaimed: Reclaimed) -> String {
    if reclaimed == Reclaimed::default() {
        return "There was no garbage to collect".to_owned();
    }
    format!(
        "{} removed that belonged to nothing, {} given back",
        text::count(reclaimed.files as usize, "blob", "blobs"),
        text::size(reclaimed.bytes)
    )
}

fn checked_ui(ui: &mut Ui, cx: &Cx<'_>, fs: &FsRef, care: &Care, found: &Found, part: CarePart) {
    let (ok, warn, danger) = (ui.tokens().ok, ui.tokens().warn, ui.tokens().danger);
    let harmless = found.checked.damages.saturating_sub(found.serious) as usize;
    if found.repaired > 0 {
        let repaired = text::count(found.repaired as usize, "thing was", "things were");
        headline_ui(ui, Icon::Success, ok, &format!("{repaired} repaired"));
    }
    match (found.serious as usize, harmless) {
        (0, 0) => headline_ui(ui, Icon::Success, ok, "No damage found"),
        (0, left) => {
            let left = text::count(left, "leftover takes", "leftovers take");
            let line = format!("No damage; {left} some space");
            headline_ui(ui, Icon::Info, warn, &line);
        }
        (n, _) => {
            let line = text::count(n, "thing is damaged", "things are damaged");
            headline_ui(ui, Icon::Warning, danger, &line);
        }
    }
    text_ui(ui, &looked_at(found));
    if found.damages.is_empty() {
        return;
    }
    let m = metrics();
    let share = ui.content_rect().height() * m.layers_share;
    // The buttons below stay in sight.
    let below = 2.0 * m.menu + 5.0 * m.gap + 2.0 * m.pad;
    let room = ui.content_rect().bottom() - ui.cursor().top() - below;
    scroll_list(room.min(share).max(m.dialog_list_min)).show(ui, |ui| {
        for damage in &found.damages {
            damage_ui(ui, damage);
        }
        if found.unlisted() > 0 {
            text_ui(ui, &format!("and {} more", text::grouped(found.unlisted())));
        }
    });
    repair_ui(ui, cx, fs, care, found, part);
}

fn looked_at(found: &Found) -> String {
    let nodes = text::count(found.checked.nodes as usize, "item", "items");
    let bytes = text::size(found.checked.content_bytes);
    let unproved = match found.checked.unproved as usize {
        0 => String::new(),
        n => {
            let files = text::count(n, "file has", "files have");
            format!(" {files} no checksum yet: still being written, or left by a kill.")
        }
    };
    format!("{nodes} looked at, {bytes} of content compared with its checksums.{unproved}")
}

/// One thing that is wrong: where, what, and what would be done about it.
fn damage_ui(ui: &mut Ui, damage: &Damage) {
    let tokens = ui.tokens();
    let color = if damage.kind.is_harmless() {
        tokens.text
    } else {
        tokens.danger
    };
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = metrics().space / 2.0;
        if let Some(path) = &damage.path {
            let path = Type::Strong.rich(path.display()).color(color);
            ui.add(Label::new(path).truncate());
            ui.add(Label::new(Type::Body.rich(what(damage))).wrap());
        } else {
            let detail = Type::Strong.rich(what(damage)).color(color);
            ui.add(Label::new(detail).wrap());
        }
        let repair = match &damage.repair {
            Some(repair) => format!("Repair: {repair}"),
            None => "Nothing can be done about it here; a backup may have it".to_owned(),
        };
        let repair = Type::Secondary.rich(repair).color(tokens.muted);
        ui.add(Label::new(repair).wrap());
    });
    ui.add_space(metrics().space);
}

/// What is wrong, in words; what the engine calls it follows.
fn what(damage: &Damage) -> String {
    let words = match damage.kind {
        DamageKind::ContentMissing => "Part of its content is gone",
        DamageKind::ContentChanged => "Part of its content is not what was written",
        DamageKind::Unreachable => "A file or folder that is in no folder any more",
        _ => return text::sentence_case(&damage.detail),
    };
    format!("{words} ({})", damage.detail)
}

fn repair_ui(ui: &mut Ui, cx: &Cx<'_>, fs: &FsRef, care: &Care, found: &Found, part: CarePart) {
    let info = cx.state.filesystems.get(fs);
    let read_only = info.is_some_and(|info| info.read_only);
    let plan = if read_only { Vec::new() } else { care.plan() };
    if part == CarePart::Repair && !plan.is_empty() {
        text_ui(
            ui,
            "What stands behind “Repair” is done, all of it in one step, and nothing else. It can't be undone: make a backup first.",
        );
        // Not where the button was that led here, with the focus it had.
        ui.push_id("plan", |ui| {
            ui.horizontal(|ui| {
                if button_ui(ui, "Repair now", Weight::Danger, true).clicked() {
                    order(cx, fs, CareCommand::Do(Work::Repair(plan)));
                }
                let backup = button_ui(ui, "Back up first…", Weight::Plain, true);
                if backup.clicked() {
                    order(cx, fs, CareCommand::Show(CarePart::Backup));
                }
                default_focus(ui, &backup);
                if button_ui(ui, "Not now", Weight::Plain, true).clicked() {
                    order(cx, fs, CareCommand::Show(CarePart::Outcome));
                }
            })
        });
        return;
    }
    ui.horizontal(|ui| {
        if !plan.is_empty() {
            let label = format!("Repair {}…", text::grouped(plan.len() as u64));
            if button_ui(ui, &label, Weight::Plain, true).clicked() {
                order(cx, fs, CareCommand::Show(CarePart::Repair));
            }
        }
        if found.serious > 0 {
            salvage_ui(ui, cx, fs);
        }
        if button_ui(ui, "Copy list", Weight::Plain, true).clicked() {
            let lines: Vec<String> = found.damages.iter().map(ToString::to_string).collect();
            cx.send(Command::File(FileCommand::CopyText(lines.join("\n"))));
        }
    });
}
