"""The sources of the cells that carry variables there and back. On the worker they need nothing of Perijove's."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

#: Where the variables lie: at the top of the code snapshot, and among the outputs, as a pickle or as data.
SENT, BROUGHT, DATA = ".perijove-variables.pkl", "variables.pkl", "variables.zip"
#: The cell that leaves variables, and the type of the display that has the digest of what it wrote.
RESULTS, DIGEST = "perijove-results", "application/vnd.perijove.results+json"

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
    import hashlib, os

    class Digesting:
        """Digests what is written, as another program may change what lies on the disk afterwards."""

        def __init__(self, file):
            self.file, self.digest, self.flush = file, hashlib.sha256(), file.flush

        def write(self, data):
            self.digest.update(data)
            return self.file.write(data)

    values = {{}}
    for name in names:
        if name not in globals():
            raise NameError(f"--out asks for {{name!r}}, but nothing here has that name.")
        values[name] = globals()[name]
    with open(os.path.join(os.environ["PERIJOVE_OUTPUTS"], "{file}"), "wb") as file:
        target = Digesting(file)
        {dump}(values, target)
    try:
        from IPython import get_ipython
        publisher = get_ipython().display_pub
    except (ImportError, AttributeError):
        return
    digest = target.digest.hexdigest()
    publisher.publish({{"{mime}": {{"file": "{file}", "sha256": digest}}, "text/plain": "{file}: SHA-256 " + digest}})


_perijove_results({texts})
'''
_DUMP_PICKLE = '''\
def _perijove_dump(values, file):
    """Pickle variables together."""
    try:
        import cloudpickle as pickle
    except ImportError:
        import pickle  # enough for all but functions and classes of this notebook

    try:
        pickle.dump(values, file)
    except Exception as error:
        for name, value in values.items():
            try:
                pickle.dumps(value)
            except Exception as why:
                raise TypeError(f"{name!r} can't be brought back: {why}") from None
        raise TypeError(f"{', '.join(values)} can't be brought back: {error}") from None


'''
_DUMP_DATA = '''\
def _perijove_dump_data(values, file):
    """Write variables as JSON, .npy and Arrow: nothing runs where they are read."""
    import io, json, zipfile

    with zipfile.ZipFile(file, "w") as archive:
        for name, value in values.items():
            package, buffer = type(value).__module__.partition(".")[0], io.BytesIO()
            try:
                if package == "numpy":
                    import numpy
                    if isinstance(value, numpy.ma.MaskedArray):
                        raise TypeError("its mask would be lost")
                    numpy.save(buffer, value, allow_pickle=False)
                    kind = "npy"
                elif package in ("pandas", "pyarrow"):
                    import pyarrow
                    table = value if isinstance(value, pyarrow.Table) else pyarrow.Table.from_pandas(value)
                    with pyarrow.ipc.new_file(buffer, table.schema) as writer:
                        writer.write_table(table)
                    kind = "arrow"
                else:
                    buffer.write(json.dumps(value).encode())
                    parts = [value]  # without end were it one of its own parts, which json has refused
                    for part in parts:
                        if isinstance(part, dict):
                            if other := [key for key in part if not isinstance(key, str)]:
                                raise TypeError(f"its key {other[0]!r} is no text and would become one")
                            parts += part.values()
                        elif isinstance(part, (list, tuple)):
                            parts += part
                    kind = "json"
            except Exception as error:
                raise TypeError(f"{name!r} can't be brought back as data: {error}. Leave --data out, or make numbers, "
                                "texts, lists, dictionaries, arrays or a data frame of it.") from None
            archive.writestr(f"{name}.{kind}", buffer.getvalue())


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


def writing(names: Sequence[str], *, data: bool = False) -> str:
    """Return the source that leaves variables among the outputs, as a pickle or as plain `data`."""
    how = {"file": DATA, "dump": "_perijove_dump_data"} if data else {"file": BROUGHT, "dump": "_perijove_dump"}
    return (_DUMP_DATA if data else _DUMP_PICKLE) + _WRITE.format(mime=DIGEST, **how, **_lists(names))


def digest_in(data: Mapping[str, Any]) -> str:
    """Return the SHA-256 in a display of the type `DIGEST`; empty where it holds none: any cell may make one."""
    shown = data.get(DIGEST)
    digest = shown.get("sha256") if isinstance(shown, Mapping) else None
    return digest if isinstance(digest, str) else ""


def _lists(names: Sequence[str]) -> dict[str, str]:
    return {"names": ", ".join(names), "texts": ", ".join(f'"{name}"' for name in names)}
