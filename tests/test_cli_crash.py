from __future__ import annotations

from rpc.cli.crash import crash_of
from rpc.cli.failure import ExitCode


def raised(code: str) -> Exception:
    """What code of a user's raises."""
    try:
        exec(compile(code, "theirs.py", "exec"), {"__name__": "theirs"})
    except Exception as error:
        return error
    raise AssertionError


def test_a_crash_of_foreign_code_tells_its_place() -> None:
    failure = crash_of("importing theirs", raised("def f():\n    1 / 0\nf()"), ExitCode.USAGE, debug=False)
    assert failure.exit_code == 2
    assert failure.message == (
        "importing theirs raised ZeroDivisionError: division by zero (theirs.py, line 2); --debug shows more"
    )
    assert failure.more == ""


def test_a_syntax_error_tells_its_own_place() -> None:
    failure = crash_of("importing theirs", raised("def f(:"), ExitCode.USAGE, debug=False)
    assert (
        failure.message == "importing theirs raised SyntaxError: invalid syntax (theirs.py, line 1); --debug shows more"
    )


def test_with_debug_the_traceback_begins_where_their_code_does() -> None:
    error = raised("1 / 0")
    assert error.__traceback__ is not None
    # As if a module of ours had called it.
    namespace = {"__name__": "rpc.cli.loading", "error": error.with_traceback(None)}
    try:
        exec("def call():\n    raise error\ncall()", namespace)
    except ZeroDivisionError as caught:
        error = caught
    failure = crash_of("serving", error, ExitCode.FAILED, debug=True)
    assert failure.message.startswith("serving raised ZeroDivisionError: division by zero (")
    assert not failure.message.endswith("--debug shows more")
    assert failure.more.startswith("Traceback (most recent call last):\n")
    assert failure.more.endswith("ZeroDivisionError: division by zero\n")
