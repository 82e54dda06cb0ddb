from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rpc.cli.failure import ExitCode, Failure
from rpc.cli.loading import load

MODULES = {
    "calc_here.py": "import rpc\ncalc = rpc.Service('calc')\nclass Box: inner = rpc.Service('inner')\nanswer = 42\n",
    "several_here.py": "import rpc\na = rpc.Service('a')\nb = rpc.Service('b')\n",
    "empty_here.py": "x = 1.5\n",
    "broken_here.py": "x = undefined\n",
    "asks_here.py": "import not_installed_anywhere\n",
    "box_here/__init__.py": "",
    "box_here/calc.py": "import rpc\ncalc = rpc.Service('boxed')\n",
}


@pytest.fixture(autouse=True)
def _modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, source in MODULES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if "_here" in name:
            del sys.modules[name]


@pytest.mark.parametrize(
    ("target", "name"), [("calc_here:calc", "calc"), ("calc_here:Box.inner", "inner"), ("box_here.calc:calc", "boxed")]
)
def test_a_service_of_the_current_directory(target: str, name: str) -> None:
    assert load(target).name == name
    assert load(target) is load(target)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("calc_here", "'calc_here' names no service: write calc_here:calc"),
        ("calc_here:", "'calc_here:' names no service: write calc_here:calc"),
        ("several_here:c", "there is no 'c' in several_here: write several_here:a or several_here:b"),
        ("several_here:c.d", "there is no 'c.d' in several_here: write several_here:a or several_here:b"),
        ("calc_here:answer", "'calc_here:answer' is no rpc.Service but an int: write calc_here:calc"),
        ("empty_here:x", "'empty_here:x' is no rpc.Service but a float: empty_here has no rpc.Service at its top"),
        ("calc_here.py", "'calc_here.py' looks like a file: name the module, as in calc_here:service"),
        ("./calc_here.py:calc", "'./calc_here.py:calc' looks like a file: name the module, as in calc_here:calc"),
        ("box_here/calc:calc", "'box_here/calc:calc' looks like a file: name the module, as in box_here.calc:calc"),
        ("", "'' names no module: write module:service, as in calc:calc"),
        ("a b:c", "'a b:c' names no module: write module:service, as in calc:calc"),
        (".calc:c", "'.calc:c' names no module: write module:service, as in calc:calc"),
        (
            "broken_here:x",
            "importing broken_here raised NameError: name 'undefined' is not defined "
            "({here}/broken_here.py, line 1); --debug shows more",
        ),
        (
            "asks_here:x",
            "importing asks_here raised ModuleNotFoundError: No module named 'not_installed_anywhere' "
            "({here}/asks_here.py, line 1); --debug shows more",
        ),
        ("nothing_here:x", "there is no module 'nothing_here', neither in {here} nor installed"),
        ("box_here.missing:x", "there is no module 'box_here.missing', neither in {here} nor installed"),
    ],
)
def test_what_is_no_service(target: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(Failure) as caught:
        load(target)
    assert caught.value.exit_code == ExitCode.USAGE
    assert caught.value.message == message.format(here=tmp_path)
    assert caught.value.more == ""


def test_with_debug_the_traceback_begins_in_the_module() -> None:
    with pytest.raises(Failure) as caught:
        load("broken_here:x", debug=True)
    assert "importlib" not in caught.value.more
    assert caught.value.more.count("  File ") == 1
