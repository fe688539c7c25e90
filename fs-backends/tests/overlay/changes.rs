//! What the top layer changed, and bringing back what it deleted, in both ways of keeping marks.

use std::sync::Arc;

use fs_backends::MemoryBackend;
use fs_core::extensions::{Deletions, Difference, Layers};
use fs_core::{Backend, Capabilities, ErrorKind, Overlay, SetAttr};

use crate::limited::Limited;
use crate::support::{Shell, at, dump};

type Changed = Overlay<Arc<MemoryBackend>, Arc<dyn Backend>>;

/// Runs `check` on an overlay whose marks are device nodes, and on one whose marks are files.
fn in_both_forms(fill: impl Fn(&MemoryBackend), check: impl Fn(&Changed)) {
    let plain: Arc<dyn Backend> = Arc::new(MemoryBackend::new());
    let limited: Arc<dyn Backend> = Arc::new(Limited {
        inner: Arc::new(MemoryBackend::new()),
        without: Capabilities::SPECIAL_FILES,
        boasts: false,
    });
    for upper in [plain, limited] {
        let base = Arc::new(MemoryBackend::new());
        fill(&base);
        let before = dump(&*base);
        check(&Overlay::new(base.clone(), upper));
        assert_eq!(dump(&*base), before, "the base changed");
    }
}

fn sample(base: &MemoryBackend) {
    base.mkdir("/d");
    base.put("/d/e", "e");
    base.put("/d/.wh.odd", "a name like a mark");
    base.put("/f", "f");
    base.put("/g", "g");
}

fn layers(fs: &Changed) -> &dyn Layers {
    fs.extensions().layers.unwrap()
}

fn deletions(fs: &Changed) -> &dyn Deletions {
    fs.extensions().deletions.unwrap()
}

fn changes(fs: &Changed, dir: &str) -> Vec<(String, Difference)> {
    let all = layers(fs).changes(&at(dir)).unwrap().into_iter();
    all.map(|change| (change.name.display().into_owned(), change.difference))
        .collect()
}

fn deleted(fs: &Changed, dir: &str) -> Vec<String> {
    let all = layers(fs).deleted(&at(dir)).unwrap().into_iter();
    all.map(|gone| gone.name.display().into_owned()).collect()
}

#[test]
fn changes_name_what_the_top_layer_did() {
    in_both_forms(sample, |fs| {
        assert_eq!(changes(fs, "/"), []);
        fs.put("/new", "new");
        fs.put("/f", "changed");
        fs.unlink("/g").unwrap();
        fs.unlink("/d/.wh.odd").unwrap();
        let told = |name: &str, difference| (name.to_owned(), difference);
        assert_eq!(
            changes(fs, "/"),
            [
                told("d", Difference::Merged),
                told("f", Difference::Changed),
                told("g", Difference::Deleted),
                told("new", Difference::Added),
            ]
        );
        assert_eq!(changes(fs, "/d"), [told(".wh.odd", Difference::Deleted)]);
        let all = layers(fs).changes(&at("/")).unwrap();
        let sizes: Vec<_> = all
            .iter()
            .map(|change| (change.now.map(|m| m.size), change.below.map(|m| m.size)))
            .collect();
        assert_eq!(
            sizes[1..],
            [(Some(7), Some(1)), (None, Some(1)), (Some(3), None)]
        );
    });
}

#[test]
fn a_deletion_taken_back_leaves_nothing_behind() {
    in_both_forms(sample, |fs| {
        let before = dump(fs);
        fs.unlink("/g").unwrap();
        fs.unlink("/d/.wh.odd").unwrap();
        assert_eq!(deleted(fs, "/d"), [".wh.odd"]);
        deletions(fs).reveal(&at("/g")).unwrap();
        deletions(fs).reveal(&at("/d/.wh.odd")).unwrap();
        assert_eq!(fs.cat("/g"), "g");
        assert_eq!(deleted(fs, "/"), [""; 0]);
        assert_eq!(changes(fs, "/d"), []);
        let names =
            |tree: &std::collections::BTreeMap<String, _>| tree.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&dump(fs)), names(&before));
    });
}

#[test]
fn a_deleted_folder_comes_back_whole() {
    in_both_forms(sample, |fs| {
        fs.rm_r("/d");
        deletions(fs).reveal(&at("/d")).unwrap();
        assert_eq!(fs.ls("/d"), [".wh.odd", "e"]);
        deletions(fs).conceal(&at("/d")).unwrap();
        assert!(!fs.exists("/d"));
        assert_eq!(fs.error("/d/e"), ErrorKind::NotFound);
        deletions(fs).reveal(&at("/d")).unwrap();
        assert_eq!(fs.cat("/d/e"), "e");
    });
}

#[test]
fn revealing_and_concealing_refuse_what_they_would_lose() {
    in_both_forms(sample, |fs| {
        let kind = |result: fs_core::Result<()>| result.unwrap_err().kind();
        let marks = deletions(fs);
        assert_eq!(kind(marks.reveal(&at("/f"))), ErrorKind::AlreadyExists);
        assert_eq!(kind(marks.reveal(&at("/none"))), ErrorKind::NotFound);
        assert_eq!(kind(marks.conceal(&at("/none"))), ErrorKind::NotFound);
        assert_eq!(kind(marks.conceal(&at("/"))), ErrorKind::IsRoot);
        fs.put("/f", "mine");
        assert_eq!(kind(marks.conceal(&at("/f"))), ErrorKind::AlreadyExists);
        // A new file where one was deleted: there is no deletion any more, until it goes.
        fs.unlink("/g").unwrap();
        fs.put("/g", "another");
        assert_eq!(kind(marks.reveal(&at("/g"))), ErrorKind::AlreadyExists);
        assert_eq!(deleted(fs, "/"), [""; 0]);
        fs.unlink("/g").unwrap();
        marks.reveal(&at("/g")).unwrap();
        assert_eq!(fs.cat("/g"), "g");
        // What is missing in a folder that replaced another one was not deleted in it.
        fs.rm_r("/d");
        fs.mkdir("/d");
        assert_eq!(deleted(fs, "/d"), [""; 0]);
        assert_eq!(kind(marks.reveal(&at("/d/e"))), ErrorKind::NotFound);
    });
}

#[test]
fn a_read_only_overlay_offers_no_way_to_change_its_deletions() {
    in_both_forms(sample, |fs| {
        fs.set("/f", &SetAttr::mode(0o600)).unwrap();
        let guarded = fs_core::middleware::ReadOnly::new(fs);
        let extensions = guarded.extensions();
        assert!(extensions.layers.is_some() && extensions.deletions.is_none());
    });
}
