//! Tables of the kernel under `/proc` that change while they are read.
//!
//! The kernel gives a table page by page, some by position: when lines before it go away between two pages, others are passed over. So only a table that
//! stands still is believed to lack something.

/// How often a table is read that changes all the time.
const READS: usize = 64;

/// What `find` finds in the table at `path`; `None`: it is not there. What is not UTF-8, as names of folders may be, is replaced.
pub(crate) fn find<T>(path: &str, find: impl Fn(&str) -> Option<T>) -> Option<T> {
    let mut before = Vec::new();
    for _ in 0..READS {
        let table = std::fs::read(path).ok()?;
        let found = find(&String::from_utf8_lossy(&table));
        if found.is_some() || table == before {
            return found;
        }
        before = table;
    }
    None
}

/// The whole table at `path`; empty where there is none.
pub(crate) fn whole(path: &str) -> Vec<u8> {
    let mut before = Vec::new();
    for _ in 0..READS {
        let table = std::fs::read(path).unwrap_or_default();
        if table == before {
            break;
        }
        before = table;
    }
    before
}
