"""Starts kernels."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Mapping
from pathlib import Path

from jupyter_client.connect import write_connection_file

from perijove.aio.executors import FILES
from perijove.model.reasons import Reason
from perijove_agent.ending import Failure
from perijove_agent.kernel.connection import KernelConnection, new_context
from perijove_agent.kernel.kernel import Kernel
from perijove_agent.kernel.spec import KernelProgram
from perijove_agent.removal import remove
from perijove_agent.runtime import Launch, Runtime


class KernelLauncher:
    """Starts kernels in a runtime, each with its sockets in a private folder.

    Parameters
    ----------
    runtime : Runtime
        Where they run.
    folder : Path
        Holds the sockets; readable by this user only, and removed at the end.
    timeout : float
        Seconds a kernel may take until it answers.
    """

    def __init__(self, runtime: Runtime, folder: Path, timeout: float = 60.0) -> None:
        self.runtime = runtime
        self._folder = folder
        self._timeout = timeout
        self._context = new_context()
        self._numbers = itertools.count(1)

    async def start(self, program: KernelProgram, environment: Mapping[str, str], folder: Path) -> Kernel:
        """Start a kernel and wait until it is ready.

        Raises
        ------
        perijove_agent.ending.Failure
            With `Reason.NO_KERNEL`: it cannot be started.
        """
        place = self._folder / str(next(self._numbers))
        place.mkdir(mode=0o700)
        connection = self._connection_file(place)
        try:
            kernel = await self._launch(program, environment, folder, connection)
        except BaseException:
            await FILES.run(remove, place)
            raise
        try:
            await kernel.wait_ready(self._timeout)
            await kernel.prepare()
        except BaseException:
            await kernel.aclose()
            raise
        return kernel

    async def aclose(self) -> None:
        """Remove the sockets' folder and end the sockets' context. Every kernel was closed before."""
        self._context.destroy(linger=0)
        await FILES.run(remove, self._folder)

    def _connection_file(self, place: Path) -> Path:
        # Names of IPC sockets are the "ip", a dash and the "port".
        key = secrets.token_hex(32).encode()
        write_connection_file(
            str(place / "connection.json"),
            shell_port=1,
            iopub_port=2,
            stdin_port=3,
            control_port=4,
            hb_port=5,
            ip=str(place / "k"),
            transport="ipc",
            key=key,
        )
        return place / "connection.json"

    async def _launch(
        self, program: KernelProgram, environment: Mapping[str, str], folder: Path, connection: Path
    ) -> Kernel:
        argv = [argument.replace("{connection_file}", str(connection)) for argument in program.argv]
        own = {**program.environment, "IPYTHONDIR": str(connection.parent / "ipython")}
        variables = {**environment, "PWD": str(folder), **own}
        client = KernelConnection(context=self._context)
        client.allow_stdin = False
        client.load_connection_file(str(connection))
        try:
            process = await self.runtime.start(Launch(argv, variables, folder))
        except OSError as error:
            detail = f"The kernel '{program.name}' could not be started: {error.strerror or error} ({argv[0]})."
            raise Failure(Reason.NO_KERNEL, detail) from error
        client.process = process
        client.start_channels(stdin=False, hb=False)
        return Kernel(program, process, client, connection.parent, environment)
