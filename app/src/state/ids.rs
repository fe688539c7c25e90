//! Numbers that name things in the window. They are given out once and never reused while the program runs.

use std::sync::atomic::{AtomicU64, Ordering};

static NEXT: AtomicU64 = AtomicU64::new(1);

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(u64);

        impl $name {
            /// A new one, different from all before.
            #[must_use]
            pub fn fresh() -> Self {
                Self(NEXT.fetch_add(1, Ordering::Relaxed))
            }
        }
    )*};
}

ids! {
    /// A tab.
    TabId;
    /// An operation given to the engine.
    OpId;
    /// A toast.
    ToastId;
    /// One question to the background. An answer that carries an older one than the tab wants is dropped.
    Generation;
}
