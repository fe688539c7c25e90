//! Sorting, filtering, selecting and typing ahead.

use egui::{Key, Modifiers};
use lamina::testing::Window;

fn sample() -> (tempfile::TempDir, Window) {
    let home = tempfile::tempdir().unwrap();
    let window = Window::open(home.path(), &["memory:sample"]);
    (home, window)
}

#[test]
fn headers_sort_and_turn_the_order() {
    let (_home, mut window) = sample();
    window.verb("sort_name");
    assert_eq!(
        window.names(),
        ["Projects", "Notes", "Shopping list", "Read me first.md"]
    );
    window.verb("sort_size");
    assert_eq!(
        window.names(),
        ["Notes", "Projects", "Read me first.md", "Shopping list"]
    );
}

#[test]
fn what_was_typed_in_another_tab_is_no_beginning_of_a_name() {
    let (_home, mut window) = sample();
    window.verb("duplicate_tab");
    window.harness.event(egui::Event::Text("p".to_owned()));
    window
        .harness
        .key_press_modifiers(Modifiers::ALT, Key::Num1);
    for _ in 0..4 {
        window.harness.step();
    }
    window.harness.event(egui::Event::Text("r".to_owned()));
    window.settle();
    assert_eq!(window.cursor().as_deref(), Some("Read me first.md"));
}

#[test]
fn letters_go_to_the_name_that_starts_with_them() {
    let (_home, mut window) = sample();
    window.text("r");
    assert_eq!(window.cursor().as_deref(), Some("Read me first.md"));
    let (_home, mut window) = sample();
    // In one frame: what comes a second later, as it may on a busy machine, begins anew.
    for letter in ["p", "r"] {
        window.harness.event(egui::Event::Text(letter.to_owned()));
    }
    window.settle();
    assert_eq!(window.cursor().as_deref(), Some("Projects"));
    assert_eq!(window.selected(), ["Projects"]);
}

#[test]
fn a_filter_hides_what_does_not_match_and_escape_brings_it_back() {
    let (_home, mut window) = sample();
    window.key(Modifiers::COMMAND, Key::I);
    window.text("read");
    assert_eq!(window.names(), ["Read me first.md"]);
    window.key(Modifiers::NONE, Key::Escape);
    assert_eq!(window.names().len(), 4);
}

#[test]
fn everything_can_be_selected_and_inverted() {
    let (_home, mut window) = sample();
    window.key(Modifiers::COMMAND, Key::A);
    assert_eq!(window.selected().len(), 4);
    assert_eq!(window.tab().selected.folders, 2);
    window.key(Modifiers::COMMAND, Key::Space);
    assert_eq!(window.selected().len(), 3);
    window.verb("invert");
    assert_eq!(window.selected(), ["Notes"]);
}

