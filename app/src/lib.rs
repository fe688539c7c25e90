//! Lamina, the window: state, commands, background work and what is drawn of them.

pub mod app;
pub mod background;
pub mod cli;
pub mod command;
mod display;
#[cfg(all(feature = "mount", target_os = "linux"))]
pub mod mount;
mod signals;
pub mod state;
#[cfg(feature = "testing")]
pub mod testing;
pub mod theme;
pub mod ui;
pub mod widget;

pub use app::{App, Start};
pub use display::{is_wayland, open_window};
