//! Several threads at once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::check::{Rng, ensure, noise, same, vpath};
use super::{Case, Check, Failure, Fixture, Level};
use crate::backend::{At, Want};
use crate::capabilities::Capabilities;
use crate::error::ErrorKind;
use crate::file::OpenOptions;

const fn case(id: &'static str, title: &'static str, check: fn(&Fixture) -> Check) -> Case {
    Case::new(Level::Threads, id, title, check)
}

/// Runs `work` on `count` threads, with their numbers; the first failure counts.
fn on_threads(count: usize, work: impl Fn(usize) -> Check + Sync) -> Check {
    std::thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..count).map(|i| scope.spawn(move || work(i))).collect();
        threads.into_iter().try_for_each(|thread| {
            let panicked = |_| Err(Failure::from("a thread panicked".to_owned()));
            thread.join().unwrap_or_else(panicked)
        })
    })
}

/// Runs `work` again and again while `other` runs once.
fn while_running(work: impl Fn() -> Check + Sync, other: impl FnOnce() -> Check) -> Check {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                work()?;
            }
            work()
        });
        let result = other();
        done.store(true, Ordering::Relaxed);
        let panicked = |_| Err(Failure::from("a thread panicked".to_owned()));
        worker.join().unwrap_or_else(panicked).and(result)
    })
}

