#!/usr/bin/python3
"""portal.py PROGRAM WORK_FOLDER PICTURE_FOLDER: what the desktop decides: colours, while the program runs, the file dialog, and when the session ends.

A portal of our own stands on the private session bus (org.freedesktop.portal.Settings, FileChooser and Inhibit, as the XDG Desktop Portal documents them).
When it goes away, the program's own file dialog takes over.
"""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from gi.repository import Gio, GLib

from driver import Program

NAME = "org.freedesktop.portal.Desktop"
PATH = "/org/freedesktop/portal/desktop"
LIGHT, DARK = 2, 1
INTERFACES = """
<node>
  <interface name="org.freedesktop.portal.Settings">
    <method name="ReadAll"><arg type="as" direction="in"/><arg type="a{sa{sv}}" direction="out"/></method>
    <signal name="SettingChanged"><arg type="s"/><arg type="s"/><arg type="v"/></signal>
    <property name="version" type="u" access="read"/>
  </interface>
  <interface name="org.freedesktop.portal.FileChooser">
    <method name="OpenFile">
      <arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="a{sv}" direction="in"/><arg type="o" direction="out"/>
    </method>
    <property name="version" type="u" access="read"/>
  </interface>
  <interface name="org.freedesktop.portal.Inhibit">
    <method name="Inhibit">
      <arg type="s" direction="in"/><arg type="u" direction="in"/><arg type="a{sv}" direction="in"/><arg type="o" direction="out"/>
    </method>
    <property name="version" type="u" access="read"/>
  </interface>
</node>
"""
REQUEST = """
<node>
  <interface name="org.freedesktop.portal.Request">
    <method name="Close"/>
  </interface>
</node>
"""
LOGOUT = 1


class Portal:
    """Answers on a thread of its own."""

    def __init__(self):
        self.scheme = LIGHT
        self.answer = None
        self.asked = []
        # What keeps the session from ending, by handle: flags and reason.
        self.inhibited = {}
        self.context = GLib.MainContext.new()
        self.loop = GLib.MainLoop.new(self.context, False)
        ready = threading.Event()
        self.thread = threading.Thread(target=self._serve, args=(ready,), daemon=True)
        self.thread.start()
        assert ready.wait(20), "the portal is not on the bus"

    def _serve(self, ready):
        self.context.push_thread_default()
        address = Gio.dbus_address_get_for_bus_sync(Gio.BusType.SESSION)
        flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
        self.bus = Gio.DBusConnection.new_for_address_sync(address, flags, None, None)
        for interface in Gio.DBusNodeInfo.new_for_xml(INTERFACES).interfaces:
            self.bus.register_object(PATH, interface, self._call, self._property, None)
        arguments = GLib.Variant("(su)", (NAME, 0))
        bus = ("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus")
        self.bus.call_sync(*bus, "RequestName", arguments, None, Gio.DBusCallFlags.NONE, -1, None)
        ready.set()
        self.loop.run()

    def _property(self, *_):
        return GLib.Variant("u", 1)

    def _inhibit(self, bus, parameters):
        _window, flags, options = parameters.unpack()
        handle = f"{PATH}/request/inhibit/{len(self.inhibited)}_{time.monotonic_ns()}"
        request = Gio.DBusNodeInfo.new_for_xml(REQUEST).interfaces[0]
        bus.register_object(handle, request, self._call, None, None)
        self.inhibited[handle] = (flags, options["reason"])
        return GLib.Variant("(o)", (handle,))

    def _call(self, bus, sender, path, _interface, method, parameters, invocation):
        if method == "Inhibit":
            return invocation.return_value(self._inhibit(bus, parameters))
        if method == "Close":
            del self.inhibited[path]
            return invocation.return_value(None)
        if method == "ReadAll":
            scheme = {"color-scheme": GLib.Variant("u", self.scheme)}
            settings = {"org.freedesktop.appearance": scheme}
            return invocation.return_value(GLib.Variant("(a{sa{sv}})", (settings,)))
        _parent, title, options = parameters.unpack()
        self.asked.append((title, options))
        client = sender.lstrip(":").replace(".", "_")
        request = f"{PATH}/request/{client}/{options['handle_token']}"
        invocation.return_value(GLib.Variant("(o)", (request,)))
        chosen = {"uris": GLib.Variant("as", [self.answer] if self.answer else [])}
        response = GLib.Variant("(ua{sv})", (0 if self.answer else 1, chosen))

        def respond():
            bus.emit_signal(sender, request, "org.freedesktop.portal.Request", "Response", response)

        # A person takes a moment; an answer that comes together with the handle is missed by rfd.
        later = GLib.timeout_source_new(300)
        later.set_callback(lambda *_: respond())
        later.attach(self.context)

    def prefer(self, scheme):
        self.scheme = scheme
        value = GLib.Variant("(ssv)", ("org.freedesktop.appearance", "color-scheme", GLib.Variant("u", scheme)))
        self.bus.emit_signal(None, PATH, "org.freedesktop.portal.Settings", "SettingChanged", value)
        self.bus.flush_sync(None)

    def leave(self):
        self.bus.close_sync(None)
        self.loop.quit()


