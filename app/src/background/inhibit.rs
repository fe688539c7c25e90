//! Asks the desktop not to end the session, nor to sleep, while that would stop or lose something.
//!
//! Interface: `org.freedesktop.portal.Inhibit` of the XDG Desktop Portal. The desktop shows the reason to who logs out, who may do it all the same.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_lite::future::block_on;
use parking_lot::{Condvar, Mutex};
use zbus::zvariant::{OwnedObjectPath, Value};
use zbus::{Connection, Proxy};

use super::portal::{NAME, portal, session_bus};

/// What is over sooner than this is not worth a word.
const QUIET: Duration = Duration::from_millis(500);
/// "Log out" and "suspend", as the interface numbers them.
const LOGOUT: u32 = 1;
const SUSPEND: u32 = 4;

/// Why the session should go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// A sentence for people.
    pub reason: String,
    /// Something runs, which sleep would stop too.
    pub awake: bool,
}

/// The latest wish, for the thread that carries it out.
#[derive(Clone, Default)]
pub struct Wish(Arc<(Mutex<Latest>, Condvar)>);

#[derive(Default)]
struct Latest {
    hold: Option<Hold>,
    is_new: bool,
}

impl Wish {
    /// Replaces the wish; never waits.
    pub fn set(&self, hold: Option<Hold>) {
        let (latest, changed) = &*self.0;
        *latest.lock() = Latest { hold, is_new: true };
        changed.notify_one();
    }

    /// The next wish that stood for a moment.
    fn next(&self) -> Option<Hold> {
        let (latest, changed) = &*self.0;
        let mut latest = latest.lock();
        changed.wait_while(&mut latest, |latest| !latest.is_new);
        while std::mem::take(&mut latest.is_new) {
            changed.wait_for(&mut latest, QUIET);
        }
        latest.hold.clone()
    }
}

/// Carries the wishes out, as long as the desktop has a portal that can; ends with the program, which the portal notices.
pub fn follow(wish: &Wish) {
    let mut held: Option<Held> = None;
    loop {
        let hold = wish.next();
        if held.as_ref().map(|held| &held.hold) == hold.as_ref() {
            continue;
        }
        // The new one first: nothing ends the session in between.
        let next = hold.map(|hold| block_on(Held::take(hold)));
        if let Some(old) = held.take()
            && let Err(error) = block_on(old.release())
        {
            tracing::info!("the desktop goes on keeping the session: {error}");
        }
        held = match next.transpose() {
            Ok(held) => held,
            Err(error) => {
                tracing::info!("the desktop does not keep the session: {error}");
                None
            }
        };
    }
}

/// A promise of the desktop.
struct Held {
    hold: Hold,
    bus: Connection,
    handle: OwnedObjectPath,
}

impl Held {
    async fn take(hold: Hold) -> zbus::Result<Self> {
        let bus = session_bus().await?;
        let inhibit = portal(&bus, "org.freedesktop.portal.Inhibit").await?;
        let flags = LOGOUT | if hold.awake { SUSPEND } else { 0 };
        let options = HashMap::from([("reason", Value::from(hold.reason.as_str()))]);
        let handle = inhibit.call("Inhibit", &("", flags, options)).await?;
        Ok(Self { hold, bus, handle })
    }

    async fn release(self) -> zbus::Result<()> {
        let interface = "org.freedesktop.portal.Request";
        let request = Proxy::new(&self.bus, NAME, self.handle, interface).await?;
        request.call("Close", &()).await
    }
}
