"""What the platform runs itself where nobody else runs it: a private Redis."""

from perijove_scheduler.embedded.redis import EmbeddedRedis

__all__ = ["EmbeddedRedis"]
