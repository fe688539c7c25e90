#!/usr/bin/env python3
"""Times real programs on mounted filesystems and on the folder they lie in, in the same rounds, and prints a table in Markdown.

    tests/mount/measure.py [--lamina PROGRAM] [--at FOLDER] [--rounds N] [--systems vault,store] [--only tar,git] [--trees FOLDER...]

Each round runs each workload once on each system, one after the other. Printed are medians: seconds until the program was done (none is told to wait for
the disk but those that do so by themselves), the ratio to the folder in the same round, and seconds of processor time of the program and the server.
Everything is made below --at, which decides what kind of filesystem is compared with, and removed again.
"""

import argparse
import os
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def run(command, at):
    environment = dict(os.environ, GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_SYSTEM="/dev/null", LC_ALL="C")
    done = subprocess.run(["sh", "-ec", command], cwd=at, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if done.returncode != 0:
        sys.exit(f"{command}: {done.stderr.decode(errors='replace')}")


# name: (what makes it ready, untimed; what is timed). $S: the folder with what is copied from.
WORKLOADS = {
    "tar x": ("", "tar -xf $S/trees.tar"),
    "cp -r": ("", "cp -r $S/trees copy"),
    "rsync -a": ("", "rsync -a $S/trees/ copy"),
    "read it all": ("cp -r $S/trees copy", "tar -cf - copy | cat >/dev/null"),
    "find -ls": ("cp -r $S/trees copy", "find copy -ls"),
    "rm -r": ("cp -r $S/trees copy", "rm -r copy"),
    "git clone": ("", "git clone -q --no-local $S/repository clone"),
    "git status": ("git clone -q --no-local $S/repository clone", "git -C clone status --porcelain"),
    "git fsck": ("git clone -q --no-local $S/repository clone", "git -C clone fsck --full"),
    "sqlite3, 20,000 rows": ("", "sqlite3 a.db < $S/rows.sql"),
    "sqlite3, 200 commits": ("", "sqlite3 a.db < $S/commits.sql"),
    "dd 512 MiB": ("", "dd if=/dev/zero of=large bs=1M count=512"),
    "dd 512 MiB, fsync": ("", "dd if=/dev/zero of=large bs=1M count=512 conv=fsync"),
    "dd 32 MiB by 4 KiB": ("", "dd if=/dev/zero of=small bs=4k count=8192"),
    "read 512 MiB": ("dd if=/dev/zero of=large bs=1M count=512", "cat large >/dev/null"),
}


class Folder:
    """The host's own filesystem."""

    def __init__(self, at):
        self.root = at / "folder"
        self.root.mkdir()

    def processor_seconds(self):
        return 0.0

    def close(self):
        pass


class Mounted:
    """A filesystem of Lamina, mounted."""

    def __init__(self, lamina, at, kind):
        at = at / kind.replace(" ", "-")
        self.root = at / "mnt"
        self.root.mkdir(parents=True)
        environment = dict(os.environ, LAMINA_PASSWORD="secret")
        plain = {name: value for name, value in environment.items() if name != "LAMINA_PASSWORD"}

        def new(what, name, environment):
            subprocess.run([lamina, "new", what, name], cwd=at, env=environment, check=True, stdout=subprocess.DEVNULL)

        location = {"memory": "memory:x", "host": "folder", "stack": "s.stack.ron"}.get(kind, "it.db")
        if kind == "host":
            (at / location).mkdir()
        elif kind == "stack":
            new("memory", "base.mem", plain)
            new("vault", "top.db", plain)
            layers = '(name: "base", location: "base.mem"), (name: "top", location: "top.db")'
            (at / location).write_text(f'(name: "s", layers: [{layers}])')
        elif kind != "memory":
            new(kind.split()[-1], location, environment if "encrypted" in kind else plain)
        command = [lamina, "mount", "--foreground", location, "mnt"]
        self.server = subprocess.Popen(command, cwd=at, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        said = self.server.stderr.readline()
        if b"mounted at" not in said:
            sys.exit(said.decode())

    def processor_seconds(self):
        fields = Path(f"/proc/{self.server.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND

    def close(self):
        self.server.send_signal(signal.SIGTERM)
        self.server.wait()


def measure(system, workload, number):
    at = system.root / f"round {number}"
    at.mkdir()
    ready, timed = WORKLOADS[workload]
    if ready:
        run(ready, at)
    os.sync()
    before = resource.getrusage(resource.RUSAGE_CHILDREN), system.processor_seconds(), time.monotonic()
    run(timed, at)
    after = resource.getrusage(resource.RUSAGE_CHILDREN), system.processor_seconds(), time.monotonic()
    used = [usage.ru_utime + usage.ru_stime for usage in (before[0], after[0])]
    shutil.rmtree(at)
    return after[2] - before[2], used[1] - used[0] + after[1] - before[1]


def prepare(at, trees):
    sources = at / "sources"
    (sources / "trees").mkdir(parents=True)
    for tree in trees:
        shutil.copytree(tree, sources / "trees" / Path(tree).name, symlinks=True)
    run("tar -cf trees.tar -C trees .", sources)
    run(f"git clone -q --bare --no-local '{REPOSITORY}' repository", sources)
    rows = "with recursive n(i) as (select 1 union all select i+1 from n where i<20000) insert into t select i, hex(zeroblob(40)) from n;"
    table = "create table t(a integer primary key, b text);\n"
    (sources / "rows.sql").write_text(table + rows)
    (sources / "commits.sql").write_text(table + "insert into t(b) values('some text');\n" * 200)
    os.environ["S"] = str(sources)


def main():
    crates = sorted(Path.home().glob(".cargo/registry/src/*/*"))
    wanted = ("tokio-1", "libc-0", "zerocopy-0", "rustix-1")
    default = [next(iter(sorted(crate for crate in crates if crate.name.startswith(name))), None) for name in wanted]
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--lamina", default=REPOSITORY / "target/release/lamina", type=Path)
    arguments.add_argument("--at", default="/var/tmp", type=Path)
    arguments.add_argument("--rounds", default=3, type=int)
    arguments.add_argument("--systems", default="memory,vault,encrypted vault,store,stack")
    arguments.add_argument("--only", default="", help="workloads whose name begins with one of these")
    arguments.add_argument("--trees", nargs="+", default=[tree for tree in default if tree], type=Path)
    chosen = arguments.parse_args()
    only = tuple(filter(None, chosen.only.split(",")))
    workloads = [name for name in WORKLOADS if not only or name.startswith(only)]
    at = Path(tempfile.mkdtemp(prefix="lamina-mount-", dir=chosen.at))
    systems = {}
    try:
        prepare(at, chosen.trees)
        systems["folder"] = Folder(at)
        for kind in chosen.systems.split(","):
            systems[kind] = Mounted(chosen.lamina.resolve(), at, kind)
        print("| workload | system | seconds | ratio | processor |\n|---|---|---|---|---|", flush=True)
        for workload in workloads:
            rounds = [{name: measure(system, workload, number) for name, system in systems.items()} for number in range(chosen.rounds)]
            for name in systems:
                wall = statistics.median(done[name][0] for done in rounds)
                ratio = statistics.median(done[name][0] / done["folder"][0] for done in rounds)
                used = statistics.median(done[name][1] for done in rounds)
                print(f"| {workload if name == 'folder' else ''} | {name} | {wall:.2f} | {ratio:.1f} | {used:.2f} |", flush=True)
    finally:
        for system in systems.values():
            system.close()
        shutil.rmtree(at)


main()
