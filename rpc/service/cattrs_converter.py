"""Conversion by cattrs, with the extra ``cattrs``: for unions of attrs classes, and for hooks of one's own."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any

from rpc.service.convert import Reader, Writer

if TYPE_CHECKING:
    import cattrs

_engine: ModuleType | None = None
_problem: ImportError | None = None
try:
    from rpc.service import cattrs_hooks
except ImportError as error:  # the extra is not installed
    _problem = error
else:
    _engine = cattrs_hooks

__all__ = ["CattrsConverter"]


class CattrsConverter:
    """A `Converter` that takes unions of attrs classes, and hooks.

    It is made for one service or several::

        converter = rpc.CattrsConverter()
        converter.hooks.register_structure_hook(Money, lambda text, _: Money.parse(text))
        converter.hooks.register_unstructure_hook(Money, str)
        shop = rpc.Service("shop", converter=converter)

    It is as strict as the usual one, and differs in three ways. Unions may have several classes with fields: these
    travel with the name of the class beside their fields, as ``_type``, and one that comes without is taken where only
    one class fits. Classes with fields are made by their constructors, which also run the ``converter=`` of attrs
    fields. And it takes several times as long.

    What goes out is asked of it as well, on both sides where a call is made by its handle. A caller by name sends what
    the hooks would have made of its arguments, and gets what they made of the result.

    Attributes:
        hooks: the `cattrs.Converter` behind it. Give it hooks before a service has handlers.

    Args:
        hooks: one of your own, which is then asked for everything and may be as lenient as you like; values come to it
            as they are on the wire, dates as dates. By default a new one that is strict.

    Raises:
        ImportError: cattrs is not installed.
    """

    def __init__(self, hooks: cattrs.Converter | None = None) -> None:
        if _engine is None:
            raise ImportError("rpc.CattrsConverter needs cattrs: pip install 'triorpc[cattrs]'") from _problem
        self._engine = _engine
        self.hooks: cattrs.Converter = _engine.strict_hooks() if hooks is None else hooks

    def reader(self, annotation: Any) -> Reader:
        """Compile the reader of one annotation, see `Converter.reader`."""
        read: Reader = self._engine.reader(self.hooks, annotation)
        return read

    def writer(self, annotation: Any) -> Writer | None:
        """Compile the writer of one annotation, see `Converter.writer`."""
        write: Writer | None = self._engine.writer(self.hooks, annotation)
        return write
