"""The Python that has what a script draws with: a virtual environment in target/."""

import os
import pathlib
import subprocess
import sys


def enter(directory: pathlib.Path, requirements: pathlib.Path) -> None:
    """Runs this program again with that Python, installing what it needs at the first time."""
    python = directory / "bin" / "python"
    if pathlib.Path(sys.prefix) == directory:
        return
    if not (directory / "installed").exists():
        print(f"installing {requirements.read_text().split()[-1]} into target/{directory.name}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", directory], check=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--requirement", requirements], check=True)
        (directory / "installed").touch()
    os.execv(python, [str(python), *sys.argv])
