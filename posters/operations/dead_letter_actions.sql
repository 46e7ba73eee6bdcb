-- name: lock
SELECT pg_advisory_xact_lock(8101825473520693763);

-- name: done
SELECT role, topic, "partition", "offset", "timestamp" FROM dead_letter_actions;

-- name: record
INSERT INTO dead_letter_actions (role, topic, "partition", "offset", "timestamp", action, acted_by)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING;

-- name: generation
SELECT coalesce(max(generation), -1) FROM template_poster_results
WHERE job_id = $1 AND poster_index BETWEEN $2 AND $3;

-- name: resume
-- A row without a build is of a role that works again by itself.
WITH resumed AS (DELETE FROM blown_fuses WHERE $1::text[] IS NULL OR role = ANY ($1) RETURNING role, build)
SELECT role FROM resumed WHERE build <> '';

-- name: paused
SELECT role, reason, build FROM blown_fuses WHERE build <> '' ORDER BY role;
