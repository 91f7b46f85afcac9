"""The sources of the cells that carry variables there and back. On the worker they need nothing of Perijove's."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

#: Where the variables lie: at the top of the code snapshot, and among the outputs.
SENT, BROUGHT = ".perijove-variables.pkl", "variables.pkl"

_READ = '''\
def _perijove_variables(*names):
    """Return variables of the session that sent this cell."""
    import os, pickle, sys

    if sys.version_info[:2] != ({major}, {minor}):
        here = "{{}}.{{}}".format(*sys.version_info)
        print(f"This worker runs Python {{here}}, your session {major}.{minor}: functions and classes "
              "sent by --in may not work.", file=sys.stderr)
    with open(os.path.join(os.environ["PERIJOVE_REPOSITORY"], "{file}"), "rb") as file:
        try:
            values = pickle.load(file)
        except ImportError as error:
            raise ImportError(f"What --in sent can't be read on this worker: {{error}}. "
                              "Install it there, or choose a group or an image that has it.") from None
        except Exception as error:
            raise RuntimeError(f"What --in sent can't be read on this worker: {{type(error).__name__}}: {{error}}. "
                               "Are its Python and its packages those of your session?") from error
    return [values[name] for name in names]


'''
_TAKE = "[{names}] = _perijove_variables({texts})"
_KEEP = "_perijove_parameters = {{{items}}}"
_RESTORE = "[{names}] = [_perijove_parameters[name] for name in [{texts}]]"
_WRITE = '''\
def _perijove_results(*names):
    """Leave variables for the session that sent this cell."""
    import os
    try:
        import cloudpickle as pickle
    except ImportError:
        import pickle  # enough for all but functions and classes of this notebook

    values = {{}}
    for name in names:
        if name not in globals():
            raise NameError(f"--out asks for {{name!r}}, but nothing here has that name.")
        values[name] = globals()[name]
    with open(os.path.join(os.environ["PERIJOVE_OUTPUTS"], "{file}"), "wb") as file:
        try:
            pickle.dump(values, file)
        except Exception as error:
            for name in names:
                try:
                    pickle.dumps(values[name])
                except Exception as why:
                    raise TypeError(f"{{name!r}} can't be brought back: {{why}}") from None
            raise TypeError(f"{{', '.join(names)}} can't be brought back: {{error}}") from None


_perijove_results({texts})
'''


def reading(names: Sequence[str]) -> str:
    """Return the source that gives the names that were sent their values."""
    head = _READ.format(major=sys.version_info.major, minor=sys.version_info.minor, file=SENT)
    return head + reading_again(names)


def reading_again(names: Sequence[str]) -> str:
    """Return the source that gives names their values once more, below `reading`."""
    return _TAKE.format(**_lists(names))


def parameters(values: Mapping[str, Any]) -> str:
    """Return the source of the cell that declares parameters."""
    return "\n".join(f"{name} = {value!r}" for name, value in values.items())


def keeping(names: Sequence[str]) -> str:
    """Return the source that remembers the parameters as they were set."""
    return _KEEP.format(items=", ".join(f'"{name}": {name}' for name in names))


def restoring(names: Sequence[str]) -> str:
    """Return the source that sets parameters again, below `keeping`."""
    return _RESTORE.format(**_lists(names))


def writing(names: Sequence[str]) -> str:
    """Return the source that leaves variables among the outputs."""
    return _WRITE.format(file=BROUGHT, **_lists(names))


def _lists(names: Sequence[str]) -> dict[str, str]:
    return {"names": ", ".join(names), "texts": ", ".join(f'"{name}"' for name in names)}
