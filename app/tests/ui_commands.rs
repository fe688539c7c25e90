//! Menus, palette and shortcuts are one table.

use egui::{Key, Modifiers};
use lamina::testing::Window;

#[test]
fn the_palette_finds_and_runs_a_command() {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &["memory:sample"]);
    window.key(Modifiers::COMMAND | Modifiers::SHIFT, Key::P);
    assert!(window.state().palette);
    window.text("two pan");
    window.key(Modifiers::NONE, Key::Enter);
    assert!(!window.state().palette);
    assert!(window.state().workspace.is_split());
}

#[test]
fn the_palette_grows_again_when_more_is_found() {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &["memory:sample"]);
    window.key(Modifiers::COMMAND | Modifiers::SHIFT, Key::P);
    let palette = lamina::theme::global_id("palette");
    let height = |window: &mut Window, text: &str| {
        window.key(Modifiers::COMMAND, Key::A);
        window.text(text);
        let rect = |memory: &egui::Memory| memory.area_rect(palette).unwrap();
        window.harness.ctx.memory(rect).height()
    };
    let many = height(&mut window, "e");
    let one = height(&mut window, "compact rows");
    assert!(many > 3.0 * one, "{many}, {one}");
    assert_eq!(height(&mut window, "e"), many);
}

#[test]
fn disabled_commands_stay_visible_and_do_nothing() {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &[]);
    window.key(Modifiers::NONE, Key::F2);
    window.key(Modifiers::NONE, Key::Delete);
    window.click("Edit");
    assert!(window.mentions("Rename") || window.mentions("Undo"));
}

#[test]
fn nothing_repaints_while_nothing_changes() {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &["memory:sample"]);
    window.settle();
    let delay = window
        .harness
        .output()
        .viewport_output
        .values()
        .map(|viewport| viewport.repaint_delay)
        .min();
    assert!(
        delay.is_none_or(|delay| delay.as_secs() > 1),
        "asked to repaint after {delay:?}"
    );
}

#[test]
fn the_keyboard_shows_what_has_the_focus_and_the_pointer_hides_it() {
    use egui::{Key, Modifiers, Shape};
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &["memory:scratch"]);
    window.verb("new_vault");
    let ringed = |window: &Window, button: &str| {
        let around = window.rects(button)[0];
        let shapes = &window.harness.output().shapes;
        shapes.iter().any(|clipped| {
            matches!(&clipped.shape, Shape::Rect(rect) if rect.stroke.width == 2.0
                && rect.rect.contains_rect(around)
                && rect.rect.width() < around.width() + 10.0)
        })
    };
    // The path, the button beside it, the tick, two passwords, and what cancels.
    for _ in 0..16 {
        if ringed(&window, "Cancel") {
            break;
        }
        window.key(Modifiers::NONE, Key::Tab);
    }
    assert!(ringed(&window, "Cancel"), "by Tab it is reached, and seen");
    window.click("Lock it with a password");
    assert!(!ringed(&window, "Cancel"));
    assert!(!ringed(&window, "Lock it with a password"));
}
