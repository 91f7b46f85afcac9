"""The pydantic base classes of the vocabulary."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_snake


def to_kebab(name: str) -> str:
    """Return `name` as ``valohai.yaml`` writes it: ``time_limit`` → ``time-limit``."""
    return to_snake(name).replace("_", "-")


class Model(BaseModel):
    """An immutable value that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class KebabModel(BaseModel):
    """An immutable part of a spec; its JSON names are kebab-case, as in ``valohai.yaml``.

    Python names are accepted as well, so that ``Spec(time_limit=60)`` reads naturally.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_kebab, populate_by_name=True)


class Resource(BaseModel):
    """What the REST API answers. Readers ignore fields a newer server adds."""

    model_config = ConfigDict(frozen=True, extra="ignore")
