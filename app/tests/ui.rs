//! The window, driven from outside: one module per feature, one harness ([`lamina::testing`]), no screen.

mod ui_list;
mod ui_navigate;
