"""The wire: how workers and the master speak through Redis.

The keys and the Lua scripts stand here, once, because both sides use them: the agent's half is `perijove.wire.agent`,
the master's half `perijove_scheduler.queue`.
"""
