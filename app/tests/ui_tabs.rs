//! Tabs and panes.

use egui::{Key, Modifiers};
use lamina::state::{Dialog, FsStatus, PaneId};
use lamina::testing::Window;

#[test]
fn a_second_pane_shows_the_same_folder_and_has_the_keyboard() {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &["memory:sample"]);
    window.key(Modifiers::NONE, Key::F3);
    assert!(window.state().workspace.is_split());
    assert_eq!(window.state().workspace.active_pane(), PaneId::Second);
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.path().to_str(), Some("/Notes"));
    window.key(Modifiers::NONE, Key::F6);
    assert_eq!(window.path().to_str(), Some("/"));
    window.key(Modifiers::NONE, Key::End);
    assert_eq!(window.cursor().as_deref(), Some("Shopping list"));
    window.key(Modifiers::NONE, Key::F3);
    assert!(!window.state().workspace.is_split());
    assert_eq!(window.state().workspace.tabs().count(), 2, "no tab is lost");
}

#[test]
fn tabs_open_close_and_come_back() {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &["memory:sample"]);
    window.key(Modifiers::COMMAND, Key::T);
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.path().to_str(), Some("/Notes"));
    window.key(Modifiers::COMMAND, Key::W);
    assert_eq!(window.path().to_str(), Some("/"));
    window.key(Modifiers::COMMAND | Modifiers::SHIFT, Key::T);
    assert_eq!(window.path().to_str(), Some("/Notes"));
    window.key(Modifiers::COMMAND, Key::Tab);
    assert_eq!(window.path().to_str(), Some("/"));
}

#[test]
fn closing_an_unsaved_memory_filesystem_asks() {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &["memory:scratch"]);
    window.verb("new_folder");
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.names(), ["New folder"]);
    window.key(Modifiers::COMMAND, Key::W);
    assert!(matches!(
        window.state().dialog,
        Some(Dialog::CloseUnsaved(_))
    ));
    window.key(Modifiers::NONE, Key::Escape);
    assert_eq!(window.names(), ["New folder"]);
    window.key(Modifiers::COMMAND, Key::W);
    window.click("Close and lose it");
    assert!(window.tab().place.is_none());
}

#[test]
fn after_a_crash_tabs_come_back_and_lost_content_is_said_to_be_gone() {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &["memory:scratch", "memory:sample"]);
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.path().to_str(), Some("/Notes"));
    // Nothing is closed in order: what is on the disk now is all there will be.
    drop(window);
    let mut window = Window::reopen(home.path());
    assert_eq!(window.path().to_str(), Some("/Notes"));
    window.key(Modifiers::ALT, Key::Num1);
    let tab = window.tab();
    assert!(matches!(
        window.state().fs_of(tab).map(|fs| &fs.status),
        Some(FsStatus::Gone)
    ));
    assert!(window.shows("Its content is gone"));
}

#[test]
fn ctrl_q_asks_while_something_would_be_lost() {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &["memory:scratch"]);
    window.verb("new_folder");
    window.key(Modifiers::NONE, Key::Enter);
    assert!(
        window
            .harness
            .ctx
            .options(|options| options.quit_shortcuts.is_empty()),
        "egui must not quit by itself"
    );
    window.key(Modifiers::COMMAND, Key::Q);
    assert!(matches!(window.state().dialog, Some(Dialog::Quit(_))));
    window.click("Stay");
    window.request_close();
    assert!(matches!(window.state().dialog, Some(Dialog::Quit(_))));
    assert!(!window.state().leaving);
    window.click("Stay");
    assert_eq!(window.names(), ["New folder"]);
}

#[test]
fn keys_copy_and_move_to_the_other_pane() {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &["memory:sample"]);
    window.verb("split");
    window.key(Modifiers::NONE, Key::Enter);
    window.key(Modifiers::NONE, Key::F6);
    window.text("read");
    window.key(Modifiers::SHIFT, Key::F5);
    assert_eq!(window.names().len(), 4);
    window.key(Modifiers::NONE, Key::Home);
    window.key(Modifiers::NONE, Key::ArrowDown);
    window.key(Modifiers::SHIFT, Key::F6);
    assert_eq!(window.names().len(), 3);
    window.key(Modifiers::NONE, Key::F6);
    assert_eq!(
        window.names(),
        ["ideas", "Projects", "Read me first.md", "shopping.txt"]
    );
    window.key(Modifiers::COMMAND, Key::Z);
    assert_eq!(
        window.names(),
        ["ideas", "Read me first.md", "shopping.txt"]
    );
}

