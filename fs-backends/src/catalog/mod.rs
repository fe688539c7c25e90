//! Nodes, names and extended attributes in one SQLite database: what a vault and a store have in common.
//!
//! [`Database`] owns the file: its lock, its key, a pool of readers and the one writer, whose commits are shared by whoever
//! waits. [`CatalogStore`] is a [`NodeStore`](crate::virtual_fs::NodeStore) on it, for any content that can live beside or inside the database.
//! The tables are described in `FORMAT.md`.

mod connect;
mod counters;
mod create;
mod database;
mod error;
mod failed_read;
mod glance;
pub(crate) mod holder;
mod horizon;
mod host_calls;
mod keeper;
mod key;
mod lock;
mod log;
mod maintenance;
mod names;
mod notes;
mod old;
mod opening;
mod owner;
mod read;
mod readers;
mod record;
mod salvage;
mod schema;
mod store;
mod sums;
mod write;
mod writer;

pub use connect::CipherPages;
pub use database::Durability;

pub(crate) use create::{NewDatabase, PLAIN_PAGE_BYTES, create};
#[cfg(test)]
pub(crate) use database::OpenRequest;
pub(crate) use database::{Database, Secret};
pub(crate) use error::{corrupted, from_sql};
pub(crate) use glance::{Glance, glance};
pub(crate) use key::{Key, derive_bytes};
pub(crate) use maintenance::{About, Finding, Fix, Inspection, Leftover, stops};
pub(crate) use opening::{Opening, opening_methods};
pub(crate) use read::content_row;
pub(crate) use salvage::{BlobRow, Wreck, damage};
pub(crate) use schema::{ChunkSum, Format, Meta};
pub(crate) use store::{CatalogContent, CatalogStore, OutsideCounts};
pub(crate) use sums::{RowSum, Sums, Table, chunk_sum};
#[cfg(test)]
pub(crate) use sums::{tamper, tamper_with};
pub(crate) use write::{change_content, insert_content};
