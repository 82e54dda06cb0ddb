"""Classes that an application has registered, to travel as something else."""

from __future__ import annotations

from typing import Any, get_origin

import attrs

from rpc.service.convert import Misfit, Reader, cut

__all__ = ["Registration", "enter", "registration"]

_MOST_TEXT = 256


@attrs.frozen(kw_only=True)
class Registration:
    """How values of one class travel.

    Attributes:
        cls: the class.
        wire: the annotation of what they travel as.
        read: fits a decoded value to that.
        from_: makes a value of the class of it.
    """

    cls: type
    wire: Any
    read: Reader
    from_: Reader

    def make(self, value: Any) -> Any:
        """Make a value of the class from a decoded one.

        Raises:
            Misfit: the decoded one does not fit, or is refused by `from_`, which is the application's and may raise
                anything; what it says is passed on where it is about the value.
        """
        form = self.read(value)
        try:
            return self.from_(form)
        except (ValueError, TypeError) as error:
            text = cut(repr(str(error))[1:-1], _MOST_TEXT)
            raise Misfit("", f"was refused by {self.cls.__name__}: {text}") from error
        except Exception as error:
            raise Misfit("", f"was refused by {self.cls.__name__} with {type(error).__name__}") from error


_registrations: dict[Any, Registration] = {}


def enter(entry: Registration) -> None:
    """Make a registration known.

    Raises:
        ValueError: its class has one.
    """
    if entry.cls in _registrations:
        raise ValueError(f"{entry.cls.__name__} is registered already")
    _registrations[entry.cls] = entry


def registration(cls: Any) -> Registration | None:
    """The registration of a class itself, or of the class of a generic alias; None where there is none."""
    return _registrations.get(get_origin(cls) or cls)
