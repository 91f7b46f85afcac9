"""An attempt's numbered records: written to a spool on disk, sent to Redis from there, archived from there."""
