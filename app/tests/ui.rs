//! The window, driven from outside: one module per feature, one harness ([`lamina::testing`]), no screen.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test may panic, and looks at the disk itself"
)]

mod ui_care;
mod ui_commands;
mod ui_drag;
mod ui_file_dialog;
mod ui_filesystems;
mod ui_layers;
mod ui_list;
#[cfg(all(feature = "mount", target_os = "linux"))]
mod ui_mount;
mod ui_navigate;
mod ui_operations;
mod ui_properties;
mod ui_read_only;
mod ui_recovery;
mod ui_salvage;
mod ui_search;
mod ui_snapshots;
mod ui_tabs;
