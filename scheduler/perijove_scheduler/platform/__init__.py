"""The composition root: everything of the scheduler, put together, started and stopped in order."""

from perijove_scheduler.platform.platform import Platform

__all__ = ["Platform"]
