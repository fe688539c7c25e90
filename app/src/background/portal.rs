//! The desktop's portal: whether it has a file dialog, and what it says of colours and motion.
//!
//! The D-Bus library is the one that speaks to screen readers already; what it does is waited for here, on threads that have nothing else to do.
//!
//! Interfaces: `org.freedesktop.portal.FileChooser` and `org.freedesktop.portal.Settings` of the XDG Desktop Portal.

use std::collections::HashMap;
use std::time::Duration;

use futures_lite::StreamExt as _;
use futures_lite::future::block_on;
use zbus::proxy::CacheProperties;
use zbus::zvariant::{OwnedValue, Value};
use zbus::{Connection, Proxy, connection, proxy};

use super::message::Event;
use super::outbox::Outbox;
use crate::state::Appearance;

pub(super) const NAME: &str = "org.freedesktop.portal.Desktop";
const PATH: &str = "/org/freedesktop/portal/desktop";
/// Nobody waits longer for an answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Settings all desktops have.
const APPEARANCE: &str = "org.freedesktop.appearance";
/// Those of desktops that have not all of the others yet.
const INTERFACE: &str = "org.gnome.desktop.interface";

/// Is a portal with a file dialog on the session bus, or can it be started?
pub fn has_file_dialog() -> bool {
    let version = async || -> zbus::Result<u32> {
        let bus = session_bus().await?;
        let chooser = portal(&bus, "org.freedesktop.portal.FileChooser").await?;
        chooser.get_property("version").await
    };
    block_on(version()).is_ok()
}

/// Tells what the desktop says of colours and motion, now and whenever it changes. Returns when there is no portal, or it is gone for good.
pub fn follow_appearance(outbox: &Outbox) {
    if let Err(error) = block_on(follow(outbox)) {
        tracing::info!("no settings of the desktop: {error}");
    }
}

async fn follow(outbox: &Outbox) -> zbus::Result<()> {
    let bus = session_bus().await?;
    let settings = portal(&bus, "org.freedesktop.portal.Settings").await?;
    // Listen first, so that no change falls between.
    let mut changes = settings.receive_signal("SettingChanged").await?;
    let mut reading = Reading::default();
    let all: HashMap<String, HashMap<String, OwnedValue>> = settings
        .call("ReadAll", &(vec![APPEARANCE, INTERFACE],))
        .await?;
    for (namespace, settings) in &all {
        for (key, value) in settings {
            reading.take(namespace, key, value);
        }
    }
    outbox.send(Event::Appearance(reading.appearance()));
    while let Some(change) = changes.next().await {
        let body = change.body();
        let (namespace, key, value): (&str, &str, Value<'_>) = body.deserialize()?;
        let before = reading.appearance();
        reading.take(namespace, key, &value);
        if reading.appearance() != before {
            outbox.send(Event::Appearance(reading.appearance()));
        }
    }
    Ok(())
}

/// What has been read so far.
#[derive(Clone, Copy, Debug, Default)]
struct Reading {
    dark: Option<bool>,
    reduced: bool,
    still: bool,
}

impl Reading {
    /// Notes a setting, if it is of interest.
    fn take(&mut self, namespace: &str, key: &str, value: &Value<'_>) {
        match (namespace, key, value) {
            // 1 is dark, 2 is light; 0 is "no preference", which desktops show as light.
            (APPEARANCE, "color-scheme", Value::U32(scheme)) => self.dark = Some(*scheme == 1),
            (APPEARANCE, "reduced-motion", Value::U32(reduced)) => self.reduced = *reduced == 1,
            (INTERFACE, "enable-animations", Value::Bool(animated)) => self.still = !animated,
            _ => {}
        }
    }

    fn appearance(self) -> Appearance {
        Appearance {
            dark: self.dark,
            reduced_motion: self.reduced || self.still,
        }
    }
}

pub(super) async fn session_bus() -> zbus::Result<Connection> {
    let bus = connection::Builder::session()?.method_timeout(PATIENCE);
    bus.build().await
}

pub(super) async fn portal(
    bus: &Connection,
    interface: &'static str,
) -> zbus::Result<Proxy<'static>> {
    proxy::Builder::new(bus)
        .destination(NAME)?
        .path(PATH)?
        .interface(interface)?
        .cache_properties(CacheProperties::No)
        .build()
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_the_desktop_are_understood() {
        let mut reading = Reading::default();
        assert_eq!(reading.appearance(), Appearance::default());
        for (scheme, dark) in [(1, true), (2, false), (1, true), (0, false)] {
            reading.take(APPEARANCE, "color-scheme", &Value::U32(scheme));
            assert_eq!(reading.appearance().dark, Some(dark), "{scheme}");
        }
        reading.take(INTERFACE, "enable-animations", &Value::Bool(false));
        assert!(reading.appearance().reduced_motion);
        // A value of another type than the specification says is not believed.
        reading.take(APPEARANCE, "color-scheme", &Value::from("dark"));
        assert_eq!(reading.appearance().dark, Some(false));
    }
}
