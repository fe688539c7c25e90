//! Changes from outside.

use std::sync::mpsc;
use std::time::Duration;

use fs_backends::VRootFsBackend;
use fs_core::extensions::WatchEvent;
use fs_core::{Backend, VPath};

use super::Host;

#[test]
fn changes_from_outside_are_told_by_name() {
    let host = Host::new();
    std::fs::create_dir(host.host("d")).unwrap();
    let sandbox = VRootFsBackend::new(host.dir.path()).unwrap();
    let (tell, told) = mpsc::channel();
    let watch = host.backend.extensions().watch.unwrap();
    let of_host = tell.clone();
    let sink = move |event| of_host.send(("host", event)).unwrap_or_default();
    let first = watch
        .watch(&host.at("d"), std::sync::Arc::new(sink))
        .unwrap();
    let sink = move |event| tell.send(("sandbox", event)).unwrap_or_default();
    let dir = VPath::new("/d").unwrap();
    let watch = sandbox.extensions().watch.unwrap();
    let second = watch.watch(&dir, std::sync::Arc::new(sink)).unwrap();
    std::fs::write(host.host("d/new"), b"x").unwrap();
    let mut seen = Vec::new();
    while seen.len() < 2 {
        let (who, event) = told.recv_timeout(Duration::from_secs(20)).unwrap();
        let WatchEvent::Changed(names) = event else {
            panic!("{event:?}");
        };
        assert_eq!(names[0].as_os_str(), "new");
        if !seen.contains(&who) {
            seen.push(who);
        }
    }
    drop(second);
    std::fs::remove_file(host.host("d/new")).unwrap();
    std::fs::remove_dir(host.host("d")).unwrap();
    loop {
        let (who, event) = told.recv_timeout(Duration::from_secs(20)).unwrap();
        if who == "host" && event == WatchEvent::Gone {
            break;
        }
    }
    drop(first);
}
