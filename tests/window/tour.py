#!/usr/bin/python3
"""tour.py PROGRAM WORK_FOLDER PICTURE_FOLDER: what the README shows first, done for real.

A folder of pictures beside a vault, with a preview, and the vault looked after; a memory filesystem with moments to go back to; and a stack whose
top layer has something new, something changed and something deleted: shown, reviewed, and what the lower layer holds untouched.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from driver import Program

PLACES = "Akureyri Dettifoss Geysir Gullfoss Hekla Höfn Jökulsárlón Reykjavík Skógafoss Thingvellir Vík".split()


SECRET = "what only the vault knows"


def nothing_in_clear(folder):
    """What is in an encrypted vault is nowhere on the disk: neither names nor content."""
    told = False
    for path in folder.rglob("*"):
        assert "Mr. Secret" not in path.name, path
        if path.is_file():
            content = path.read_bytes()
            assert SECRET.encode() not in content, path
            assert b"Mr. Secret" not in content and b"Birth certificates" not in content, path
            told |= b"Family.db" in content
    assert told, "the program writes down elsewhere what was open"


def paint(folder):
    """Pictures with something to see, the same every time."""
    folder.mkdir(parents=True)
    for number, place in enumerate(PLACES):
        colours = f"hsl({number * 37 % 360},60%,40%)-hsl({number * 53 % 360},55%,75%)"
        command = ["convert", "-seed", str(number + 1), "-size", "600x400", f"plasma:{colours}", folder / f"{place}.jpg"]
        subprocess.run(command, check=True)


def main(program, work, pictures):
    work, pictures = Path(work), Path(pictures)
    home = work / "home"
    iceland = home / "Pictures" / "Iceland"
    paint(iceland)
    environment = {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_DATA_HOME": str(home / ".local/share"),
        "XDG_STATE_HOME": str(home / ".local/state"),
        "XDG_CACHE_HOME": str(home / ".cache"),
    }

    def lamina(*arguments, locked=False):
        password = {"LAMINA_PASSWORD": "correct horse"} if locked else {}
        subprocess.run([program, *map(str, arguments)], env={**environment, **password, "PATH": "/usr/bin:/bin"}, check=True)

    vault, template, stack = work / "Family.db", home / "Template", work / "Website.stack.ron"
    lamina("new", "vault", vault, locked=True)
    lamina("cp", "-r", iceland, f"{vault}::/Iceland", locked=True)
    for name in ["Letters", "Contracts", "Birth certificates"]:
        lamina("mkdir", f"{vault}::/{name}", locked=True)
    with tempfile.TemporaryDirectory() as elsewhere:
        letter = Path(elsewhere) / "letter"
        letter.write_text(SECRET)
        lamina("cp", letter, f"{vault}::/Contracts/with Mr. Secret.txt", locked=True)
    for name, text in [("index.html", "<h1>Hello</h1>\n"), ("style.css", "h1 { color: teal }\n"), ("notes.md", "# Notes\n")]:
        template.mkdir(exist_ok=True)
        (template / name).write_text(text)
    (template / "images").mkdir()
    drafts = work / "Drafts.mem"
    lamina("new", "memory", drafts)
    lamina("cp", "-r", template, f"{drafts}::/Site")
    lamina("snapshot", "take", drafts, "As it came")
    lamina("mv", f"{drafts}::/Site/notes.md", f"{drafts}::/plan.md")
    lamina("snapshot", "take", drafts, "With a plan")
    lamina("cp", iceland / "Geysir.jpg", iceland / "Hekla.jpg", f"{drafts}::/Site/images")
    lamina("rm", f"{drafts}::/Site/style.css")
    lamina("new", "memory", work / "changes.mem")
    lamina("new", "stack", stack, template, work / "changes.mem")

    def picture(app, name):
        app.picture(str(pictures / f"{name}.png"))

    with Program([program, iceland, vault], **environment) as app:
        app.wait("Password", "password text", "focused", seconds=120)
        app.type("correct horse\n")
        app.gone("Unlock", "push button")
        app.wait("Contracts", "list item")
        app.key("ctrl+shift+p")
        app.wait("Command")
        app.type("Move tab to other pane")
        app.key("Return")
        app.until(lambda: app.find("Contracts", "list item") and app.find("Geysir.jpg", "list item"), "both panes")
        app.click(app.find("Iceland", "list item").name_point)
        app.key("Return")
        app.until(lambda: len(app.all("Geysir.jpg", "list item")) == 2, "the pictures in the vault")
        app.key("F11")
        right = max(app.all("Geysir.jpg", "list item"), key=lambda row: row.box[0])
        app.click(right.name_point)
        app.wait("JPG image .*600 × 400.*", "label")
        time.sleep(0.5)
        picture(app, "overview")
        app.key("F11")

        app.key("ctrl+shift+p")
        app.wait("Command")
        app.type("Check")
        app.key("Return")
        app.wait("No damage found", "label", seconds=60)
        picture(app, "care")
        app.key("Escape")

        app.click(min(app.all("Geysir.jpg", "list item"), key=lambda row: row.box[0]).name_point)
        app.key("ctrl+t", "ctrl+l")
        app.wait("Path", "entry|text", "focused")
        app.key("ctrl+a")
        app.type(f"{drafts}\n")
        app.wait("plan.md", "list item")
        app.key("ctrl+alt+s")
        app.click("As it came, .*")
        app.wait("/Site/style.css, removed.*")
        picture(app, "snapshots")

        # A path typed over a folder of the host is one of the host.
        app.click(min(app.all("Iceland", "page tab"), key=lambda tab: tab.box[0]))
        app.until(lambda: len(app.all("Geysir.jpg", "list item")) == 2, "the folder")
        app.click(min(app.all("Geysir.jpg", "list item"), key=lambda row: row.box[0]).name_point)
        app.key("ctrl+t", "ctrl+l")
        app.wait("Path", "entry|text", "focused")
        app.key("ctrl+a")
        app.type(f"{stack}\n")
        app.wait("notes.md", "list item")
        app.click(app.find("notes.md", "list item").name_point)
        app.key("Delete")
        app.gone("notes.md", "list item")
        app.key("ctrl+shift+n")
        app.wait(None, "entry|text", "focused")
        app.type("fonts\n")
        app.wait("fonts", "list item")
        app.key("ctrl+alt+v")
        app.click("Show deleted entries.*")
        app.wait("notes.md.*", "list item")
        picture(app, "layers")
        app.key("ctrl+alt+r")
        app.wait("Discard.*", "push button")
        picture(app, "review")
        app.key("Escape")
        assert (template / "notes.md").read_text() == "# Notes\n", "the lower layer was touched"
        assert not (template / "fonts").exists(), "the lower layer was touched"

        app.key("ctrl+t", "ctrl+l")
        app.wait("Path", "entry|text", "focused")
        app.key("ctrl+a")
        app.type(f"{vault}::/Contracts\n")
        app.click(app.wait("with Mr. Secret.txt", "list item").name_point)
        app.key("F11")
        app.wait(f".*{SECRET}.*")
        app.key("ctrl+q")
        app.until(lambda: app.process.poll() is not None or app.find("Leave", "push button"), "the window to close")
    nothing_in_clear(work)


if __name__ == "__main__":
    main(*sys.argv[1:])
