"""The classes of a description: definitions as Python has them, and declared exceptions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from rpc.errors import Code
from rpc.generation.annotations import Annotations, plain_literal, references
from rpc.generation.defaults import Defaults, Expression, Freshness
from rpc.generation.fields import ClassKind, Field, fields_of, is_row, kind_of, member_names, tag_of
from rpc.generation.imports import Imports
from rpc.generation.names import GenerationError, is_name
from rpc.generation.text import Group, docstring, indented, literal, statement
from rpc.service.description import ErrorDescription
from rpc.wire.shapes import is_map

__all__ = ["Classes", "body"]

_EMPTY_FACTORIES = {"[]": "list", "{}": "dict", "set()": "set"}


@attrs.frozen
class Classes:
    """Writes classes.

    Attributes:
        imports: of the module.
        names: the classes of the module, by the names of their definitions.
        definitions: of the description.
        written: the definitions that stand above what is written now.
    """

    imports: Imports
    names: Mapping[str, str]
    definitions: Mapping[str, Any]
    written: set[str] = attrs.field(factory=set[str])

    def definition(self, key: str) -> list[str]:
        """The lines of the class that a definition describes.

        Raises:
            GenerationError: it is damaged.
        """
        definition: Any = self.definitions[key]
        if not is_map(definition):
            raise GenerationError(f"the class {key!r} is not described by a map")
        try:
            kind = kind_of(definition)
            if kind == "enum":
                lines = self._enum(self.names[key], definition)
            else:
                lines = self._record(self.names[key], definition, kind)
        except GenerationError as error:
            raise GenerationError(f"the class {key!r}: {error}") from None
        self.written.add(key)
        return lines

    def exception(self, name: str, error: ErrorDescription) -> list[str]:
        """The lines of a declared exception.

        Raises:
            GenerationError: it is damaged.
        """
        fields = fields_of(error.schema or {})
        if not all(field.is_usable for field in fields):
            raise GenerationError(f"the exception {error.type!r} has a field whose name is none in Python")
        code = [] if error.code == Code.UNKNOWN else [f"code = {self._code(error)}"]
        head = f"class {name}({self.imports.use('builtins', 'Exception')}):"
        if not fields:
            return body([head], error.doc, code)
        scope = self._scope(fields)
        written, keyword_only = self._fields(scope, fields, "attrs")
        return [self._decorator("attrs", keyword_only), *body([head], error.doc, [*code, *written])]

    def _code(self, error: ErrorDescription) -> str:
        try:
            return f"{self.imports.use('rpc', 'Code')}.{Code(error.code).name}"
        except ValueError:
            raise GenerationError(f"the exception {error.type!r} has a code that is none: {error.code}") from None

    def _scope(self, fields: Sequence[Field]) -> Annotations:
        return Annotations(self.imports, self.names, frozenset(field.name for field in fields))

    # --- Kinds of classes ------------------------------------------------------------------------------------------

    def _enum(self, name: str, definition: Mapping[str, Any]) -> list[str]:
        head = f"class {name}({self.imports.use('enum', 'Enum')}):"
        lines: list[str] = []
        for member, value in zip(member_names(definition), definition["enum"], strict=True):
            text = plain_literal(value)
            if text is None:
                raise GenerationError(f"the value of its member {member!r} is neither text nor a number")
            lines += statement(f"{member} = {text}", depth=1)
        return body([head], _doc(definition), lines)

    def _record(self, name: str, definition: Mapping[str, Any], kind: ClassKind) -> list[str]:
        fields = fields_of(definition)
        scope = self._scope(fields)
        if kind == "typeddict":
            return self._typed_dict(scope, name, definition, fields)
        lines, keyword_only = self._fields(scope, fields, kind)
        if kind in ("attrs", "dataclass"):
            return [self._decorator(kind, keyword_only), *body([f"class {name}:"], _doc(definition), lines)]
        if kind == "namedtuple":
            base = self.imports.use("typing", "NamedTuple")
            return body([f"class {name}({base}):"], _doc(definition), lines)
        options = [self.imports.use("msgspec", "Struct"), *_struct_options(definition, keyword_only)]
        return body(statement(Group(f"class {name}(", options, "):")), _doc(definition), lines)

    def _decorator(self, kind: ClassKind, keyword_only: bool) -> str:
        home, name = ("attrs", "define") if kind == "attrs" else ("dataclasses", "dataclass")
        name = self.imports.use(home, name)
        return f"@{name}(kw_only=True)" if keyword_only else f"@{name}"

    def _fields(self, scope: Annotations, fields: Sequence[Field], kind: ClassKind) -> tuple[list[str], bool]:
        """The lines of the fields, and whether they must be given by name: where one without default comes later."""
        defaults = [self._default(scope, field) for field in fields]
        if kind == "namedtuple":
            last = max((index for index, default in enumerate(defaults) if default is None), default=-1)
            defaults = [None if index < last else default for index, default in enumerate(defaults)]
        lines: list[str] = []
        for field, default in zip(fields, defaults, strict=True):
            text = f"{field.name}: {scope.of(field.schema)}"
            assigned = "" if default is None else f" = {self._assigned(scope, field, default, kind)}"
            lines += statement(f"{text}{assigned}", depth=1)
        given = [default is not None for default in defaults]
        return lines, given != sorted(given)

    def _assigned(self, scope: Annotations, field: Field, default: Expression, kind: ClassKind) -> str:
        """What a field is set to in the body of its class."""
        if default.freshness < Freshness.ANEW or kind == "namedtuple":
            return default.text
        annotation, empty = scope.of(field.schema), _EMPTY_FACTORIES.get(default.text)
        is_factory = empty is not None and annotation.startswith(f"{empty}[") and " | " not in annotation
        is_defined = self.written.issuperset(references(field.schema))
        factory = annotation if is_factory and is_defined else f"lambda: {default.text}"
        if kind == "attrs":
            return f"{scope.use('attrs', 'field')}(factory={factory})"
        home = "msgspec" if kind == "struct" else "dataclasses"
        return f"{scope.use(home, 'field')}(default_factory={factory})"

    def _default(self, scope: Annotations, field: Field) -> Expression | None:
        return Defaults(scope, self.definitions).of(field.schema, field.default) if field.has_default else None

    def _typed_dict(
        self, scope: Annotations, name: str, definition: Mapping[str, Any], fields: Sequence[Field]
    ) -> list[str]:
        base = self.imports.use("typing", "TypedDict")
        if all(is_name(field.wire) for field in fields):
            lines: list[str] = []
            for field in fields:
                lines += statement(f"{field.wire}: {self._entry(scope, field)}", depth=1)
            return body([f"class {name}({base}):"], _doc(definition), lines)
        plain = Annotations(self.imports, self.names)
        entries = [f"{literal(field.wire)}: {literal(self._entry(plain, field))}" for field in fields]
        tag = tag_of(definition)
        if tag is not None:
            entries.insert(0, f"{literal(tag[0])}: {literal(plain.of({'const': tag[1]}))}")
        return Group(f"{name} = {base}(", [literal(name), Group("{", entries, "}")], ")").spread(0)

    def _entry(self, scope: Annotations, field: Field) -> str:
        annotation = scope.of(field.schema)
        return annotation if field.required else f"{scope.use('typing', 'NotRequired')}[{annotation}]"


def _struct_options(definition: Mapping[str, Any], keyword_only: bool) -> Iterator[str]:
    if keyword_only:
        yield "kw_only=True"
    if is_row(definition):
        yield "array_like=True"
    tag = tag_of(definition)
    if tag is not None:
        text = plain_literal(tag[1])
        if text is None or isinstance(tag[1], bool | None | bytes):
            raise GenerationError("its tag is neither text nor a number")
        if tag[0] != "type":
            yield f"tag_field={literal(tag[0])}"
        yield f"tag={text}"


def _doc(definition: Mapping[str, Any]) -> str:
    doc = definition.get("description", "")
    return doc if isinstance(doc, str) else ""


def body(head: Sequence[str], doc: str, lines: Sequence[str]) -> list[str]:
    """A class with a docstring and what else is in it, whose lines are not indented yet."""
    written = docstring(doc)
    if not (written or lines):
        return [*head[:-1], f"{head[-1]} ..."]
    gap = [""] if written and lines else []
    return [*head, *indented([*written, *gap, *lines])]