#[test]
fn copying_out_of_memory_leaves_nothing_unsaved() {
    let home = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &["memory:sample"]);
    window.key(Modifiers::COMMAND, Key::A);
    window.key(Modifiers::COMMAND, Key::C);
    window.key(Modifiers::COMMAND, Key::L);
    window.text(&format!("host:{}", folder.path().display()));
    window.key(Modifiers::NONE, Key::Enter);
    assert_eq!(window.path(), folder.path());
    window.key(Modifiers::COMMAND, Key::V);
    assert_eq!(
        window.names().len(),
        4,
        "{:?} {:?}",
        window.state().dialog,
        window.state().toasts
    );
    assert!(window.state().filesystems.values().all(|fs| !fs.unsaved));
}

#[test]
fn sort_sizes_and_looks_come_back() {
    use lamina::state::layout::{Resize, WindowPlace};
    use lamina::state::{Column, ThemeChoice};
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), &["memory:sample"]);
    window.verb("split");
    window.verb("sort_size");
    window.verb("hidden");
    let motion = |window: &Window| window.harness.ctx.global_style().animation_time;
    window.verb("theme_light");
    assert_eq!(window.harness.ctx.theme(), egui::Theme::Light);
    window.verb("reduced_motion");
    window.verb("reduced_motion");
    assert!(motion(&window) > 0.0);
    window.verb("reduced_motion");
    assert_eq!(motion(&window), 0.0);
    for resize in [
        Resize::Sidebar(300.0),
        Resize::Preview(400.0),
        Resize::FirstPane(0.3),
        Resize::Column(Column::Size, 140.0),
    ] {
        let resize = lamina::command::WindowCommand::Resize(resize);
        let app = window.harness.state();
        app.send(lamina::command::Command::Window(resize));
    }
    window.settle();
    let root = window.harness.input().viewport_id;
    let place = egui::Rect::from_min_size(egui::pos2(40.0, 50.0), egui::vec2(1000.0, 700.0));
    let viewport = window.harness.input_mut().viewports.get_mut(&root).unwrap();
    viewport.inner_rect = Some(place);
    viewport.outer_rect = Some(place);
    window.settle();
    window.close();

    let window = Window::reopen(home.path());
    let state = window.state();
    assert!(state.workspace.is_split());
    assert_eq!(window.tab().arrange.column, Column::Size);
    let first = state.workspace.other_tab().unwrap();
    assert_eq!(first.arrange.column, Column::Name, "each tab has its own");
    assert!(state.settings.show_hidden && window.tab().arrange.show_hidden);
    assert_eq!(state.settings.theme, ThemeChoice::Light);
    assert_eq!(state.settings.reduced_motion, Some(true));
    let expected = WindowPlace {
        size: [1000.0, 700.0],
        position: Some([40.0, 50.0]),
        maximized: false,
    };
    assert_eq!(state.window, expected);
    // What is drawn has the sizes: the name column of the second pane begins beyond a third of the width.
    let left = window.rects("Name, ascending")[0].left();
    let right = window.rects("Name")[0].left();
    assert!((left - 300.0).abs() < 4.0, "{left}");
    assert!((right - (300.0 + 0.3 * 980.0)).abs() < 8.0, "{right}");
    assert_eq!(window.rects("Size, descending")[0].width(), 140.0);
}

#[test]
fn a_file_that_can_t_be_read_is_set_aside_and_told() {
    for (text, why) in [
        ("(theme: Purple)", "can't be read"),
        ("(version: 99, theme: Dark)", "newer version"),
    ] {
        let home = tempfile::tempdir().unwrap();
        let config = home.path().join("config");
        std::fs::create_dir(&config).unwrap();
        std::fs::write(config.join("settings.ron"), text).unwrap();
        let mut window = Window::reopen(home.path());
        assert!(window.mentions(why), "{text}");
        window.verb("theme_dark");
        window.close();
        let kept = std::fs::read_to_string(config.join("settings.ron.unreadable1")).unwrap();
        assert_eq!(kept, text);
        let window = Window::reopen(home.path());
        assert!(!window.mentions(why), "it is told once");
        assert_eq!(
            window.state().settings.theme,
            lamina::state::ThemeChoice::Dark
        );
    }
}
