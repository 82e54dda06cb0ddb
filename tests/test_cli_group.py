from __future__ import annotations

import gc
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

import rpc.cli
from rpc.cli import main
from rpc.cli.group import COMMANDS
from rpc.version import VERSION
from tests.cli_tools import rpc_command


def test_the_help_lists_every_command() -> None:
    result = rpc_command("--help")
    assert result.exit_code == 0
    for name, line in COMMANDS.items():
        assert f"  {name:10}{line}\n" in result.stdout
    assert "Exit codes:" in result.stdout
    assert rpc_command("-h").stdout == result.stdout


def test_commands_are_known_without_being_imported() -> None:
    ctx = click.Context(main)
    assert isinstance(main, click.Group)
    assert main.list_commands(ctx) == list(COMMANDS)
    assert main.get_command(ctx, "group") is None


@pytest.mark.parametrize(("name", "line"), COMMANDS.items())
def test_each_command_is_the_one_that_its_line_tells_of(name: str, line: str) -> None:
    command = importlib.import_module(f"rpc.cli.{name}").command
    assert isinstance(command, click.Command)
    assert command.name == name
    assert command.callback is not None
    assert (command.callback.__doc__ or "").splitlines()[0] == line
    help_text = rpc_command(name, "--help")
    assert help_text.exit_code == 0
    assert help_text.stdout.startswith(f"Usage: rpc {name} ")
    assert max(map(len, help_text.stdout.splitlines())) <= 80


def test_without_a_command_the_help_is_the_message() -> None:
    result = rpc_command()
    assert result.exit_code == 2
    assert "Usage: rpc" in result.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["cal"], "no such command 'cal': did you mean call?"),
        (["xyz"], "no such command 'xyz'"),
        (["--versoin"], "no such option '--versoin'"),
    ],
)
def test_what_is_no_command(words: list[str], told: str) -> None:
    result = rpc_command(*words)
    assert result.exit_code == 2
    assert told in result.stderr
    assert result.stderr.endswith("(see 'rpc --help')\n")
    assert result.stderr.count("\n") == 1


def test_the_version() -> None:
    assert rpc_command("--version").stdout == f"triorpc {VERSION}\n"


def test_an_interrupt_ends_as_a_shell_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rpc.cli.ping.connected", interrupted)
    result = rpc_command("ping", ":9000")
    assert result.exit_code == 130
    assert "Traceback" not in result.stderr


def test_the_shell_completes_commands_and_options() -> None:
    complete = ShellComplete(main, {}, "rpc", "_RPC_COMPLETE")
    assert {item.value: item.help for item in complete.get_completions([], "")} == COMMANDS
    assert [item.value for item in complete.get_completions([], "ca")] == ["call"]
    assert "--help" in [item.value for item in complete.get_completions([], "--")]
    assert [item.value for item in complete.get_completions(["call"], "--ti")] == ["--timeout"]
    assert complete.get_completions(["nonsense"], "x") == []


_QUICK = """
import os, sys
sys.argv = ["rpc", *sys.argv[1:]]
from rpc.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
heavy = {"trio", "msgspec", "cbor2", "attrs", "ssl", "socket"} & set(sys.modules)
assert not heavy, heavy
"""


@pytest.mark.parametrize(("words", "complete"), [(["--help"], ""), ([], "bash_complete")])
def test_help_and_completion_import_nothing_heavy(words: list[str], complete: str) -> None:
    environment = {"_RPC_COMPLETE": complete, "COMP_WORDS": "rpc ", "COMP_CWORD": "1"} if complete else {}
    result = subprocess.run(
        [sys.executable, "-c", _QUICK, *words],
        env=environment | {"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert "call" in result.stdout


def test_python_m_rpc_is_the_command() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "rpc", "frob"], capture_output=True, text=True, timeout=30, check=False
    )
    assert (result.returncode, result.stderr) == (2, "error: no such command 'frob' (see 'rpc --help')\n")


# --- The garbage collector -----------------------------------------------------------------------------------------


@pytest.fixture
def command_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file of a module ``rpc.cli.later``, which is not imported yet."""
    path = tmp_path / "later.py"
    monkeypatch.setattr("rpc.cli.__path__", [*rpc.cli.__path__, str(tmp_path)])
    monkeypatch.setitem(COMMANDS, "later", "Later.")
    yield path
    sys.modules.pop("rpc.cli.later", None)


def test_a_command_is_imported_without_the_collector_which_never_looks_at_it(command_module: Path) -> None:
    command_module.write_text("import gc\nwas_enabled = gc.isenabled()\ncommand = None\n")
    frozen = gc.get_freeze_count()
    context = click.Context(main)
    assert isinstance(main, click.Group)
    main.get_command(context, "later")
    assert not sys.modules["rpc.cli.later"].was_enabled
    assert gc.isenabled()
    assert gc.get_freeze_count() > frozen
    frozen = gc.get_freeze_count()
    main.get_command(context, "later")
    assert gc.get_freeze_count() <= frozen


def test_the_collector_is_left_as_it_was(command_module: Path) -> None:
    command_module.write_text("raise ImportError('not now')\n")
    assert isinstance(main, click.Group)
    for is_enabled in (True, False):
        (gc.enable if is_enabled else gc.disable)()
        try:
            with pytest.raises(ImportError, match="not now"):
                main.get_command(click.Context(main), "later")
            assert gc.isenabled() is is_enabled
        finally:
            gc.enable()
