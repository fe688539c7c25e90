//! From keys to commands.
//!
//! The desktop's own shortcuts for the clipboard are switched off (`NativeOptions::clipboard_shortcuts`), so that Ctrl+V with files on the
//! clipboard and Shift+Delete arrive as keys; [`translate`] gives them back to text fields. While a field has the focus, keys that edit text belong
//! to it alone: Ctrl+Z there never undoes an operation on files.

use egui::{Context, Event, Key, KeyboardShortcut, Modifiers, RawInput, Ui, ViewportCommand};

use super::table;
use crate::ui::{Cx, Drafts};

/// Turns the keys of copying, cutting and pasting into the events text fields wait for, while one has the focus. What shortcuts would type, nobody gets.
pub fn translate(ctx: &Context, raw: &mut RawInput) {
    drop_text_of_alt(raw);
    if !ctx.text_edit_focused() {
        return;
    }
    let mut paste = false;
    for event in &mut raw.events {
        let Event::Key {
            key,
            pressed: true,
            modifiers,
            ..
        } = *event
        else {
            continue;
        };
        let (command, shift) = (
            modifiers.command && !modifiers.alt,
            modifiers.shift && !modifiers.command,
        );
        match key {
            Key::C | Key::Insert if command && !modifiers.shift => *event = Event::Copy,
            Key::X if command && !modifiers.shift => *event = Event::Cut,
            Key::Delete if shift => *event = Event::Cut,
            Key::V if command => paste = true,
            Key::Insert if shift => paste = true,
            _ => {}
        }
    }
    if paste {
        ctx.send_viewport_cmd(ViewportCommand::RequestPaste);
    }
}

/// X11 sends a text with keys that are held with Alt: Alt+1 would go to a tab and be the first letter of a name there.
fn drop_text_of_alt(raw: &mut RawInput) {
    // There it is a letter of its own.
    if cfg!(target_os = "macos") {
        return;
    }
    let mut with_alt = false;
    raw.events.retain(|event| {
        let is_its_text = with_alt && matches!(event, Event::Text(_));
        with_alt = matches!(event, Event::Key { pressed: true, modifiers, .. } if modifiers.alt && !modifiers.command);
        !is_its_text
    });
}

/// Gives the commands of the keys that were pressed, and takes the keys away from what is drawn after.
pub fn dispatch(ui: &Ui, cx: &Cx<'_>, drafts: &Drafts) {
    // A dialog, the palette or a menu has the keyboard for itself.
    if cx.state.dialog.is_some() || cx.state.palette || egui::Popup::is_any_open(ui.ctx()) {
        return;
    }
    let in_text = ui.text_edit_focused();
    let focused = ui.memory(|memory| memory.focused().is_some());
    let in_list = drafts.focused_list.is_some() || !focused;
    let mut keys: Vec<(&KeyboardShortcut, &super::Verb)> = table::all()
        .flat_map(|verb| verb.keys.iter().map(move |key| (key, verb)))
        .filter(|(key, _)| reaches(key, in_text, in_list))
        .collect();
    // Ctrl+Shift+Z must not be taken for Ctrl+Z.
    keys.sort_by_key(|(key, _)| std::cmp::Reverse(modifier_count(key.modifiers)));
    for (key, verb) in keys {
        let typing_ahead = drafts.is_typing() && is_plain(key) && types_text(key.logical_key);
        if !typing_ahead && consume(ui, key) {
            give(cx, verb);
        }
    }
    if !in_text {
        clipboard_events(ui, cx);
    }
}

/// Some systems send events instead of keys. On Windows Shift+Delete is a Cut with Shift held: deleting for good must not become cutting.
fn clipboard_events(ui: &Ui, cx: &Cx<'_>) {
    let shift = ui.input(|input| input.modifiers.shift && !input.modifiers.command);
    let mut verbs = Vec::new();
    ui.input_mut(|input| {
        input.events.retain(|event| {
            let verb = match event {
                Event::Cut if shift => "delete",
                Event::Cut => "cut",
                Event::Copy => "copy",
                Event::Paste(_) => "paste",
                _ => return true,
            };
            verbs.push(verb);
            false
        });
    });
    for verb in verbs.into_iter().filter_map(table::get) {
        give(cx, verb);
    }
}

