"""What every attempt of one agent uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from perijove.wire.protocol import AgentWire
from perijove_agent.folders import DataFolders
from perijove_agent.inventory import Inventory
from perijove_agent.kernel.warm import WarmKernels
from perijove_agent.runtime import Runtime
from perijove_agent.settings import Settings
from perijove_agent.signer import Signer
from perijove_agent.staging.inputs import Inputs
from perijove_agent.staging.source import Source
from perijove_agent.upload import Uploader


@dataclass(frozen=True)
class Tools:
    """The agent's parts, built once by `perijove_agent.assembly`.

    Attributes
    ----------
    worker : str
        This worker's id.
    environment : mapping
        The clean environment all work starts from.
    """

    settings: Settings
    worker: str
    wire: AgentWire
    folders: DataFolders
    environment: Mapping[str, str]
    runtime: Runtime
    kernels: WarmKernels
    signer: Signer
    source: Source
    inputs: Inputs
    uploader: Uploader
    inventory: Inventory