/// A folder with so many files, `f000` and so on.
fn many(count: usize) -> (tempfile::TempDir, tempfile::TempDir, Window) {
    let (home, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for number in 0..count {
        std::fs::write(folder.path().join(format!("f{number:03}")), "").unwrap();
    }
    let window = Window::open(home.path(), &[folder.path().to_str().unwrap()]);
    (home, folder, window)
}

fn primary(pos: egui::Pos2, pressed: bool, modifiers: Modifiers) -> egui::Event {
    egui::Event::PointerButton {
        pos,
        button: egui::PointerButton::Primary,
        pressed,
        modifiers,
    }
}

/// Pulls a rubber band from the blank part of a row to another place, and holds it.
fn band(window: &mut Window, from: &str, to: egui::Pos2, modifiers: Modifiers) {
    let row = window.rects(from)[0];
    let start = egui::pos2(row.center().x, row.center().y);
    window
        .harness
        .event(egui::Event::ModifiersChanged(modifiers));
    window.harness.event(egui::Event::PointerMoved(start));
    window.harness.step();
    window.harness.event(primary(start, true, modifiers));
    window.harness.step();
    for part in 1..=8 {
        let at = start + (to - start) * (part as f32 / 8.0);
        window.harness.event(egui::Event::PointerMoved(at));
        window.harness.step();
    }
    window.harness.step();
}

fn release(window: &mut Window, at: egui::Pos2) {
    window.harness.event(primary(at, false, Modifiers::NONE));
    window
        .harness
        .event(egui::Event::ModifiersChanged(Modifiers::NONE));
    window.settle();
}

#[test]
fn a_rubber_band_selects_the_rows_it_touches_and_escape_gives_the_old_ones_back() {
    let (_home, _folder, mut window) = many(20);
    let to = |window: &Window, name: &str| window.rects(name)[0].center() - egui::vec2(60.0, 0.0);
    let end = to(&window, "f004");
    band(&mut window, "f002", end, Modifiers::NONE);
    release(&mut window, end);
    assert_eq!(window.selected(), ["f002", "f003", "f004"]);
    // With Ctrl it turns what it touches.
    let end = to(&window, "f006");
    band(&mut window, "f004", end, Modifiers::COMMAND);
    release(&mut window, end);
    assert_eq!(window.selected(), ["f002", "f003", "f005", "f006"]);
    // With Shift it adds.
    let end = to(&window, "f001");
    band(&mut window, "f000", end, Modifiers::SHIFT);
    assert_eq!(window.selected().len(), 6);
    window.harness.key_press(Key::Escape);
    window.harness.step();
    window.harness.step();
    release(&mut window, end);
    assert_eq!(window.selected(), ["f002", "f003", "f005", "f006"]);
}

#[test]
fn a_rubber_band_scrolls_the_list_at_its_edge() {
    let (_home, _folder, mut window) = many(300);
    let last_seen = |window: &Window| {
        let shown = window.names().into_iter().rev();
        shown.into_iter().find(|name| window.shows(name)).unwrap()
    };
    let before = last_seen(&window);
    let below = egui::pos2(700.0, 790.0);
    band(&mut window, "f002", below, Modifiers::NONE);
    for _ in 0..400 {
        window.harness.step();
    }
    let after = last_seen(&window);
    assert!(after > before, "{after} after {before}");
    let selected = window.selected();
    assert_eq!(selected.first().map(String::as_str), Some("f002"));
    assert!(
        selected.contains(&before),
        "what was scrolled over is selected"
    );
    release(&mut window, below);
    assert!(window.selected().len() >= selected.len());
}

#[test]
fn links_look_and_sort_as_what_they_lead_to_and_broken_ones_say_so() {
    let (home, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("folder")).unwrap();
    std::fs::write(at("a.txt"), "a").unwrap();
    for (name, target) in [
        ("z-link", "folder"),
        ("b-link", "a.txt"),
        ("c-link", "nowhere"),
        ("loop", "loop"),
    ] {
        std::os::unix::fs::symlink(target, at(name)).unwrap();
    }
    let mut window = Window::open(home.path(), &[folder.path().to_str().unwrap()]);
    assert_eq!(
        window.names(),
        ["folder", "z-link", "a.txt", "b-link", "c-link", "loop"]
    );
    let described = |window: &Window, name: &str| {
        use egui_kittest::kittest::{NodeT as _, Queryable as _};
        let node = window.harness.get_by_label(name);
        node.accesskit_node().description().unwrap_or_default()
    };
    for (name, word) in [
        ("z-link", "Link to folder"),
        ("b-link", "Link to file"),
        ("c-link", "Broken link"),
        ("loop", "Broken link"),
    ] {
        let described = described(&window, name);
        assert!(described.contains(word), "{name}: {described}");
    }
    assert_eq!(window.tab().view.counts.folders, 2);
    // A link to a folder opens as a folder.
    window.text("z");
    window.key(Modifiers::NONE, Key::Enter);
    assert!(window.path().ends_with("z-link"));
    assert!(window.names().is_empty());
}

#[test]
fn links_out_of_a_sandbox_say_so_and_are_not_followed() {
    let (home, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("etc")).unwrap();
    for (name, target) in [
        ("out", "/etc"),
        ("up", "../.."),
        ("none", "x"),
        ("in", "etc"),
    ] {
        std::os::unix::fs::symlink(target, at(name)).unwrap();
    }
    let sandbox = format!("vroot:{}", folder.path().display());
    let mut window = Window::open(home.path(), &[&sandbox]);
    for (name, word) in [
        ("out", "Link out of the sandbox"),
        ("up", "Link out of the sandbox"),
        ("none", "Broken link"),
        ("in", "Link to folder"),
    ] {
        use egui_kittest::kittest::{NodeT as _, Queryable as _};
        let node = window.harness.get_by_label(name);
        let described = node.accesskit_node().description().unwrap_or_default();
        assert!(described.contains(word), "{name}: {described}");
    }
    window.text("out");
    window.key(Modifiers::NONE, Key::Enter);
    assert!(window.path().ends_with("/"), "{:?}", window.path());
    assert!(window.mentions("leads outside the sandbox"));
}
