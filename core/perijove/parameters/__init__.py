"""A notebook's parameters: which its cell declares, which values they may have, and the cell that sets them.

It is papermill's convention (https://papermill.readthedocs.io): a cell tagged ``parameters`` declares them, and what is
set goes into a cell tagged ``injected-parameters`` below it. A document is stored once for all values it runs with; the
agent that runs it sets them. Nothing here executes a cell, and the time it takes grows with a document's size and no
faster: service, client and agent read other people's notebooks with it. A document is what `json.loads` gives.
"""

from perijove.parameters.declarations import Parameter, inspect_parameters
from perijove.parameters.injection import check_values, inject, parameters_source
from perijove.parameters.language import INJECTED_TAG, TAG, is_python, language_of, tags_of
from perijove.parameters.values import Text, check_parameters

__all__ = [
    "INJECTED_TAG",
    "TAG",
    "Parameter",
    "Text",
    "check_parameters",
    "check_values",
    "inject",
    "inspect_parameters",
    "is_python",
    "language_of",
    "parameters_source",
    "tags_of",
]
