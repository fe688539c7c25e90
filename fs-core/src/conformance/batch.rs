//! Many changes at once.

use super::check::{ensure, fails, same, vpath};
use super::{Case, Check, Fixture, Level};
use crate::backend::{At, Change, RenameMode};
use crate::capabilities::Capabilities;
use crate::control::Control;
use crate::error::ErrorKind;
use crate::metadata::{NewNode, SetAttr};

const fn case(id: &'static str, title: &'static str, check: fn(&Fixture) -> Check) -> Case {
    Case::new(Level::Four, id, title, check)
}

pub(super) const CASES: &[Case] = &[
    case("BA01", "changes are made in order", |t| {
        let (a, b, c) = (vpath("/a")?, vpath("/a/b")?, vpath("/c")?);
        let (dir, file) = (NewNode::directory(), NewNode::file());
        let results = t.backend.change_all(&[
            Change::Create(At::path(&a), &dir),
            Change::Create(At::path(&b), &file),
            Change::Rename {
                from: At::path(&a),
                to: At::path(&c),
                mode: RenameMode::Replace,
            },
        ]);
        same(results.len(), 3)?;
        results.into_iter().collect::<crate::Result<()>>()?;
        same(t.names("/c")?, ["b"])
    }),
    case(
        "BA02",
        "a change that fails does not touch its neighbours",
        |t| {
            let paths = ["/a", "/missing/x", "/b", "/a", "/c"];
            let paths = paths
                .map(vpath)
                .into_iter()
                .collect::<crate::Result<Vec<_>>>()?;
            let file = NewNode::file();
            let size = SetAttr::size(5);
            let gone = vpath("/gone")?;
            let mut changes: Vec<_> = paths
                .iter()
                .map(|path| Change::Create(At::path(path), &file))
                .collect();
            changes.push(Change::SetAttr(At::path(&gone), &size));
            let mut results = t.backend.change_all(&changes).into_iter();
            let mut next = || results.next().unwrap_or(Ok(()));
            next()?;
            fails(next(), ErrorKind::NotFound)?;
            next()?;
            fails(next(), ErrorKind::AlreadyExists)?;
            next()?;
            fails(next(), ErrorKind::NotFound)?;
            same(t.names("/")?, ["a", "b", "c"])
        },
    ),
    case(
        "BA03",
        "staged nodes are committed together, each for itself",
        |t| {
            t.fs.write("/taken", b"old")?;
            let mut staged = Vec::new();
            for name in ["/a", "/taken", "/b"] {
                let path = vpath(name)?;
                let mut item = t.backend.stage(At::path(&path), &NewNode::file())?;
                if let Some(file) = item.file() {
                    file.write_at(name.as_bytes(), 0)?;
                }
                staged.push((item, RenameMode::NoReplace));
            }
            let results = t.backend.commit_all(staged);
            same(results.len(), 3)?;
            let mut results = results.into_iter();
            let first = results.next().transpose()?;
            same(first, Some(t.fs.metadata("/a")?.id))?;
            fails(results.next().transpose(), ErrorKind::AlreadyExists)?;
            let last = results.next().transpose()?;
            same(last, Some(t.fs.metadata("/b")?.id))?;
            same(t.fs.read("/b")?, b"/b")?;
            same(t.fs.read("/taken")?, b"old")?;
            same(t.names("/")?, ["a", "b", "taken"])
        },
    )
    .needs(Capabilities::STAGE),
    case("BA04", "nothing to do is done", |t| {
        same(t.backend.change_all(&[]).len(), 0)?;
        same(t.backend.commit_all(Vec::new()).len(), 0)
    }),
    case(
        "BA05",
        "a copy survives that its source is replaced in the same step",
        |t| {
            t.fs.write("/source", b"the source")?;
            let (source, copy) = (vpath("/source")?, vpath("/copy")?);
            let replacing = t.backend.stage(At::path(&source), &NewNode::file())?;
            let mut copied = t.backend.stage(At::path(&copy), &NewNode::file())?;
            ensure(
                copied.fill_from(At::path(&source), &Control::new())?,
                "the backend did not copy",
            )?;
            let mode = RenameMode::Replace;
            for result in t
                .backend
                .commit_all(vec![(replacing, mode), (copied, mode)])
            {
                result?;
            }
            same(t.fs.read("/source")?, b"")?;
            same(t.fs.read("/copy")?, b"the source")
        },
    )
    .needs(Capabilities::STAGE.union(Capabilities::SERVER_SIDE_COPY)),
];
