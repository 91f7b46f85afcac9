"""A PostgreSQL with a million executions and 300,000 past workers, made by the database itself in well under a minute.

Some of it is there to mislead a planner: what is common everywhere is rare in the largest project, and the other way
round; a notebook, a code version and a project's name are shared by thousands.
"""

from __future__ import annotations

import asyncio

import psycopg

from perijove_scheduler.store.store import Store

EXECUTIONS, WORKERS, PROJECTS = 1_000_000, 300_000, 20_000
#: So many wait, and so many are under way; what counts them may read them.
WAITING, LIVE = 20_000, 5_000
#: So many belong to the largest project, which is ada's; three of them are hers, the others bob's.
LARGEST = 300_000
GROUPS = 200
NOTEBOOK, CODE = "a" * 64, "~" + "c" * 64

#: Of the server: nothing of it has to survive, and it is written in one go.
OPTIONS = "-c wal_level=minimal -c max_wal_senders=0 -c max_wal_size=8GB -c shared_buffers=512MB -c autovacuum=off"

_TABLES = ("projects", "members", "code_versions", "groups", "workers", "executions", "tags", "attempts",
           "log_segments", "data", "uses", "idempotency_keys")  # fmt: skip


def id_of(kind: str, number: int) -> str:
    """Return the identifier of the execution, project, worker or datum of that number."""
    return f"{kind}-{number:07d}{0:019d}"


def load(url: str) -> None:
    """Migrate an empty database and fill it."""
    asyncio.run(_migrate(url))
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("SET maintenance_work_mem = '256MB'")
        connection.execute("SET session_replication_role = replica")  # what is made here refers to what is there
        found = connection.execute("SELECT indexname, indexdef FROM pg_indexes WHERE indexname LIKE 'ix_%'").fetchall()
        for name, _ in found:
            connection.execute(f"DROP INDEX {name}")
        for statement in _ROWS:
            connection.execute(statement)
        for _, definition in found:
            connection.execute(definition)
        connection.execute("VACUUM (ANALYZE) " + ", ".join(_TABLES))


async def _migrate(url: str) -> None:
    store = await Store.open(url)
    await store.migrate()
    await store.aclose()


def _id(kind: str, number: str) -> str:
    return f"'{kind}-' || rpad(lpad(({number})::text, 7, '0'), 26, '0')"


_ENDED = EXECUTIONS - WAITING - LIVE
_AGE = f"now() - make_interval(secs => ({EXECUTIONS} - n) * 30)"
_STATUS = f"""CASE
  WHEN n > {EXECUTIONS - WAITING} THEN 'created'
  WHEN n > {_ENDED} THEN (ARRAY['queued', 'started', 'started', 'started', 'stopping'])[n % 5 + 1]
  WHEN n <= {LARGEST} THEN 'complete'
  WHEN n % 13 = 0 THEN 'error' WHEN n % 57 = 0 THEN 'crashed' WHEN n % 101 = 0 THEN 'stopped' ELSE 'complete' END"""
