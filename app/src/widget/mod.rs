//! Reusable widgets: they know the design tokens and nothing of filesystems. Each takes plain data, returns what the user
//! did, and has an accessible name.

pub mod breadcrumb;
pub mod button;
mod chip;
mod elide;
mod galley_cache;
pub mod progress;
pub mod rows;
mod search_field;
pub mod tab_strip;
pub mod toast;

pub use button::{IconButton, icon_button};
pub use chip::{kind_chip, kind_mark};
pub use elide::{displayable, elided};
pub use search_field::search_field;
