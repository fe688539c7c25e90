//! Numbers that follow from other rows.

use fs_core::Result;
use fs_core::maintenance::DamageKind;

use super::{About, Finding, Inspection};
use crate::catalog::maintenance::finding::Fix;

/// Links of folders, and of everything else that has a name.
pub(super) fn links(it: &mut Inspection<'_>) -> Result<()> {
    let folders = "SELECT n.ino, n.nlink, 2 + coalesce(s.count, 0) FROM node n LEFT JOIN (SELECT d.parent, count(*) AS count FROM dentry d JOIN node c ON c.ino = d.ino WHERE c.kind = 2 GROUP BY d.parent) s ON s.parent = n.ino WHERE n.kind = 2 AND n.nlink <> 2 + coalesce(s.count, 0)";
    let others = "SELECT n.ino, n.nlink, coalesce(s.count, 0) FROM node n JOIN (SELECT ino, count(*) AS count FROM (SELECT ino FROM dentry UNION ALL SELECT ino FROM trash) GROUP BY ino) s ON s.ino = n.ino WHERE n.kind <> 2 AND n.nlink <> s.count";
    for select in [folders, others] {
        for (ino, links, right) in it.triples(select)? {
            let detail = format!("node {ino} has {right} links and says {links}");
            let fix = Fix::SetLinks(ino, right);
            it.note(Finding::new(DamageKind::LinkCount, About::Node(ino), detail).fixed_by(fix));
        }
    }
    Ok(())
}

/// How many nodes use each content, and that none uses one that does not exist.
pub(super) fn references(it: &mut Inspection<'_>) -> Result<()> {
    let wrong = "SELECT c.id, c.refs, coalesce(s.count, 0) FROM content c LEFT JOIN (SELECT content, count(*) AS count FROM node WHERE content <> 0 GROUP BY content) s ON s.content = c.id WHERE c.refs <> coalesce(s.count, 0)";
    for (id, refs, right) in it.triples(wrong)? {
        let detail = format!("content {id} has {right} users and says {refs}");
        let fix = Fix::SetReferences(id, right);
        it.note(Finding::new(DamageKind::ContentCount, About::Content(id), detail).fixed_by(fix));
    }
    let missing = "SELECT ino, content, 0 FROM node WHERE content <> 0 AND content NOT IN (SELECT id FROM content)";
    for (ino, content, _) in it.triples(missing)? {
        let detail = format!("its content ({content}) is gone");
        it.note(Finding::new(
            DamageKind::ContentMissing,
            About::Node(ino),
            detail,
        ));
    }
    Ok(())
}

/// Numbers that the counters would give out again.
pub(super) fn counters(it: &mut Inspection<'_>) -> Result<()> {
    for (key, used) in [
        (
            "next_ino",
            "SELECT max(coalesce(max(ino), 0), coalesce((SELECT max(id) FROM trash), 0)) FROM node",
        ),
        ("next_content", "SELECT coalesce(max(id), 0) FROM content"),
    ] {
        let next = it.numbers(&format!("SELECT value FROM meta WHERE key = '{key}'"))?;
        let used = it.numbers(used)?.first().copied().unwrap_or(0);
        if next.first().is_none_or(|&next| next <= used) {
            let detail = format!("{key} would give out {used} again");
            let fix = Fix::SetCounter(key, used.saturating_add(1));
            it.note(Finding::new(DamageKind::Counter, About::Whole, detail).fixed_by(fix));
        }
    }
    Ok(())
}