def brightness():
    """Of the middle of the screen, 0 to 255."""
    command = ["import", "-window", "root", "-crop", "200x200+600+600", "-colorspace", "Gray", "-resize", "1x1!", "-depth", "8", "gray:-"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout[0]


def main(program, work, pictures):
    work, pictures = Path(work), Path(pictures)
    home = work / "home"
    chosen = home / "Chosen by the desktop"
    chosen.mkdir(parents=True)
    (chosen / "inside.txt").write_text("here")
    environment = {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_DATA_HOME": str(home / ".local/share"),
        "XDG_STATE_HOME": str(home / ".local/state"),
        "XDG_CACHE_HOME": str(home / ".cache"),
    }
    portal = Portal()
    with Program([program], **environment) as app:
        app.wait("Every tab is a filesystem", seconds=120)
        app.until(lambda: brightness() > 200, "light colours")
        portal.prefer(DARK)
        app.until(lambda: brightness() < 60, "dark colours, as soon as the desktop has them")
        app.picture(str(pictures / "portal-dark.png"))
        portal.prefer(LIGHT)
        app.until(lambda: brightness() > 200, "light colours again")

        def browse():
            app.key("ctrl+shift+p")
            app.wait("Command")
            app.type("Open sandbox\n")
            app.wait("The folder becomes a world of its own.*")
            app.click("Browse…", "push button")

        # The desktop's dialog is cancelled: nothing happens. Then it answers.
        browse()
        app.until(lambda: len(portal.asked) == 1, "the desktop to be asked")
        assert portal.asked[0][1].get("directory") is True, portal.asked
        portal.answer = chosen.as_uri()
        app.click("Browse…", "push button")
        app.until(lambda: len(portal.asked) == 2, "the desktop to be asked again")
        app.until(lambda: app.wait("Folder", "text|entry").value == str(chosen), "the chosen path")
        assert not app.find("Choose a folder"), "our own dialog is not needed"
        app.click("Open", "push button")
        app.wait("inside.txt", "list item")

        # The desktop is asked not to end the session while something is only in memory, until it no longer is.
        assert not portal.inhibited, portal.inhibited
        app.key("ctrl+shift+p")
        app.wait("Command")
        app.type("New memory filesystem\n")
        app.click("Make", "push button")
        app.gone("Make")
        app.key("ctrl+shift+n")
        app.type("made\n")
        app.until(lambda: portal.inhibited, "the session to be kept")
        app.wait("made", "list item")
        app.until(lambda: [flags for flags, _ in portal.inhibited.values()] == [LOGOUT], "logging out alone to be asked about")
        assert all("is only in memory" in why for _, why in portal.inhibited.values()), portal.inhibited
        app.key("ctrl+w")
        app.click("Close and lose it", "push button")
        app.until(lambda: not portal.inhibited, "the session to be let go")

        # Without a portal our own dialog takes over.
        portal.leave()
        browse()
        app.wait("Choose a folder")
        app.wait("Chosen by the desktop", "list item")
        app.picture(str(pictures / "file-dialog.png"))
        app.key("Escape")
        app.gone("Choose a folder")
        app.key("Escape")
        app.gone("Browse…")
        app.key("ctrl+q")
        app.until(lambda: app.process.poll() is not None, "the window to close")
    print("the desktop decided on colours and paths; without it the program did")


if __name__ == "__main__":
    main(*sys.argv[1:])
