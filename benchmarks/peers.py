"""The packages that triorpc is measured against, in a venv of their own: ``.venv-peers`` beside this project.

Everything that is measured runs there, this package too: one interpreter, and one version of what several of them use.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path

import attrs
import click

from benchmarks.contenders import contenders

__all__ = ["enter", "not_installed", "packages"]

_PROJECT = Path(__file__).parent.parent
_VENV = _PROJECT / ".venv-peers"
_WHEELS = ("--only-binary", ":all:")  # nothing is compiled


@attrs.frozen
class _Stamp:
    """What was installed: it is written last, so a venv without it is not whole."""

    wanted: str = ""
    failed: Mapping[str, str] = attrs.field(factory=dict[str, str])

    @classmethod
    def read(cls) -> _Stamp:
        path = _VENV / "installed.json"
        return cls(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else cls()

    def write(self) -> None:
        (_VENV / "installed.json").write_text(json.dumps(attrs.asdict(self), indent=1) + "\n", encoding="utf-8")


def enter(module: str) -> None:
    """Go on as ``python -m module`` with the interpreter of the peers' venv, with the arguments of this process.

    Makes the venv first, or anew where what belongs in it has changed. Returns at once in a process that runs there.
    """
    if Path(sys.prefix) == _VENV:
        return
    if _Stamp.read().wanted != _wanted():
        _install()
    python = str(_python())
    os.chdir(_PROJECT)
    os.execv(python, [python, "-m", module, *sys.argv[1:]])


def packages() -> list[str]:
    """What the contenders need, by its names in the package index."""
    return sorted({package for contender in contenders() for package in contender.packages})


def not_installed() -> Mapping[str, str]:
    """The packages that could not be installed, and what pip said."""
    return _Stamp.read().failed


def _install() -> None:
    click.echo(f"Installing the peers in {_VENV.name}: {', '.join(packages())}", err=True)
    venv.create(_VENV, clear=True, with_pip=False)
    if failure := _pip("--editable", str(_PROJECT)):
        raise click.ClickException(f"triorpc could not be installed in {_VENV}: {failure}")
    failed: dict[str, str] = {}
    if _pip(*_WHEELS, *packages()):  # one of them: find out which
        failed = {package: failure for package in packages() if (failure := _pip(*_WHEELS, package))}
    _Stamp(_wanted(), failed).write()


def _pip(*arguments: str) -> str:
    """Install something in the venv; gives back why that failed, or nothing."""
    pip = [sys.executable, "-m", "pip", "--python", str(_python()), "install", "--quiet", "--disable-pip-version-check"]
    outcome = subprocess.run([*pip, *arguments], capture_output=True, text=True, check=False, timeout=600)
    if outcome.returncode == 0:
        return ""
    errors = [line for line in outcome.stderr.splitlines() if line.startswith("ERROR")]
    return (errors or outcome.stderr.splitlines() or [f"pip ended with {outcome.returncode}"])[-1]


def _wanted() -> str:
    """A name for what belongs in the venv: it changes with the packages, with ours, and with the interpreter."""
    ours = (_PROJECT / "pyproject.toml").read_bytes()
    return hashlib.sha256(b"\0".join([ours, sys.version.encode(), *map(str.encode, packages())])).hexdigest()


def _python() -> Path:
    return _VENV / "bin" / "python"
