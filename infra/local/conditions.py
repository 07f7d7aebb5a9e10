"""Conditions of the template: decided once the parameters are known, before anything is created.

Belongs here: ``Conditions``, ``Fn::If`` and ``AWS::NoValue``. What remains is a template without
any of them, which is all that the other modules know.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from infra.local.template import Template, TemplateError

_NO_VALUE = {"Ref": "AWS::NoValue"}


def decide(template: Template, parameters: Mapping[str, str]) -> Template:
    """Return the template as these parameters make it.

    Raises
    ------
    TemplateError
        For a condition that is not there or not understood.
    """
    decided = {
        name: _is_true(condition, parameters) for name, condition in template.conditions.items()
    }
    return replace(
        template,
        conditions={},
        resources={
            name: replace(
                resource, condition=None, properties=_chosen(resource.properties, decided)
            )
            for name, resource in template.resources.items()
            if resource.condition is None or _named(decided, resource.condition)
        },
        outputs=_chosen(template.outputs, decided),
    )


def _is_true(condition: Any, parameters: Mapping[str, str]) -> bool:
    [(intrinsic, argument)] = condition.items()
    if intrinsic == "Fn::Not":
        return not _is_true(argument[0], parameters)
    if intrinsic == "Fn::Equals":
        left, right = (_text(side, parameters) for side in argument)
        return left == right
    raise TemplateError(f"{intrinsic} is not understood in a condition")


def _text(side: Any, parameters: Mapping[str, str]) -> str:
    return parameters[side["Ref"]] if isinstance(side, dict) else str(side)


def _named(decided: Mapping[str, bool], name: str) -> bool:
    if name not in decided:
        raise TemplateError(f"no condition is called {name}")
    return decided[name]


def _chosen(value: Any, decided: Mapping[str, bool]) -> Any:
    """Return a value with every Fn::If replaced by its branch, and nothing where that is none."""
    if isinstance(value, list):
        chosen = [_chosen(item, decided) for item in value]
        return [item for item in chosen if item != _NO_VALUE]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Fn::If"}:
        condition, if_true, if_false = value["Fn::If"]
        return _chosen(if_true if _named(decided, condition) else if_false, decided)
    chosen_items = ((key, _chosen(item, decided)) for key, item in value.items())
    return {key: item for key, item in chosen_items if item != _NO_VALUE}
