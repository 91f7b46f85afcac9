"""What the environment may set of the platform, as ``PERIJOVE_<NAME>``."""

from __future__ import annotations

#: Names of `Platform`'s traits.
ENVIRONMENT = (
    "data_dir",
    "local_group",
    "files_dir",
    "public_url",
    "database_url",
    "redis_url",
    "redis_worker_url",
    "redis_ca_file",
    "redis_cert_file",
    "redis_key_file",
    "replica",
    "shared_origin",
)
