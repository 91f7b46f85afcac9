"""A notebook as a script, for images that have no kernel."""

from __future__ import annotations

import re
from typing import Any

import nbformat
from nbconvert.exporters import Exporter, PythonExporter, ScriptExporter
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode

from perijove.parameters import is_python

#: Magics that only mean something to a notebook, and ``%%time`` and its like, of which the body matters.
_NOTEBOOK_ONLY = re.compile(
    r"^[ \t]*%(?:autoreload|config|gui|load_ext|matplotlib|reload_ext|xmode|%time|%capture|%prun)\b.*$", re.MULTILINE
)


class PlainPython(Preprocessor):
    """Turns magics without a meaning outside a notebook into comments. What remains of magics needs IPython to run."""

    def preprocess_cell(self, cell: NotebookNode, resources: dict[str, Any], index: int) -> tuple[Any, dict[str, Any]]:
        """Comment a cell's magics out."""
        if cell.cell_type == "code":
            cell.source = _NOTEBOOK_ONLY.sub(lambda line: f"# {line[0].strip()}", cell.source)
        return cell, resources


def to_script(document: NotebookNode | dict[str, Any]) -> tuple[str, str]:
    """Return a notebook's code as a script, and the file extension of its language, such as ``.py``.

    Parameters
    ----------
    document : NotebookNode or dict
        A converted document.
    """
    node = nbformat.from_dict(document)
    is_plain = is_python(node)
    exporter: Exporter = PythonExporter(preprocessors=[PlainPython(enabled=True)]) if is_plain else ScriptExporter()
    text, resources = exporter.from_notebook_node(node)
    return str(text), str(resources["output_extension"])
