//! Reusable widgets: they know the design tokens and nothing of filesystems. Each takes plain data, returns what the user
//! did, and has an accessible name.

pub mod breadcrumb;
mod button;
mod elide;
mod galley_cache;
mod kind_mark;
pub mod path_field;
mod progress;
pub mod rows;
mod scroll_list;
mod search_field;
mod selection;
pub mod tab_strip;
mod toast;

pub use button::{IconButton, icon_button};
pub use elide::{displayable, elided, elided_start};
pub use kind_mark::kind_mark;
pub use progress::progress_bar;
pub use scroll_list::scroll_list;
pub use search_field::search_field;
pub use selection::select_all;
pub use toast::{ToastClick, toast_ui};