fn give(cx: &Cx<'_>, verb: &super::Verb) {
    if (verb.enabled)(cx.state).is_ok()
        && let Some(command) = (verb.command)(cx.state)
    {
        cx.send(command);
    }
}

/// Takes a key that was pressed out of the input, and the text it would type.
fn consume(ui: &Ui, key: &KeyboardShortcut) -> bool {
    ui.input_mut(|input| {
        let pressed = input.consume_shortcut(key);
        if pressed && is_plain(key) {
            input.events.retain(
                |event| !matches!(event, Event::Text(text) if matches!(text.as_str(), " " | "/")),
            );
        }
        pressed
    })
}

fn is_plain(key: &KeyboardShortcut) -> bool {
    key.modifiers == Modifiers::NONE || key.modifiers == Modifiers::SHIFT
}

fn types_text(key: Key) -> bool {
    matches!(key, Key::Space | Key::Slash)
}

fn is_function_key(key: Key) -> bool {
    key.name()
        .strip_prefix('F')
        .is_some_and(|number| number.parse::<u8>().is_ok())
}

/// Does a key reach the commands, or does it belong to what has the focus?
fn reaches(key: &KeyboardShortcut, in_text: bool, in_list: bool) -> bool {
    if is_function_key(key.logical_key) {
        return !in_text || key.logical_key != Key::F2;
    }
    if is_plain(key) {
        return !in_text && in_list;
    }
    // What a text field does with these is its own affair.
    let edits_text = match key.logical_key {
        Key::A | Key::C | Key::X | Key::V | Key::Z | Key::Y | Key::H | Key::K | Key::U | Key::W => {
            key.modifiers.command
        }
        Key::ArrowLeft | Key::ArrowRight | Key::ArrowUp | Key::ArrowDown => true,
        Key::Home | Key::End | Key::Insert | Key::Delete | Key::Backspace | Key::Enter => true,
        _ => false,
    };
    !(in_text && edits_text)
}

fn modifier_count(modifiers: Modifiers) -> u32 {
    u32::from(modifiers.alt)
        + u32::from(modifiers.shift)
        + u32::from(modifiers.command || modifiers.ctrl)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_key_types_with_alt_is_dropped() {
        let key = |key, modifiers| Event::Key {
            key,
            physical_key: None,
            pressed: true,
            repeat: false,
            modifiers,
        };
        let text = |text: &str| Event::Text(text.to_owned());
        let mut raw = RawInput {
            events: vec![
                key(Key::Num1, Modifiers::ALT),
                text("1"),
                key(Key::R, Modifiers::NONE),
                text("r"),
            ],
            ..RawInput::default()
        };
        translate(&Context::default(), &mut raw);
        let texts = raw.events.iter().filter_map(|event| match event {
            Event::Text(text) => Some(text.as_str()),
            _ => None,
        });
        assert_eq!(texts.collect::<Vec<_>>(), ["r"]);
    }

    #[test]
    fn text_fields_keep_the_keys_that_edit() {
        let key = |modifiers, key| KeyboardShortcut::new(modifiers, key);
        let ctrl = Modifiers::COMMAND;
        for theirs in [Key::Z, Key::Y, Key::C, Key::X, Key::V, Key::A] {
            assert!(!reaches(&key(ctrl, theirs), true, false), "{theirs:?}");
            assert!(reaches(&key(ctrl, theirs), false, true), "{theirs:?}");
        }
        assert!(!reaches(&key(Modifiers::NONE, Key::Delete), true, false));
        assert!(!reaches(&key(Modifiers::SHIFT, Key::Delete), true, false));
        assert!(
            !reaches(&key(Modifiers::NONE, Key::Space), false, false),
            "a focused button"
        );
        assert!(reaches(&key(ctrl, Key::T), true, false));
        assert!(reaches(&key(Modifiers::NONE, Key::F5), true, false));
    }
}
