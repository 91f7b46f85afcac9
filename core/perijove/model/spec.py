"""The spec of an execution: everything that says what runs, and nothing that says how it went.

Field names follow ``valohai.yaml`` (https://docs.valohai.com) where it has one; JSON names are kebab-case.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field, StringConstraints, field_validator, model_validator
from typing_extensions import Self

from perijove.model.base import KebabModel
from perijove.model.durations import Seconds
from perijove.model.ids import CodeVersionId, Line, Name, RelativePath, Sha256, as_line

_ENVIRONMENT_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
_RESERVED_PREFIXES = ("PERIJOVE_", "VH_")
_INPUT_SCHEMES = ("datum://", "https://", "http://")

#: A parameter's value: what JSON has, as papermill passes it on.
ParameterValue = bool | int | float | str | list[Any] | dict[str, Any] | None
ParameterName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$", max_length=200)]
Tag = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f,]{1,64}$")]


class Notebook(KebabModel):
    """Notebook work: which notebook, and what was chosen of it.

    Attributes
    ----------
    path : str
        Where the notebook lies in the code snapshot; its folder is the working directory.
    sha256 : str, optional
        The digest of the converted document that runs; the master fills it in when it stores the document.
    cells : list of str, optional
        The cell ids the person chose; None for the whole notebook.
    context : str, optional
        What goes along with chosen cells: ``only``, ``needed`` or ``above``.
    kernel : str, optional
        The kernelspec's name; by default the notebook's own.
    origin : str, optional
        Where the person's own notebook lies, as their JupyterLab names it: it tells notebooks of one name in different
        project folders apart. Nothing is read there.
    """

    path: RelativePath
    sha256: Sha256 | None = None
    cells: list[str] | None = None
    context: Annotated[str, StringConstraints(pattern="^(only|needed|above)$")] | None = None
    kernel: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,100}$")] | None = None
    origin: RelativePath | None = None


class Input(KebabModel):
    """A named input: its files appear under ``$PERIJOVE_INPUTS/<name>/``."""

    name: Name
    uris: Annotated[list[str], Field(min_length=1, max_length=1000)]

    @field_validator("uris")
    @classmethod
    def _known_schemes(cls, uris: list[str]) -> list[str]:
        for uri in uris:
            if not uri.startswith(_INPUT_SCHEMES):
                raise ValueError(f"'{uri}' must start with one of {', '.join(_INPUT_SCHEMES)}")
        return uris


class Resources(KebabModel):
    """What an execution takes of its worker: CPUs (may be fractions), bytes of memory, whole GPUs."""

    cpus: Annotated[float, Field(gt=0, le=4096)] = 1
    memory: Annotated[int, Field(ge=0, le=1 << 53)] = 0
    gpus: Annotated[int, Field(ge=0, le=64)] = 0


class Spec(KebabModel):
    """What one execution runs, on which group and with what. Immutable; exactly one of `command`, `notebook`.

    Attributes
    ----------
    title, tags
        For people; they change nothing of what runs.
    command : list of str, optional
        Shell lines, run in order; every one must succeed. ``{parameters}`` and ``{parameter:name}`` are
        replaced as valohai does.
    notebook : Notebook, optional
        Notebook work.
    code : str, optional
        The code version unpacked as the working folder.
    group : str
        The worker group's name.
    image : str, optional
        The container image; groups of the ``process`` runtime take none.
    time_limit, no_output_timeout : int, optional
        Seconds the work may take in all, and may stay silent.
    priority : int
        -100 … 100; among one person's executions the higher goes first.
    retries : int
        How often infrastructure may fail before the execution is given up; the user's own failures never repeat.
    """

    title: Line = ""
    tags: Annotated[list[Tag], Field(max_length=50)] = []
    command: Annotated[list[str], Field(min_length=1, max_length=1000)] | None = None
    notebook: Notebook | None = None
    code: CodeVersionId | None = None
    group: Name
    image: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][A-Za-z0-9._/:@-]{0,254}$")] | None = None
    parameters: dict[ParameterName, ParameterValue] = {}
    inputs: Annotated[list[Input], Field(max_length=200)] = []
    environment_variables: dict[str, str] = {}
    resources: Resources = Resources()
    time_limit: Seconds | None = None
    no_output_timeout: Seconds | None = None
    priority: Annotated[int, Field(ge=-100, le=100)] = 0
    retries: Annotated[int, Field(ge=0, le=100)] = 2

    @field_validator("command", mode="before")
    @classmethod
    def _one_line_is_a_list(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value

    @field_validator("command")
    @classmethod
    def _no_nul_in_commands(cls, value: list[str] | None) -> list[str] | None:
        if value and any("\0" in line or not line.strip() for line in value):
            raise ValueError("a command must not be empty or hold a NUL character")
        return value

    @field_validator("environment_variables")
    @classmethod
    def _plain_environment(cls, value: dict[str, str]) -> dict[str, str]:
        for name, text in value.items():
            if not _ENVIRONMENT_NAME.fullmatch(name):
                raise ValueError(f"'{name}' is not a name of an environment variable")
            if name.startswith(_RESERVED_PREFIXES):
                raise ValueError(f"'{name}' is reserved: names starting PERIJOVE_ and VH_ are set by the worker")
            if "\0" in text:
                raise ValueError(f"the value of '{name}' holds a NUL character")
        return value

    @field_validator("inputs")
    @classmethod
    def _inputs_have_distinct_names(cls, value: list[Input]) -> list[Input]:
        names = [item.name for item in value]
        if len(set(names)) != len(names):
            raise ValueError("two inputs have the same name")
        return value

    @model_validator(mode="after")
    def _one_kind_of_work(self) -> Self:
        if (self.command is None) == (self.notebook is None):
            raise ValueError("give either a command or a notebook")
        return self

    def heading(self) -> str:
        """Return what a person knows an execution of it by, on one line: its title, else what it runs."""
        return as_line(self.title or (self.notebook.path if self.notebook else " ; ".join(self.command or ())))

    def as_json(self) -> dict[str, Any]:
        """Return the spec as the JSON object that is stored, sent and shown; defaults are left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
