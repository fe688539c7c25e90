//! Ids of things that exist once in the whole program.

/// The id of the one thing called `name` (a dialog, a panel). Inside a `Ui` use its own `make_persistent_id`.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that makes global ids"
)]
pub fn global_id(name: &'static str) -> egui::Id {
    egui::Id::unique(name)
}
