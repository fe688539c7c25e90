//! Lamina, the window: state, commands, background work and what is drawn of them.

pub mod theme;
pub mod widget;
