//! Reusable widgets: they know the design tokens and nothing of filesystems. Each takes plain data, returns what the user
//! did, and has an accessible name.

mod elide;
mod galley_cache;
pub mod rows;

pub use elide::{displayable, elided};
