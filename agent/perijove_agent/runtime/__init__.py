"""Where work runs: processes of this machine; containers will follow behind the same protocol."""

from perijove_agent.runtime.protocol import Launch, Process, Runtime, Usage

__all__ = ["Launch", "Process", "Runtime", "Usage"]
