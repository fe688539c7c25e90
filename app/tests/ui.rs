//! The window, driven from outside: one module per feature, one harness ([`lamina::testing`]), no screen.

mod ui_commands;
mod ui_drag;
mod ui_filesystems;
mod ui_list;
mod ui_navigate;
mod ui_operations;
mod ui_tabs;
