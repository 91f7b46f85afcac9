"""What a page sends: a notebook as it stands in the editor, what is chosen of it, and with what it is to run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, ValidationError

from perijove.errors import InvalidRequest
from perijove.model.base import Model
from perijove.model.spec import ParameterValue

if TYPE_CHECKING:
    from perijove.client.submit import Submission


class Choices(Model):
    """How to run: what the dialog asks, and what the notebook remembers. Everything has a default."""

    group: str = ""
    image: str = ""
    title: str = ""
    tags: list[str] = []
    parameters: dict[str, ParameterValue] = {}
    inputs: dict[str, str | list[str]] = {}
    environment: dict[str, str] = {}
    time_limit: str = ""
    no_output_timeout: str = ""


class Document(Model):
    """A notebook and what is chosen of it.

    Attributes
    ----------
    path : str
        Where the notebook lies, as JupyterLab names it.
    content : dict
        The notebook, saved or not.
    cells : list of str, optional
        The ids of the chosen cells; None for the whole notebook.
    """

    path: Annotated[str, Field(min_length=1)]
    content: dict[str, Any]
    cells: list[str] | None = None
    context: Literal["only", "needed", "above"] = "needed"
    choices: Choices = Choices()

    def submission(self, file: Path, origin: str) -> Submission:
        """Return the work this document asks for; `file` is where it lies, `origin` the same as JupyterLab shows it."""
        from perijove.client.submit import Submission  # noqa: PLC0415 - httpx is slow to import

        chosen = self.choices
        return Submission(
            path=file,
            content=self.content,
            origin=origin,
            cells=self.cells,
            context=self.context,
            group=chosen.group or None,
            image=chosen.image or None,
            title=chosen.title,
            tags=chosen.tags,
            parameters=chosen.parameters,
            inputs=chosen.inputs,
            environment=chosen.environment,
            time_limit=chosen.time_limit or None,
            no_output_timeout=chosen.no_output_timeout or None,
        )


def read_document(body: dict[str, Any]) -> Document:
    """Return the document of a request.

    Raises
    ------
    perijove.errors.InvalidRequest
        It is not one; the sentence names the field.
    """
    try:
        return Document.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise InvalidRequest(f"The field '{field}' is not valid: {first['msg']}.") from None
