"""Which program a kernel's name stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

from perijove.model.reasons import Reason
from perijove_agent.ending import Failure

#: The kernel of a notebook that names none.
DEFAULT = "python3"
_PYTHONS = frozenset({"python", "python3"})


@dataclass(frozen=True)
class KernelProgram:
    """How a kernel is started.

    Attributes
    ----------
    name : str
        The kernelspec's name.
    argv : sequence of str
        The command; ``{connection_file}`` in it stands for the connection file.
    environment : mapping
        Variables the kernelspec adds.
    by_message : bool
        Whether it is interrupted by a message instead of a signal.
    """

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    by_message: bool = False

    @property
    def is_default(self) -> bool:
        """Whether a warm kernel can stand for it."""
        return self.name == DEFAULT


def default_program(python: str) -> KernelProgram:
    """Return ipykernel run by the interpreter `python`; its history stays in memory."""
    # As in ipykernel's own kernelspec: its debugger complains on standard error about frozen modules.
    argv = [python, "-Xfrozen_modules=off", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    return KernelProgram(DEFAULT, [*argv, "--HistoryManager.hist_file=:memory:"])


def find_program(name: str, python: str) -> KernelProgram:
    """Return the program of the kernelspec `name`; ``python3`` is ipykernel run by `python`, wherever that is.

    Raises
    ------
    perijove_agent.ending.Failure
        With `Reason.NO_KERNEL`: no kernelspec of that name is installed on this worker.
    """
    if name == DEFAULT:
        return default_program(python)
    manager = KernelSpecManager()
    try:
        spec = manager.get_kernel_spec(name)
    except NoSuchKernel:
        known = ", ".join(sorted({DEFAULT, *manager.find_kernel_specs()}))
        raise Failure(Reason.NO_KERNEL, f"There is no kernel '{name}' on this worker; it has: {known}.") from None
    argv = [argument.replace("{resource_dir}", spec.resource_dir) for argument in spec.argv]
    if argv[0] in _PYTHONS:
        argv[0] = python
    return KernelProgram(name, argv, dict(spec.env), spec.interrupt_mode == "message")


def kernel_name(chosen: str | None, notebook: Mapping[str, Any]) -> str:
    """Return the name of the kernel to run: the chosen one, else the notebook's own, else the default."""
    spec = notebook.get("metadata", {}).get("kernelspec")
    own = spec.get("name") if isinstance(spec, Mapping) else None
    return chosen or (own if isinstance(own, str) else "") or DEFAULT
