"""Files that layers keep beside their variables, such as vocabularies, in the archive's `assets` folder."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from lapis.saving import archive
from lapis.saving.tree import saveables


def save_assets(root: Any, members: archive.Writer) -> None:
    """Store the files that objects below `root` write in their `save_assets(folder)`."""
    with tempfile.TemporaryDirectory() as name:
        for path, obj in saveables(root):
            if hasattr(obj, "save_assets"):
                folder = Path(name, path)
                folder.mkdir(parents=True, exist_ok=True)
                obj.save_assets(str(folder))
        for file in sorted(Path(name).rglob("*")):
            if file.is_file():
                with open(file, "rb") as content:
                    members.add(archive.ASSETS + file.relative_to(name).as_posix(), content)


def load_assets(root: Any, members: archive.Archive) -> None:
    """Give objects below `root` a folder of their files, in their `load_assets(folder)`; nothing else is unpacked."""
    names = [name for name in members.namelist() if name.startswith(archive.ASSETS) and not name.endswith("/")]
    if not names:
        return
    for path, obj in saveables(root):
        if not hasattr(obj, "load_assets"):
            continue
        prefix = f"{archive.ASSETS}{path}/" if path else archive.ASSETS
        with tempfile.TemporaryDirectory() as folder:
            for name in names:
                if name.startswith(prefix):
                    target = Path(folder, name.removeprefix(prefix))
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with archive.unpacked(members, name) as source, open(target, "xb") as file:
                        shutil.copyfileobj(source, file)
            obj.load_assets(folder)
