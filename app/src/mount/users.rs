//! Which programs use a folder: what `/proc` tells of their open files, and of the folders they stand in. Links there are read, never followed, so that
//! nothing is asked of the mounted filesystem itself.

use std::fs;
use std::path::Path;

/// Names of the programs that use `dir` or anything below it, each once, in order; without this one. What the system does not let this user see is missing.
pub fn of(dir: &Path) -> Vec<String> {
    let Ok(processes) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let own = std::process::id().to_string();
    let mut names: Vec<String> = processes
        .flatten()
        .filter(|process| process.file_name().to_str() != Some(&own))
        .filter(|process| uses(&process.path(), dir))
        .filter_map(|process| fs::read_to_string(process.path().join("comm")).ok())
        .map(|name| name.trim_end().to_owned())
        .collect();
    names.sort();
    names.dedup();
    names
}

fn uses(process: &Path, dir: &Path) -> bool {
    let leads = |link: &Path| fs::read_link(link).is_ok_and(|target| target.starts_with(dir));
    if ["cwd", "root", "exe"]
        .iter()
        .any(|name| leads(&process.join(name)))
    {
        return true;
    }
    ["fd", "map_files"].iter().any(|links| {
        fs::read_dir(process.join(links))
            .is_ok_and(|links| links.flatten().any(|link| leads(&link.path())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_stands_in_a_folder_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        assert_eq!(of(&dir), Vec::<String>::new());
        let mut sleeper = std::process::Command::new("sleep")
            .arg("60")
            .current_dir(&dir)
            .spawn()
            .unwrap();
        assert_eq!(of(&dir), ["sleep"]);
        sleeper.kill().unwrap();
        sleeper.wait().unwrap();
        assert_eq!(of(&dir), Vec::<String>::new());
    }
}
