-- The journal of records in flight: $1 is the role, $2 the worker. A note is a subject and a range of offsets.

-- name: begin
-- Writes notes and returns those of other workers that share a record with them.
WITH mine AS (
    SELECT * FROM unnest($3::text[], $4::bigint[], $5::bigint[]) AS n (subject, first_offset, last_offset)
), noted AS (
    INSERT INTO crash_journal AS j (role, worker, subject, first_offset, last_offset)
    SELECT $1, $2, m.subject, m.first_offset, m.last_offset FROM mine m
    ON CONFLICT (role, subject, first_offset, worker) DO UPDATE SET last_offset = excluded.last_offset, begun_at = now()
)
SELECT j.subject, j.first_offset, j.last_offset, j.crashes
FROM mine m JOIN crash_journal j ON j.role = $1 AND j.subject = m.subject
WHERE j.worker <> $2 AND j.first_offset <= m.last_offset AND j.last_offset >= m.first_offset;

-- name: adopt
-- Gives notes the crashes $6 of those that they replace. Of a replaced note the offsets to come are left.
WITH mine AS (
    SELECT * FROM unnest($3::text[], $4::bigint[], $5::bigint[], $6::integer[])
        AS n (subject, first_offset, last_offset, crashes)
), raised AS (
    UPDATE crash_journal j SET crashes = m.crashes FROM mine m
    WHERE j.role = $1 AND j.worker = $2 AND j.subject = m.subject AND j.first_offset = m.first_offset
), replaced AS (
    DELETE FROM crash_journal j USING mine m
    WHERE j.role = $1 AND j.worker <> $2 AND j.subject = m.subject
      AND j.first_offset <= m.last_offset AND j.last_offset >= m.first_offset
    RETURNING j.worker, j.subject, m.last_offset + 1 AS first_offset, j.last_offset, j.crashes
)
INSERT INTO crash_journal (role, worker, subject, first_offset, last_offset, crashes)
SELECT DISTINCT ON (worker, subject, last_offset) $1, worker, subject, first_offset, last_offset, crashes FROM replaced
WHERE last_offset >= first_offset ORDER BY worker, subject, last_offset, first_offset DESC
ON CONFLICT DO NOTHING;

-- name: end
DELETE FROM crash_journal j USING unnest($3::text[], $4::bigint[]) AS n (subject, first_offset)
WHERE j.role = $1 AND j.worker = $2 AND j.subject = n.subject AND j.first_offset = n.first_offset;

-- name: leave
DELETE FROM crash_journal WHERE role = $1 AND worker = $2;

-- name: expire
DELETE FROM crash_journal WHERE role = $1 AND begun_at < now() - interval '1 day';
