"""Tell the reference that the fields of a class are the arguments it is made with.

mkdocstrings reads the source and does not run it: it knows that of dataclasses, and learns here of
options, configs and named tuples, whose arguments it then shows with types and defaults.
"""

from typing import Any

import griffe

_MADE_FROM_FIELDS = {"Options", "ModelConfig", "BaseModel", "NamedTuple", "_Fields"}


class FieldSignatures(griffe.Extension):
    """Give such classes the `__init__` that Python gives them."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Go through the modules of a package once all of them are read."""
        self._visit(pkg)

    def _visit(self, holder: griffe.Module | griffe.Class) -> None:
        for member in list(holder.members.values()):
            if isinstance(member, griffe.Module | griffe.Class):
                self._visit(member)
        if isinstance(holder, griffe.Class) and "__init__" not in holder.members:
            self._sign(holder)

    def _sign(self, made: griffe.Class) -> None:
        line = [*reversed(made.mro()), made]
        bases = {str(base).rpartition(".")[2] for one in line for base in one.bases}
        fields = [a for one in line for a in one.members.values() if _is_field(a)]
        if fields and bases & _MADE_FROM_FIELDS:
            kind = griffe.ParameterKind.keyword_only
            arguments = {
                field.name: griffe.Parameter(
                    field.name, annotation=field.annotation, kind=kind, default=field.value
                )
                for field in fields
            }
            self_ = griffe.Parameter("self", kind=griffe.ParameterKind.positional_or_keyword)
            parameters = griffe.Parameters(self_, *arguments.values())
            made.set_member("__init__", griffe.Function("__init__", parameters=parameters))


def _is_field(member: griffe.Object | griffe.Alias) -> bool:
    """Whether an attribute has a type and belongs to each value, not to the class."""
    if not isinstance(member, griffe.Attribute) or member.annotation is None:
        return False
    return not str(member.annotation).startswith("ClassVar")
