-- Raises the revision of a kine table in PostgreSQL that was restored, above both histories, and compacts it up to there:
-- psql --set replaced=REVISION --set ON_ERROR_STOP=1 --single-transaction --file raiseRevisions.sql
INSERT INTO kine (id, name, created, deleted, create_revision, prev_revision, lease)
  SELECT raised, 'gap-' || raised, 0, 1, 0, 0, 0 FROM (SELECT GREATEST(MAX(id), :replaced) + 1000 AS raised FROM kine) AS highest;
UPDATE kine SET prev_revision = (SELECT MAX(id) FROM kine) WHERE name = 'compact_rev_key';
SELECT setval(pg_get_serial_sequence('kine', 'id'), (SELECT MAX(id) FROM kine));