_ROWS = (
    f"""INSERT INTO groups (name, settings, token_sha256, created_at)
        SELECT 'group-' || n, '{{"provider": "process", "max_workers": 20}}', '', now()
        FROM generate_series(0, {GROUPS - 1}) n""",
    f"""INSERT INTO projects (id, owner, name, next_number, executions, created_at)
        SELECT {_id("pr", "n")}, CASE n WHEN 1 THEN 'ada' ELSE 'owner-' || n % 10000 END,
          CASE WHEN n % 4 = 0 THEN 'demo' ELSE 'project-' || n END, 10000000, 35, now()
        FROM generate_series(1, {PROJECTS}) n WHERE n % 4 > 0 OR n <= 10000""",
    """INSERT INTO members (project_id, kind, name, role, accepted)
        SELECT p.id, 'user', 'owner-' || k, 'member', true
        FROM projects p, generate_series(1, 3) m,
          LATERAL (SELECT (substr(p.id, 4, 7)::int * 7 + m * 131) % 10000 k) k""",
    f"""INSERT INTO members (project_id, kind, name, role, accepted)
        SELECT {_id("pr", "n * 101 + 1")}, 'user', 'ada', 'viewer', true FROM generate_series(1, 50) n""",
    f"""INSERT INTO workers (id, group_name, state, host, version, capacity, machine, created_at, enrolled_at, ended_at)
        SELECT {_id("wk", "n")}, 'group-' || n % {GROUPS},
          CASE WHEN n > {WORKERS} THEN 'idle' ELSE 'gone' END, 'h', '1',
          '{{"cpus": 1}}', CASE WHEN n > {WORKERS - 10} THEN '{{"provider": "process"}}'::jsonb ELSE '{{}}' END,
          now(), now(), CASE WHEN n <= {WORKERS} THEN now() - make_interval(mins => {WORKERS} - n) END
        FROM generate_series(1, {WORKERS + 2_000}) n""",
    f"""INSERT INTO executions (id, project_id, number, owner, group_name, status, detail, attempt, retries_left,
          priority, title, spec, code, notebook, worker, metadata, environment, created_at, finished_at)
        SELECT {_id("ex", "n")},
          CASE WHEN n <= {LARGEST} THEN {_id("pr", "1")} ELSE {_id("pr", f"n % {PROJECTS // 4} * 4 + 1")} END, n,
          CASE WHEN n <= {LARGEST} THEN CASE n % 100000 WHEN 7 THEN 'ada' ELSE 'bob' END
               WHEN n % 100 = 0 THEN 'ada' ELSE 'owner-' || n % 50 END,
          CASE WHEN n > {EXECUTIONS - WAITING} THEN 'group-0' ELSE 'group-' || n % {GROUPS} END, {_STATUS}, '', 1, 2, 0,
          'title', '{{"command": ["true"], "group": "g", "resources": {{"cpus": 1}}}}',
          CASE WHEN n % 2 = 0 THEN '{CODE}' END, CASE WHEN n <= {LARGEST} THEN '{NOTEBOOK}' END,
          CASE WHEN n <= {EXECUTIONS - WAITING} THEN {_id("wk", f"n % {WORKERS} + 1")} END, '{{}}', '{{}}', {_AGE},
          CASE WHEN n <= {_ENDED} THEN {_AGE} END
        FROM generate_series(1, {EXECUTIONS}) n""",
    "UPDATE executions SET worker = NULL WHERE status = 'queued'",
    f"""INSERT INTO attempts (execution_id, attempt, worker, started_at, finished_at, archived_at)
        SELECT {_id("ex", "n")}, 1, {_id("wk", f"n % {WORKERS} + 1")}, {_AGE}, CASE WHEN n <= {_ENDED} THEN {_AGE} END,
          CASE WHEN n <= {_ENDED} - 100 THEN {_AGE} END
        FROM generate_series(1, {EXECUTIONS - WAITING}) n""",
    f"""INSERT INTO log_segments (execution_id, attempt, first, last, size)
        SELECT {_id("ex", "n")}, 1, 1, 100, 1 FROM generate_series(1, {_ENDED}, 10) n""",
    f"""INSERT INTO tags (execution_id, tag, project_id)
        SELECT id, CASE WHEN number <= {LARGEST} THEN 'rare' ELSE 'nightly' END, project_id FROM executions
        WHERE number BETWEEN {LARGEST} + 1 AND {_ENDED} AND number % 10 = 0 OR number IN (1, 100001, 200001)""",
    f"""INSERT INTO data (id, execution_id, attempt, name, size, sha256, media_type, created_at)
        SELECT {_id("da", "n")}, {_id("ex", "n")}, 1, 'out.csv', 1, '', 'text/csv', {_AGE}
        FROM generate_series(4, {_ENDED}, 4) n""",
    f"""INSERT INTO uses (execution_id, datum_id)
        SELECT {_id("ex", "n + 1")}, {_id("da", "n")} FROM generate_series(400, {_ENDED}, 40) n""",
    f"""INSERT INTO idempotency_keys (owner, key, request_sha256, made, created_at)
        SELECT 'ada', 'key-' || n, '', {_id("pr", "1")} || ' ' || n, {_AGE}
        FROM generate_series(500000, {EXECUTIONS}, 10) n""",
    f"""INSERT INTO code_versions (project_id, id, size, created_by, created_at)
        SELECT id, '{CODE}', 1, 'ada', now() FROM projects
        UNION ALL SELECT {_id("pr", "1")}, '~' || lpad(n::text, 64, '0'), 1, 'ada', now() - interval '300 days'
        FROM generate_series(1, 50000) n""",
)
