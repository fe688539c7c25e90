//! Permissions, owner and group: shown, and changed where the filesystem lets one. Of several entries, what differs stays as it is until it is
//! decided.

use egui::{Checkbox, Grid, TextEdit, Ui};
use fs_core::ops::{ModeChange, Place};

use super::{Facts, Type, caption_ui, check_ui, metrics, name_ui};
use crate::state::Generation;
use crate::state::properties::{AttrWish, Grant, Grants};
use crate::theme::UiTokens as _;

/// What is being changed.
pub struct PermissionsDraft {
    generation: Generation,
    grants: Grants,
    has_folders: bool,
    before: Asked,
    asked: Asked,
    octal: String,
    recursive: bool,
}

/// Everything that can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Asked {
    bits: Bits,
    owner: String,
    group: String,
}

/// Permission bits of several entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bits {
    on: u32,
    /// Some have it, some don't, and that shall stay so.
    mixed: u32,
}

const ALL: u32 = 0o7777;

impl Bits {
    fn of(modes: impl Iterator<Item = u32> + Clone) -> Self {
        let all_have = modes.clone().fold(ALL, |bits, mode| bits & mode);
        let some_have = modes.fold(0, |bits, mode| bits | mode) & ALL;
        Self {
            on: all_have & some_have,
            mixed: some_have & !all_have,
        }
    }

    fn set(&mut self, bit: u32, on: bool) {
        self.mixed &= !bit;
        self.on = if on { self.on | bit } else { self.on & !bit };
    }

    /// `755`, `4755`; nothing while some differ.
    fn octal(self) -> String {
        if self.mixed == 0 {
            format!("{:03o}", self.on)
        } else {
            String::new()
        }
    }

    fn change(self) -> ModeChange {
        ModeChange {
            set: self.on,
            clear: ALL & !self.on & !self.mixed,
        }
    }
}

/// The one name all have, with its number; nothing when they differ.
fn common<'a>(mut names: impl Iterator<Item = (u32, Option<&'a String>)>) -> String {
    let Some((number, name)) = names.next() else {
        return String::new();
    };
    if names.any(|(other, _)| other != number) {
        return String::new();
    }
    name.cloned().unwrap_or_else(|| number.to_string())
}

impl PermissionsDraft {
    /// As the entries are.
    pub fn new(generation: Generation, facts: &[&Facts]) -> Self {
        let modes = facts
            .iter()
            .filter(|facts| !facts.metadata.is_symlink())
            .map(|facts| facts.metadata.mode);
        let before = Asked {
            bits: Bits::of(modes),
            owner: common(facts.iter().map(|f| (f.metadata.uid, f.owner.as_ref()))),
            group: common(facts.iter().map(|f| (f.metadata.gid, f.group.as_ref()))),
        };
        // What can't be done to all of them is not offered.
        let least = |grant: fn(&Grants) -> Grant| {
            let grants = facts.iter().map(|facts| grant(&facts.grants));
            grants.min().unwrap_or(Grant::Absent)
        };
        Self {
            generation,
            grants: Grants {
                mode: least(|grants| grants.mode),
                owner: least(|grants| grants.owner),
                group: least(|grants| grants.group),
            },
            has_folders: facts.iter().any(|facts| facts.metadata.is_dir()),
            octal: before.bits.octal(),
            asked: before.clone(),
            before,
            recursive: false,
        }
    }

    /// The question whose answers it began with.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// What shall be changed, if anything.
    pub fn wish(&self, items: &[Place]) -> Option<AttrWish> {
        let changed = |now: &str, before: &str| {
            let now = now.trim();
            (now != before && !now.is_empty()).then(|| now.to_owned())
        };
        let owner = changed(&self.asked.owner, &self.before.owner);
        let group = changed(&self.asked.group, &self.before.group);
        let same_owner = owner.is_none() && group.is_none();
        let mode_asked = self.asked.bits != self.before.bits || self.recursive && same_owner;
        let mode =
            (mode_asked && self.grants.mode == Grant::Change).then(|| self.asked.bits.change());
        (mode.is_some() || !same_owner).then(|| AttrWish {
            items: items.to_vec(),
            mode,
            owner,
            group,
            recursive: self.recursive,
        })
    }
}

