"""A form field for each parameter of a notebook, of the kind its type asks for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import ipywidgets as widgets

from perijove.parameters import Parameter, Text

_PLAIN: dict[str, tuple[Any, tuple[type, ...]]] = {
    "int": (widgets.IntText, (int,)),
    "float": (widgets.FloatText, (float, int)),
    "bool": (widgets.Checkbox, (bool,)),
}
#: Wide enough for a name, so that the fields of a form stand below each other.
STYLE = {"description_width": "9em"}
WIDTH = widgets.Layout(width="32em")


@dataclass(frozen=True)
class Field:
    """A parameter and the widget it is typed into."""

    parameter: Parameter
    widget: Any
    shown: Any

    @property
    def changed(self) -> bool:
        """Whether it differs from the notebook's own value."""
        return bool(self.widget.value != self.shown)

    @property
    def value(self) -> Any:
        """What was typed; text is read by the parameter's type when it is submitted."""
        typed = self.widget.value
        as_text = isinstance(self.widget, widgets.Text) and self.parameter.type != "str"
        return Text(typed) if as_text else typed


def field_for(parameter: Parameter) -> Field:
    """Return the field of a parameter, which shows its default."""
    default: Any = parameter.default
    kind, plain = _PLAIN.get(parameter.type, (widgets.Text, ()))
    shown = default if isinstance(default, str) else json.dumps(default)
    if type(default) in plain:
        shown = default
    else:  # text holds what the others can't, such as None, or the source of an expression
        kind = widgets.Text
    widget = kind(value=shown, description=parameter.name, tooltip=parameter.help or parameter.name, style=STYLE)
    widget.layout = WIDTH
    return Field(parameter, widget, shown)
