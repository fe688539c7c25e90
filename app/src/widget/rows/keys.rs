//! The keys that move in a list; all others are commands.

use egui::{Event, Key, Modifiers, Ui};

use super::{Frame, How, RowsEvent, RowsState};

/// Takes what belongs to the list out of the input of this frame. Call it only while the list has the focus.
pub(super) fn handle(
    ui: &Ui,
    frame: &Frame<'_>,
    state: &mut RowsState,
    events: &mut Vec<RowsEvent>,
) {
    if state.band.is_some() {
        return;
    }
    let mut cursor = frame.rows.cursor;
    let before = events.len();
    ui.input_mut(|input| {
        input.events.retain(|event| match event {
            Event::Key {
                key,
                pressed: true,
                modifiers,
                ..
            } => {
                let Some(what) = on_key(*key, *modifiers, cursor, frame) else {
                    return true;
                };
                if let RowsEvent::Select { row, .. } | RowsEvent::Cursor(row) = what {
                    cursor = Some(row);
                }
                events.push(what);
                false
            }
            Event::Text(text) if !text.chars().any(char::is_control) => {
                events.push(RowsEvent::Typed(text.clone()));
                false
            }
            _ => true,
        });
    });
    if events.len() > before {
        state.keyboard_used = true;
        if let (Some(row), true) = (cursor, cursor != frame.rows.cursor) {
            state.reveal(row);
        }
    }
}

fn on_key(
    key: Key,
    modifiers: Modifiers,
    cursor: Option<usize>,
    frame: &Frame<'_>,
) -> Option<RowsEvent> {
    let last = frame.len.checked_sub(1)?;
    if modifiers.alt {
        return None;
    }
    if key == Key::Space {
        let row = cursor.filter(|_| modifiers.command)?;
        return Some(RowsEvent::Select {
            row,
            how: How::Toggle,
        });
    }
    let page = (frame.visible() as usize).saturating_sub(1).max(1);
    let row = match key {
        Key::ArrowDown => cursor.map_or(0, |row| row + 1),
        Key::ArrowUp => cursor.map_or(last, |row| row.saturating_sub(1)),
        Key::PageDown => cursor.unwrap_or(0) + page,
        Key::PageUp => cursor.unwrap_or(0).saturating_sub(page),
        Key::Home => 0,
        Key::End => last,
        _ => return None,
    };
    let row = row.min(last);
    Some(match (modifiers.shift, modifiers.command) {
        (false, false) => RowsEvent::Select {
            row,
            how: How::Only,
        },
        (true, false) => RowsEvent::Select {
            row,
            how: How::Range,
        },
        (true, true) => RowsEvent::Select {
            row,
            how: How::AddRange,
        },
        (false, true) => RowsEvent::Cursor(row),
    })
}
