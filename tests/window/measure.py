#!/usr/bin/env python3
"""measure.py [--rounds N] [--seconds S] NAME=COMMAND...: how long programs take to show their window, interleaved.

Run through desktop.sh. For each round and each COMMAND in turn: start it, grab the screen until it has been still, and print

  vc_s     visually complete: from then on never more than 1 % of the pixels differ from the last picture
  first_s  first content: more than 3 % of the pixels differ from the empty screen
  cpu_s    user and system time until then
  rss_mib  resident memory at the end

as medians, with the ratio of each to the first NAME (the baseline). Debian packages: python3-xlib python3-numpy.
"""

import argparse
import os
import shlex
import signal
import statistics
import subprocess
import time

import numpy
from Xlib import X, display

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def tree(pid):
    """The process and all below it."""
    pids, todo = [], [pid]
    while todo:
        pid = todo.pop()
        pids.append(pid)
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                todo += map(int, open(f"/proc/{pid}/task/{task}/children").read().split())
        except OSError:
            pass
    return pids


def cpu_s(pid):
    total = 0
    for one in tree(pid):
        try:
            fields = open(f"/proc/{one}/stat").read().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        except OSError:
            pass
    return total / CLOCK_TICKS


def rss_mib(pid):
    total = 0
    for one in tree(pid):
        try:
            total += int(next(line for line in open(f"/proc/{one}/status") if line.startswith("VmRSS")).split()[1])
        except (OSError, StopIteration):
            pass
    return total / 1024


def screen(root, width, height):
    data = root.get_image(0, 0, width, height, X.ZPixmap, 0xFFFFFFFF).data
    return numpy.frombuffer(data, dtype=numpy.uint32)


def differing(a, b):
    return numpy.count_nonzero(a != b) / a.size


def measure(command, seconds):
    connection = display.Display()
    root = connection.screen().root
    size = root.get_geometry()
    empty = screen(root, size.width, size.height)
    start = time.monotonic()
    process = subprocess.Popen(
        shlex.split(command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    frames, still_since = [], None
    while time.monotonic() - start < seconds:
        now, frame, cpu = time.monotonic() - start, screen(root, size.width, size.height), cpu_s(process.pid)
        if frames and numpy.array_equal(frames[-1][1], frame):
            still_since = still_since or now
            if differing(empty, frame) > 0.03 and now - still_since > 2:
                break
        else:
            frames.append((now, frame, cpu))
            still_since = None
        time.sleep(0.01)
    last = frames[-1][1]
    complete = frames[-1]
    for earlier in reversed(frames):
        if differing(earlier[1], last) > 0.01:
            break
        complete = earlier
    first = next((at for at, frame, _ in frames if differing(empty, frame) > 0.03), complete[0])
    result = {"vc_s": complete[0], "first_s": first, "cpu_s": complete[2], "rss_mib": rss_mib(process.pid)}
    os.killpg(process.pid, signal.SIGTERM)
    time.sleep(0.3)
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
    connection.close()
    time.sleep(0.5)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("programs", nargs="+", metavar="NAME=COMMAND")
    options = parser.parse_args()
    programs = [program.split("=", 1) for program in options.programs]
    results = {name: [] for name, _ in programs}
    for _ in range(options.rounds):
        for name, command in programs:
            results[name].append(measure(command, options.seconds))
    keys = ["vc_s", "first_s", "cpu_s", "rss_mib"]
    medians = {name: {key: statistics.median(row[key] for row in rows) for key in keys} for name, rows in results.items()}
    baseline = medians[programs[0][0]]
    print("| program | " + " | ".join(f"{key} | ratio" for key in keys) + " |")
    print("|---|" + "---|---|" * len(keys))
    for name, row in medians.items():
        cells = [f"{row[key]:.2f} | {row[key] / max(baseline[key], 0.001):.2f}" for key in keys]
        print(f"| {name} | " + " | ".join(cells) + " |")


main()
