"""The queue on Redis, by subject: tickets, workers and their rights, events, records, changes."""

from perijove_scheduler.queue.redis.queue import RedisQueue

__all__ = ["RedisQueue"]