/// The part of the dialog.
pub(super) fn permissions_ui(ui: &mut Ui, draft: &mut PermissionsDraft, facts: &[&Facts]) {
    let grants = draft.grants;
    if [grants.mode, grants.owner, grants.group].map(|grant| grant == Grant::Absent) == [true; 3] {
        return;
    }
    caption_ui(ui, "Permissions");
    Grid::new("permissions")
        .num_columns(5)
        .spacing([metrics().pad, metrics().space])
        .show(ui, |ui| {
            if grants.mode != Grant::Absent {
                head_ui(ui, facts);
            }
            name_ui(ui, "Owner");
            who_ui(ui, "Owner", &mut draft.asked.owner, grants.owner);
            bits_ui(ui, draft, "Owner", 0o100);
            name_ui(ui, "Group");
            who_ui(ui, "Group", &mut draft.asked.group, grants.group);
            bits_ui(ui, draft, "Group", 0o010);
            if grants.mode != Grant::Absent {
                name_ui(ui, "Others");
                ui.label("");
                bits_ui(ui, draft, "Others", 0o001);
            }
        });
    if grants.mode != Grant::Absent {
        special_ui(ui, draft);
        octal_ui(ui, draft);
    }
    if draft.has_folders && grants.mode == Grant::Change {
        ui.add_space(metrics().space);
        let all = Checkbox::new(&mut draft.recursive, "Change everything inside, too");
        check_ui(ui, true, all);
    }
    if grants.mode == Grant::Look {
        let muted = ui.tokens().muted;
        ui.label(
            Type::Secondary
                .rich("Only the owner can change permissions")
                .color(muted),
        );
    }
}

fn head_ui(ui: &mut Ui, facts: &[&Facts]) {
    let folders = facts.iter().filter(|facts| facts.metadata.is_dir()).count();
    let third = match folders {
        0 => "Run",
        some if some == facts.len() => "Enter",
        _ => "Run or enter",
    };
    ui.label("");
    ui.label("");
    for title in ["Read", "Write", third] {
        let muted = ui.tokens().muted;
        ui.label(Type::Secondary.rich(title).color(muted));
    }
    ui.end_row();
}

/// A name, or a number where nobody has one.
fn who_ui(ui: &mut Ui, label: &str, text: &mut String, grant: Grant) {
    if grant == Grant::Change {
        let field = TextEdit::singleline(text)
            .hint_text("Different")
            .align(egui::Align2::LEFT_CENTER);
        // A column of a grid is as narrow as it was; a field would shrink with it.
        let size = egui::vec2(metrics().field_short, metrics().control);
        ui.add_sized(size, field).accessible_name(label);
    } else {
        let shown = if text.is_empty() { "Different" } else { text };
        ui.add(egui::Label::new(shown).selectable(true));
    }
}

/// Read, write and execute of one class, the lowest bit of which is `class`.
fn bits_ui(ui: &mut Ui, draft: &mut PermissionsDraft, who: &str, class: u32) {
    if draft.grants.mode != Grant::Absent {
        for (bit, verb) in [(4, "read"), (2, "write"), (1, "run or enter")] {
            bit_ui(ui, draft, class * bit, "", &format!("{who} may {verb}"));
        }
    }
    ui.end_row();
}

/// One bit; half-filled where the entries differ.
fn bit_ui(ui: &mut Ui, draft: &mut PermissionsDraft, bit: u32, label: &str, name: &str) {
    let bits = &mut draft.asked.bits;
    let mut on = bits.on & bit != 0;
    let check = Checkbox::new(&mut on, label).indeterminate(bits.mixed & bit != 0);
    let may = draft.grants.mode == Grant::Change;
    let response = check_ui(ui, may, check).accessible_name(name);
    if response.changed() {
        bits.set(bit, on);
        draft.octal = bits.octal();
    }
}

fn special_ui(ui: &mut Ui, draft: &mut PermissionsDraft) {
    ui.horizontal(|ui| {
        for (bit, name) in [
            (0o4000, "Set user ID"),
            (0o2000, "Set group ID"),
            (0o1000, "Sticky"),
        ] {
            bit_ui(ui, draft, bit, name, name);
        }
    });
}

/// The same as one number.
fn octal_ui(ui: &mut Ui, draft: &mut PermissionsDraft) {
    ui.horizontal(|ui| {
        name_ui(ui, "As a number");
        let field = TextEdit::singleline(&mut draft.octal)
            .font(Type::Mono.style())
            .hint_text("Different")
            .char_limit(4)
            .interactive(draft.grants.mode == Grant::Change)
            .desired_width(metrics().field_octal);
        let response = ui.add(field).accessible_name("Octal permissions");
        if response.changed()
            && let Ok(mode) = u32::from_str_radix(&draft.octal, 8)
        {
            draft.asked.bits = Bits { on: mode, mixed: 0 };
        }
        if response.lost_focus() {
            draft.octal = draft.asked.bits.octal();
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_stays_until_it_is_decided() {
        let mut bits = Bits::of([0o644, 0o755].into_iter());
        assert_eq!((bits.on, bits.mixed), (0o644, 0o111));
        assert_eq!(bits.octal(), "");
        assert_eq!(bits.change().of_item(0o755), 0o755);
        assert_eq!(bits.change().of_item(0o600), 0o644);
        bits.set(0o100, true);
        bits.set(0o011, false);
        assert_eq!(bits.octal(), "744");
        assert_eq!(bits.change().of_item(0o4755), 0o744);
    }
}
