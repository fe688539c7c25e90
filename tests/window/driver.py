"""Uses a desktop program as a person does: finds widgets by their accessible names (AT-SPI), acts with mouse and keys (xdotool).

Run scripts that import it through desktop.sh. Every wait has a limit and says what it waited for.
"""

import os
import re
import subprocess
import time

import pyatspi

WAIT_S = float(os.environ.get("WINDOW_WAIT_S", "60"))


def xdotool(*arguments):
    subprocess.run(["xdotool", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


class Widget:
    """An accessible object as it is now; ask again after anything changed."""

    def __init__(self, accessible):
        self._accessible = accessible
        self.name = accessible.name or ""
        self.role = accessible.getRoleName()

    @property
    def states(self):
        return {pyatspi.stateToString(state) for state in self._accessible.getState().getStates()}

    @property
    def box(self):
        extents = self._accessible.queryComponent().getExtents(pyatspi.DESKTOP_COORDS)
        return extents.x, extents.y, extents.width, extents.height

    @property
    def centre(self):
        x, y, width, height = self.box
        return x + width // 2, y + height // 2

    @property
    def name_point(self):
        """Where the name of a row is: the handle it is dragged by."""
        x, y, _, height = self.box
        return x + 50, y + height // 2

    @property
    def value(self):
        try:
            return self._accessible.queryText().getText(0, -1)
        except NotImplementedError:
            return ""

    def walk(self):
        yield self
        for index in range(self._accessible.childCount):
            child = self._accessible.getChildAtIndex(index)
            if child is not None:
                yield from Widget(child).walk()


class Program:
    """A running program; `with` ends it."""

    def __init__(self, arguments, **environment):
        self.process = subprocess.Popen(arguments, env={**os.environ, **environment})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def _root(self):
        desktop = pyatspi.Registry.getDesktop(0)
        for index in range(desktop.childCount):
            application = desktop.getChildAtIndex(index)
            if application is not None and application.get_process_id() == self.process.pid:
                return Widget(application)
        return None

    def all(self, name=None, role=None, state=None):
        """Widgets whose whole name and role match these expressions and that have this state."""
        found = []
        try:
            root = self._root()
            for widget in root.walk() if root else ():
                if name is not None and not re.fullmatch(name, widget.name, re.DOTALL):
                    continue
                if role is not None and not re.fullmatch(role, widget.role):
                    continue
                if state is not None and state not in widget.states:
                    continue
                found.append(widget)
        except Exception:  # The tree changed while it was read; AT-SPI reports that in many ways.
            pass
        return found

    def find(self, name=None, role=None, state=None):
        found = self.all(name, role, state)
        return found[0] if found else None

    def until(self, condition, what, seconds=WAIT_S):
        """The first truthy value of `condition()`."""
        end = time.monotonic() + seconds
        while True:
            value = condition()
            if value:
                return value
            if self.process.poll() is not None:
                raise AssertionError(f"the program ended with {self.process.returncode} while waiting for {what}")
            if time.monotonic() > end:
                names = [f"{w.role} {w.name!r}" for w in self.all() if w.name]
                raise AssertionError(f"waited {seconds} s for {what}; seen: " + "; ".join(names[:150]))
            time.sleep(0.05)

    def wait(self, name=None, role=None, state=None, seconds=WAIT_S):
        return self.until(lambda: self.find(name, role, state), f"{role or 'widget'} {name!r} {state or ''}", seconds)

    def gone(self, name=None, role=None, seconds=WAIT_S):
        self.until(lambda: self.find(name, role) is None, f"{role or 'widget'} {name!r} to go", seconds)

    def _point(self, target, role=None):
        if isinstance(target, tuple):
            return target
        return (target if isinstance(target, Widget) else self.wait(target, role)).centre

    def click(self, target, role=None, button=1, times=1):
        x, y = self._point(target, role)
        xdotool("mousemove", "--sync", x, y)
        time.sleep(0.05)
        xdotool("click", "--repeat", times, "--delay", 80, button)
        time.sleep(0.15)

    def drag(self, source, target, before_drop=None):
        """Presses on `source`, moves as a hand does, calls `before_drop`, releases on `target`."""
        (x, y), (u, v) = self._point(source), self._point(target)
        xdotool("mousemove", "--sync", x, y)
        time.sleep(0.1)
        xdotool("mousedown", 1)
        time.sleep(0.15)
        for step in range(1, 26):
            xdotool("mousemove", x + (u - x) * step // 25, y + (v - y) * step // 25)
            time.sleep(0.02)
        time.sleep(0.3)
        if before_drop:
            before_drop()
        xdotool("mouseup", 1)
        time.sleep(0.2)

    def _has_keyboard(self):
        # Fails while nothing has it.
        found = subprocess.run(["xdotool", "getwindowfocus", "getwindowpid"], capture_output=True, text=True)
        return found.stdout.strip() == str(self.process.pid)

    def key(self, *keys):
        self.until(self._has_keyboard, "the keyboard")
        for key in keys:
            xdotool("key", "--clearmodifiers", key)
            time.sleep(0.1)

    def type(self, text):
        """Types text; a line break is the Return key (xdotool would send Linefeed)."""
        self.until(self._has_keyboard, "the keyboard")
        lines = text.split("\n")
        for index, line in enumerate(lines):
            if line:
                xdotool("type", "--delay", 20, "--", line)
                time.sleep(0.1)
            if index < len(lines) - 1:
                self.key("Return")

    def picture(self, path):
        """What the window shows, without the desktop around it."""
        time.sleep(0.4)
        windows = subprocess.run(
            ["xdotool", "search", "--onlyvisible", "--pid", str(self.process.pid)], check=True, capture_output=True, text=True
        ).stdout.split()
        subprocess.run(["import", "-window", windows[-1], path], check=True)