pub(super) const CASES: &[Case] = &[
    case("T01", "10 threads read one file", |t| {
        let content = noise(100_000, 1);
        t.fs.write("/f", &content)?;
        on_threads(10, |_| {
            (0..t.scale(10, 100))
                .try_for_each(|_| ensure(t.fs.read("/f")? == content, "content differs"))
        })
    }),
    case("T02", "10 threads write files of their own", |t| {
        on_threads(10, |i| {
            (0..t.scale(5, 50)).try_for_each(|round| {
                let content = noise(5_000, (i * 1_000 + round) as u64);
                t.fs.write(format!("/f{i}"), &content)?;
                ensure(t.fs.read(format!("/f{i}"))? == content, "content differs")
            })
        })?;
        same(t.names("/")?.len(), 10)
    }),
    case("T03", "all that race in create_dir_all succeed", |t| {
        (0..t.scale(5, 50)).try_for_each(|round| {
            let path = format!("/r{round}/a/b/c/d");
            on_threads(6, |_| Ok(t.fs.create_dir_all(&path)?))?;
            same(t.names(&format!("/r{round}/a/b/c"))?, ["d"])
        })
    }),
    case(
        "T04",
        "a reader sees one whole version while a file is replaced",
        |t| {
            let versions = [vec![b'a'; 50_000], vec![b'b'; 70_000], vec![b'c'; 1_000]];
            t.fs.write("/f", vec![b'a'; 50_000])?;
            while_running(
                || {
                    let content = t.fs.read("/f")?;
                    ensure(
                        versions.contains(&content),
                        format!("a mix of {} bytes", content.len()),
                    )
                },
                || {
                    (0..t.scale(20, 400)).try_for_each(|i| {
                        let version = versions.get(i % 3).map_or(&[][..], Vec::as_slice);
                        Ok(t.fs.write("/f", version)?)
                    })
                },
            )
        },
    )
    .needs(Capabilities::STAGE.union(Capabilities::ATOMIC_KEEPS_INODE)),
    case("T05", "metadata while a file changes", |t| {
        t.fs.write("/f", b"")?;
        while_running(
            || ensure(t.fs.metadata("/f")?.is_file(), "no file"),
            || (0..t.scale(50, 500)).try_for_each(|_| Ok(t.fs.append("/f", b"x")?)),
        )
    }),
    case("T06", "listing while entries come and go", |t| {
        for i in 0..50 {
            t.fs.write(format!("/stays{i}"), b"")?;
        }
        while_running(
            || {
                let names = t.names("/")?;
                let stays = names.iter().filter(|name| name.starts_with("stays"));
                same(stays.count(), 50)
            },
            || {
                (0..t.scale(50, 500)).try_for_each(|i| {
                    t.fs.write(format!("/comes{i}"), b"")?;
                    if i > 5 {
                        t.fs.remove_file(format!("/comes{}", i - 5))?;
                    }
                    Ok(())
                })
            },
        )
    }),
    case("T07", "many threads do everything at once", |t| {
        t.fs.create_dir("/d")?;
        let threads = t.scale(8, 100);
        on_threads(threads, |i| {
            let mut rng = Rng(i as u64);
            for _ in 0..t.scale(25, 1_000) {
                let (a, b) = (rng.below(12), rng.below(12));
                let (a, b) = (format!("/d/{a}"), format!("/d/{b}"));
                // Each may fail, as others do the same; none may hang, panic or damage.
                match rng.below(9) {
                    0 => drop(t.fs.write(&a, noise(3_000, a.len() as u64))),
                    1 => drop(t.fs.read(&a)),
                    2 => drop(t.fs.rename(&a, &b)),
                    3 => drop(t.fs.remove_file(&a)),
                    4 => drop(t.fs.create_dir(&a)),
                    5 => drop(t.fs.remove_dir(&a)),
                    6 => drop(t.fs.copy(&a, &b)),
                    7 => drop(t.fs.append(&a, b"x")),
                    _ => drop(t.names("/d")),
                }
            }
            Ok(())
        })?;
        let listed = t.listed("/d", &Want::metadata())?;
        for name in listed {
            t.fs.symlink_metadata(format!("/d/{name}"))?;
        }
        t.fs.remove_dir_all("/d")?;
        same(t.names("/")?.len(), 0)
    }),
    case("T08", "appends from several threads lose nothing", |t| {
        t.fs.write("/f", b"")?;
        let (threads, rounds) = (4, t.scale(40, 400));
        on_threads(threads, |i| {
            let path = vpath("/f")?;
            let file = t
                .backend
                .open(At::path(&path), &OpenOptions::read_write())?;
            for round in 0..rounds {
                file.append(format!("{i}:{round:05};").as_bytes())?;
            }
            Ok(())
        })?;
        let text = t.fs.read_to_string("/f")?;
        let mut pieces: Vec<_> = text.split_terminator(';').collect();
        pieces.sort_unstable();
        pieces.dedup();
        same(
            (pieces.len(), text.len()),
            (threads * rounds, threads * rounds * 8),
        )
    }),
    case(
        "T09",
        "a file renamed to and fro has exactly one name at any time",
        |t| {
            t.fs.write("/a", b"content")?;
            while_running(
                || {
                    let names = t.names("/")?;
                    ensure(names.len() == 1, format!("names: {names:?}"))
                },
                || {
                    (0..t.scale(40, 1_000)).try_for_each(|_| {
                        t.fs.rename("/a", "/b")?;
                        Ok(t.fs.rename("/b", "/a")?)
                    })
                },
            )
        },
    )
    .needs(Capabilities::SORTED_LISTING),
    case("T10", "folders moved into each other make no cycle", |t| {
        for round in 0..t.scale(8, 200) {
            t.fs.create_dir_all("/a/x")?;
            t.fs.create_dir_all("/b/y")?;
            let moved = AtomicUsize::new(0);
            on_threads(2, |i| {
                let (from, to) = if i == 0 {
                    ("/a", "/b/y/a")
                } else {
                    ("/b", "/a/x/b")
                };
                match t.fs.rename(from, to) {
                    Ok(()) => drop(moved.fetch_add(1, Ordering::Relaxed)),
                    Err(error) => ensure(
                        matches!(
                            error.kind(),
                            ErrorKind::NotFound | ErrorKind::IntoItself | ErrorKind::InvalidInput
                        ),
                        format!("{error:?}"),
                    )?,
                }
                Ok(())
            })?;
            same(moved.load(Ordering::Relaxed), 1)?;
            let names = t.names("/")?;
            ensure(names.len() == 1, format!("round {round}: {names:?}"))?;
            for name in names {
                t.fs.remove_dir_all(format!("/{name}"))?;
            }
        }
        Ok(())
    }),
    case(
        "T12",
        "of racing creates and removes each is seen by the others in one order",
        |t| {
            let (made, removed) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let path = vpath("/f")?;
            on_threads(4, |i| {
                for _ in 0..t.scale(50, 500) {
                    if i % 2 == 0 {
                        match t
                            .backend
                            .open(At::path(&path), &OpenOptions::create_new(0o644))
                        {
                            Ok(_) => drop(made.fetch_add(1, Ordering::Relaxed)),
                            Err(error) => same(error.kind(), ErrorKind::AlreadyExists)?,
                        }
                    } else {
                        match t.fs.remove_file("/f") {
                            Ok(()) => drop(removed.fetch_add(1, Ordering::Relaxed)),
                            Err(error) => same(error.kind(), ErrorKind::NotFound)?,
                        }
                    }
                }
                Ok(())
            })?;
            let left = usize::from(t.fs.exists("/f")?);
            let (made, removed) = (
                made.load(Ordering::Relaxed),
                removed.load(Ordering::Relaxed),
            );
            same(made, removed + left)
        },
    ),
];
