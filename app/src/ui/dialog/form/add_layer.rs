//! Adding a layer to a stack: an open filesystem, or what is at a path.

use std::path::Path;

use egui::{Button, RadioButton, Ui};
use fs_backends::location::{Kind, Location};
use fs_core::ops::FsRef;

use super::fields::{error_ui, label_ui, path_ui, typed};
use super::{Weight, button_ui, buttons_ui, cancel_ui, check_ui, header_ui};
use crate::command::{Command, FsCommand, Pick, WindowCommand};
use crate::state::FsInfo;
use crate::state::filesystem::place_of;
use crate::state::layers::{LayersEdit, NewLayer};
use crate::theme::FsKind;
use crate::ui::drafts::Form;
use crate::ui::{Cx, Drafts};

/// The form.
pub(in crate::ui::dialog) fn add_layer_ui(
    ui: &mut Ui,
    cx: &Cx<'_>,
    drafts: &mut Drafts,
    fs: &FsRef,
) {
    let Some(info) = cx.state.filesystems.get(fs) else {
        return cx.send(Command::Window(WindowCommand::CloseDialog));
    };
    header_ui(
        ui,
        Kind::Stack,
        &format!("Add a layer to {}", info.name),
        "It is seen as part of the stack from then on. What it holds stays where it is.",
    );
    let form = &mut drafts.form;
    open_ui(ui, cx, form, fs, info);
    let label = "Folder, or file of a vault, memory filesystem or stack";
    let enter = path_ui(ui, cx, form, label, Pick::Folder);
    if !form.path.is_empty() {
        form.layers.clear();
    }
    label_ui(ui, "Where");
    let top = info.layers.last().map_or("", |layer| &layer.name);
    for (on_top, text) in [
        (false, format!("Under {top}: it is only read")),
        (true, format!("On top of {top}: changes go to it")),
    ] {
        let radio = RadioButton::new(form.on_top == on_top, text);
        if check_ui(ui, true, radio).clicked() {
            form.on_top = on_top;
        }
    }
    error_ui(ui, form);
    let layer = wish(cx, form);
    let on_top = form.on_top;
    buttons_ui(ui, |ui| {
        let ready = layer.is_some();
        let go = button_ui(ui, "Add", Weight::Primary, ready).clicked() || (enter && ready);
        cancel_ui(ui, cx);
        if let (true, Some(layer)) = (go, layer) {
            let edit = LayersEdit::Add(layer, on_top);
            cx.send(Command::Fs(FsCommand::EditLayers(fs.clone(), edit)));
        }
    });
}

/// The open filesystems that are no layer of it yet.
fn open_ui(ui: &mut Ui, cx: &Cx<'_>, form: &mut Form, stack: &FsRef, info: &FsInfo) {
    let is_layer = |fs: &FsRef| {
        let mut of = info.layers.iter();
        of.any(|layer| {
            Location::parse(&layer.location, Path::new("/"))
                .is_ok_and(|location| place_of(&location).fs == *fs)
        })
    };
    let free: Vec<_> = cx
        .state
        .filesystems
        .iter()
        .filter(|(fs, info)| {
            let kept = info.location.host_path().is_some() && info.kind != Kind::Host;
            info.is_open() && kept && *fs != stack && !is_layer(fs)
        })
        .collect();
    if free.is_empty() {
        return;
    }
    label_ui(ui, "Open now");
    ui.horizontal_wrapped(|ui| {
        for (fs, info) in free {
            let chosen = form.layers.contains(fs);
            let icon = FsKind::from(info.kind).icon();
            let button = Button::selectable(chosen, (icon.atom(), &*info.name));
            let button = ui.add(button.frame_when_inactive(true));
            let name = format!("Use {}", info.name);
            if button.accessible_name(&name).clicked() {
                form.path.clear();
                form.layers = vec![fs.clone()];
            }
        }
    });
}

fn wish(cx: &Cx<'_>, form: &Form) -> Option<NewLayer> {
    if let Some(fs) = form.layers.first() {
        let name = cx.state.filesystems.get(fs)?.name.clone();
        return Some(NewLayer::Open(name, fs.clone()));
    }
    typed(form).map(NewLayer::At)
}
