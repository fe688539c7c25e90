#!/usr/bin/python3
"""first_light.py PROGRAM WORK_FOLDER PICTURE_FOLDER: the whole program on a real desktop, as a person uses it.

Opens a host folder and makes an encrypted vault beside it, locks and unlocks it, drags a folder of 2,000 files into it with the mouse, watches the
progress, undoes, redoes, copies it out again with the keyboard, and compares every byte, mode and time. Then the session ends while a vault is open.
"""

import hashlib
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

from driver import Program

FILES = 2000
PASSWORD = "correct horse"


def make_photos(root):
    """Real files: text and binary, empty and large, links, odd modes, old times."""
    made = 0
    for folder in range(20):
        album = root / f"Album {folder + 1:02}"
        album.mkdir(parents=True)
        for number in range(FILES // 20):
            path = album / f"IMG_{number:04}.jpg"
            seed = f"{folder}/{number}".encode()
            path.write_bytes(hashlib.sha256(seed).digest() * (number * 7 % 900))
            path.chmod([0o644, 0o600, 0o755, 0o444][number % 4])
            os.utime(path, ns=(1_500_000_000_000_000_000 + made, 1_400_000_000_123_456_789 + made))
            made += 1
    (root / "Best of").symlink_to("Album 01/IMG_0007.jpg")
    os.link(root / "Album 01" / "IMG_0001.jpg", root / "Album 02" / "The same.jpg")
    return made


def tree(root):
    """Every entry below `root`: kind and mode, time, content or target, and which names are one file."""
    entries, first_name = {}, {}
    for folder, folders, files in os.walk(root):
        for name in sorted(folders + files):
            path = os.path.join(folder, name)
            key = os.path.relpath(path, root)
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode):
                entries[key] = ("link", os.readlink(path), status.st_mtime_ns)
            elif stat.S_ISDIR(status.st_mode):
                entries[key] = ("folder", status.st_mode, status.st_mtime_ns)
            else:
                digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
                one = first_name.setdefault(status.st_ino, key) if status.st_nlink > 1 else key
                entries[key] = ("file", status.st_mode, status.st_mtime_ns, digest, one)
    return entries


def end_session(program, vault, environment):
    """A vault that is open, changed and (where that can be) mounted when the program is told to end is closed well, and nothing asks."""
    subprocess.run([program, "new", "vault", str(vault)], check=True)
    folder = vault.parent / "mounted"
    with Program([program, str(vault)], **environment) as app:
        app.wait(vault.name, "list box", seconds=120)
        app.key("ctrl+shift+n")
        app.key("Return")
        app.wait("New folder", "list item")
        if os.access("/dev/fuse", os.R_OK | os.W_OK):
            app.key("ctrl+shift+p")
            app.wait("Command")
            app.type("Mount as")
            app.key("Return")
            app.wait("Folder", "text|entry")
            app.key("ctrl+a")
            app.type(str(folder))
            app.key("Return")
            app.until(lambda: (folder / "New folder").is_dir(), "the folder to be mounted")
        app.process.terminate()
        assert app.process.wait(30) == 0, "a session that ends is no failure"
    assert not os.path.ismount(folder), "it is still mounted"
    beside = [name for name in os.listdir(vault.parent) if name.startswith(vault.name) and name != vault.name]
    assert not beside, f"a closed vault is one file: {beside}"
    listed = subprocess.run([program, "ls", str(vault)], check=True, capture_output=True, text=True)
    assert listed.stdout == "New folder\n", listed.stdout


def main(program, work, pictures):
    work, pictures = Path(work), Path(pictures)
    home = work / "home"
    photos = home / "Pictures" / "Photos"
    made = make_photos(photos)
    before = tree(photos)
    vault = work / "taxes.db"
    out = home / "Restored"
    out.mkdir()
    environment = {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_DATA_HOME": str(home / ".local/share"),
        "XDG_STATE_HOME": str(home / ".local/state"),
        "XDG_CACHE_HOME": str(home / ".cache"),
    }

    def picture(app, name):
        app.picture(str(pictures / f"{name}.png"))

    with Program([program], **environment) as app:
        app.wait("Every tab is a filesystem", seconds=120)
        picture(app, "welcome")

        app.click("Home", "toggle button")
        app.wait("Pictures", "list item")
        app.click(app.find("Pictures", "list item").name_point)
        app.key("Return")
        app.wait("Photos", "list item")

        app.key("F3")
        time.sleep(0.5)
        app.key("ctrl+shift+p")
        app.wait("Command")
        app.type("New vault")
        app.key("Return")
        app.wait("File", "text|entry")
        app.type(str(vault))
        app.wait("Lock it with a password", state="checked")
        app.click("Password", "password text")
        app.type(PASSWORD)
        app.click("Password again", "password text")
        app.type(PASSWORD)
        picture(app, "new-vault")
        app.click("Make", "push button")
        app.wait("taxes.db", "page tab")
        app.wait("taxes.db", "list box")
        app.gone("Make", "push button")

        app.key("ctrl+shift+l")
        app.wait("Unlock", "push button")
        picture(app, "locked")
        app.type("wrong\n")
        app.wait(".*password.*open.*|Wrong.*|.*isn.t.*", "label")
        app.key("ctrl+a")
        app.type(PASSWORD + "\n")
        app.gone("Unlock", "push button")
        target = app.wait("taxes.db", "list box|list")

        app.drag(app.find("Photos", "list item").name_point, target, before_drop=lambda: picture(app, "drag"))
        app.until(lambda: app.all("(Copying|Copied) .*"), "the copy to be told")
        app.wait("Copied .*")
        app.until(lambda: len(app.all("Photos", "list item")) == 2, "the copy to be listed")
        picture(app, "vault")

        app.key("ctrl+z")
        app.until(lambda: len(app.all("Photos", "list item")) == 1, "undo to take the copy away")
        app.key("ctrl+shift+z")
        app.until(lambda: len(app.all("Photos", "list item")) == 2, "redo to bring it back")
        app.until(lambda: not app.all("(Copying|Redoing|Undoing) .*"), "redo to end")

        app.click(target)
        app.key("ctrl+a", "ctrl+c", "ctrl+l")
        time.sleep(0.3)
        app.key("ctrl+a")
        app.type(f"host:{out}\n")
        app.wait("Restored", "page tab")
        app.key("ctrl+v")
        app.until(lambda: (out / "Photos").exists(), "the copy to reach the host")
        app.until(lambda: tree(out / "Photos") == before, "the copy to be equal to the original", seconds=120)
        app.until(lambda: not app.all("Copying .*"), "the copy to end")
        picture(app, "restored")

        app.key("ctrl+q")
        app.until(lambda: app.process.poll() is not None or app.find("Quit.*", "push button"), "the window to close")

    assert tree(photos) == before, "the originals changed"
    assert not [name for name in os.listdir(work) if name.endswith(("-wal", "-shm"))], "a closed vault is one file"
    content = vault.read_bytes()
    assert b"IMG_0001" not in content and b"SQLite format 3" not in content, "the vault is not encrypted"
    end_session(program, work / "letters.db", environment)
    print(f"{made} files went in and out unchanged")


if __name__ == "__main__":
    main(*sys.argv[1:])
