"""YAML and JSON text to plain data, with the limits that untrusted text needs."""

import json
import re
from collections.abc import Hashable
from typing import Any

import yaml

from spectrans.errors import FaultError, must, unreadable
from spectrans.options import SCIENTIFIC

# A config is a page of text; anything larger is not one. Of YAML, this takes seconds.
_MAX_CHARACTERS = {"yaml": 200_000, "json": 1_000_000}
# Brackets within brackets; the time that PyYAML takes for one grows with those around it.
_DEEPEST = 100


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with YAML 1.2 floats, no aliases, no repeated keys and little depth."""

    def fetch_flow_collection_start(self, TokenClass: Any) -> None:  # noqa: N803
        if self.flow_level == _DEEPEST:
            raise FaultError("must not nest this deeply")
        super().fetch_flow_collection_start(TokenClass)

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise FaultError("must not use aliases (*name): write the value out")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        _refuse_repeated(keys)
        return super().construct_mapping(node, deep=deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(f"{SCIENTIFIC.pattern}$"), list("-+.0123456789")
)


def parse(text: str, form: str) -> dict[str, Any]:
    """Read a mapping from YAML or JSON text.

    Parameters
    ----------
    text
        At most a million characters of JSON, or 200,000 of YAML.
    form
        "yaml" or "json".

    Returns
    -------
    dict
        Plain data.

    Raises
    ------
    ValueError
        Not well-formed, too large, a repeated key, a YAML alias or tag, or not a mapping.
    """
    if len(text) > _MAX_CHARACTERS[form]:
        rule = f"have at most {_MAX_CHARACTERS[form]} characters"
        raise ValueError(must("the config text", rule, len(text)))
    try:
        data = yaml.load(text, _Loader) if form == "yaml" else _from_json(text)
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        raise ValueError(f"the config text must be YAML: {problem}") from None
    except RecursionError:
        raise ValueError("the config text must not nest this deeply") from None
    except FaultError as fault:
        raise ValueError(f"the config text {fault}") from None
    # Of a number of too many digits, or a date that is none.
    except ValueError as error:
        reason = unreadable(error) if form == "json" else "a value that is none"
        raise ValueError(f"the config text must be {form.upper()}: {reason}") from None
    if not isinstance(data, dict):
        raise ValueError(must("the config text", "be a mapping of names to values", data))
    # YAML takes numbers, dates and nothing for names, too.
    for name in data:
        if not isinstance(name, str):
            raise ValueError(must("the config text", "name every value by a text", name))
    return data


def _from_json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_pairs, parse_constant=_refuse_constant)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    _refuse_repeated([key for key, _ in pairs])
    return dict(pairs)


def _refuse_constant(name: str) -> None:
    raise FaultError(f"must hold finite numbers, got {name}")


def _refuse_repeated(keys: list[Any]) -> None:
    seen = set()
    for key in keys:
        # Others are no names, which PyYAML says itself.
        if isinstance(key, Hashable):
            if key in seen:
                raise FaultError(f"must name {key!r} once, got it twice")
            seen.add(key)


def dump(data: dict[str, Any], form: str) -> str:
    """Write plain data as YAML or JSON text that `parse` reads back."""
    if form == "yaml":
        return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
