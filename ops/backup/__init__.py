"""Backups: pg_dump archives with a manifest, in a folder or in S3; their verification, retention and restoration."""
