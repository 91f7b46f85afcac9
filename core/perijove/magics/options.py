"""What is written behind ``%%remote``."""

from __future__ import annotations

import keyword
from argparse import Namespace
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from IPython.core.error import UsageError


@dataclass(frozen=True)
class Options:
    """How a cell is sent.

    Attributes
    ----------
    group, image, title, limit : str, optional
        The worker group, the container image, the execution's title, and the time it may take.
    inputs, outputs : tuple of str
        Names of variables that are sent along, and that are brought back.
    parameters : dict
        Values that are set for the run, and that a later run of it can change.
    data : bool
        Whether `outputs` come back as plain data, which runs nothing where it is read.
    detach : bool
        Whether to leave it to itself at once.
    """

    group: str | None = None
    image: str | None = None
    title: str = ""
    limit: str | None = None
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict)
    data: bool = False
    detach: bool = False

    @classmethod
    def read(cls, given: Namespace) -> Options:
        """Return the options that IPython's parser found.

        Raises
        ------
        IPython.core.error.UsageError
            A name is no variable's, a parameter has no value, or one is set twice.
        """
        inputs, parameters = _names("--in", given.inputs), dict(_parameter(text) for text in given.parameters or ())
        if twice := sorted(parameters.keys() & {*inputs}):
            raise UsageError(f"{twice[0]!r} is set by -p and sent by --in; choose one.")
        return cls(
            group=given.group,
            image=given.image,
            title=" ".join(given.title or ()),
            limit=given.limit,
            inputs=inputs,
            outputs=_names("--out", given.outputs),
            parameters=parameters,
            data=given.data,
            detach=given.detach,
        )


def _names(option: str, given: Iterable[str] | None) -> tuple[str, ...]:
    """Return the names of a comma-separated list, each once."""
    names = dict.fromkeys(name.strip() for text in given or () for name in text.split(",") if name.strip())
    for name in names:
        _check(option, name)
    return tuple(names)


def _parameter(text: str) -> tuple[str, Any]:
    from perijove.client.typed import value_of  # noqa: PLC0415 - imports the client, which a session may never need

    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"-p takes name=value, not {text!r}.")
    _check("-p", name)
    return name, value_of(value)


def _check(option: str, name: str) -> None:
    if not name.isidentifier() or keyword.iskeyword(name):
        raise UsageError(f"{option} takes names of variables; {name!r} is none.")
