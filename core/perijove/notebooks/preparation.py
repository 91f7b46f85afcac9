"""From a notebook's path to what a submission needs, in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from perijove import errors
from perijove.model.canonical import digest
from perijove.model.spec import Notebook
from perijove.notebooks.conversion import convert
from perijove.notebooks.document import load_notebook, read_notebook
from perijove.notebooks.needed import Needed
from perijove.parameters import Parameter, inject, inspect_parameters
from perijove.paths import real_path, why_not


@dataclass(frozen=True)
class Prepared:
    """A notebook, ready to submit.

    Attributes
    ----------
    spec_notebook : Notebook
        The spec's notebook part, with the document's digest.
    document : dict
        The converted document, without the cell that sets parameters: the agent adds it.
    parameters : dict
        The values to set, with their types; for the spec.
    notes : list of str
        What the person should know, in sentences.
    declared : list of Parameter
        All parameters of the notebook.
    needed : Needed, optional
        Which cells went along with chosen ones, and for which names.
    """

    spec_notebook: Notebook
    document: dict[str, Any]
    parameters: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    declared: list[Parameter] = field(default_factory=list)
    needed: Needed | None = None

    @property
    def running(self) -> list[str]:
        """The ids of the code cells that will run, in order, that which sets the parameters among them."""
        document = inject(self.document, self.parameters, self.spec_notebook.kernel or "")
        return [cell["id"] for cell in document["cells"] if cell["cell_type"] == "code"]


def prepare(
    path: str | Path,
    root: str | Path,
    cells: str | Sequence[str | int] | None = None,
    context: str = "needed",
    parameters: Mapping[str, Any] | None = None,
    kernel: str | None = None,
    content: Mapping[str, Any] | None = None,
) -> Prepared:
    """Read and convert a notebook of the project folder `root`.

    Parameters
    ----------
    path : str or Path
        The notebook; a relative path starts at the current folder.
    root : str or Path
        The project folder, in which the notebook must lie.
    cells, context, parameters, kernel
        As `convert` takes them.
    content : mapping, optional
        The notebook as it stands in an editor, where that is not what the file holds.

    Raises
    ------
    perijove.errors.InvalidPath
        The notebook does not lie in the project folder.
    perijove.errors.InvalidNotebook, perijove.errors.UnknownCell, perijove.errors.InvalidParameter
        As `read_notebook` and `convert` raise them.
    """
    inside = path_inside(path, root)
    loaded = read_notebook(path) if content is None else load_notebook(dict(content), inside)
    converted = convert(loaded.document, inside, cells, context, parameters, kernel)
    return Prepared(
        _spec_notebook(
            path=inside,
            sha256=digest(converted.document),
            cells=converted.cells,
            context=converted.context,
            kernel=kernel,
        ),
        converted.document,
        converted.parameters,
        [*loaded.notes, *converted.notes],
        inspect_parameters(loaded.document, kernel or ""),
        converted.needed,
    )


def path_inside(path: str | Path, root: str | Path) -> str:
    """Return `path` relative to the project folder `root`, links resolved, with forward slashes.

    Raises
    ------
    perijove.errors.InvalidPath
        It does not lie in it.
    """
    try:
        return Path(real_path(path)).relative_to(real_path(root)).as_posix()
    except OSError as error:
        raise errors.InvalidPath(f"The notebook {str(path)!r} can't be read: {why_not(error)}.") from None
    except ValueError:
        raise errors.InvalidPath(
            f"The notebook {str(path)!r} does not lie in the project folder {str(root)!r}.",
            "Move it there, or name another project folder.",
        ) from None


def _spec_notebook(**fields: Any) -> Notebook:
    try:
        return Notebook(**fields)
    except ValidationError as error:
        first = error.errors()[0]
        kind = errors.InvalidPath if first["loc"][:1] == ("path",) else errors.InvalidSpec
        raise kind(f"The notebook's {first['loc'][0]} can't be sent: {first['msg']}.") from None
