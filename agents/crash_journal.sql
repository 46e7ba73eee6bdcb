-- The journal of records in flight: $1 is the role, $2 the worker. A note is a subject and a range of offsets.

-- name: begin
-- Writes notes and returns those of other workers that share a record with them.
WITH mine AS (
    SELECT * FROM unnest($3::text[], $4::bigint[], $5::bigint[]) AS n (subject, first_offset, last_offset)
), noted AS (
    INSERT INTO crash_journal AS j (role, worker, subject, first_offset, last_offset)
    SELECT $1, $2, m.subject, m.first_offset, m.last_offset FROM mine m
    -- A record that is queued again is noted alone while its first note may still be there.
    ON CONFLICT (role, subject, first_offset, worker)
        DO UPDATE SET last_offset = greatest(j.last_offset, excluded.last_offset), begun_at = now()
)
SELECT j.subject, j.first_offset, j.last_offset, j.crashes
FROM mine m JOIN crash_journal j ON j.role = $1 AND j.subject = m.subject
WHERE j.worker <> $2 AND j.first_offset <= m.last_offset AND j.last_offset >= m.first_offset;

-- name: adopt
-- Gives notes the crashes $6 of those that they replace. Of a replaced note all offsets that are in no note here are left.
WITH mine AS (
    SELECT * FROM unnest($3::text[], $4::bigint[], $5::bigint[], $6::integer[])
        AS n (subject, first_offset, last_offset, crashes)
), raised AS (
    UPDATE crash_journal j SET crashes = greatest(j.crashes, m.crashes) FROM mine m
    WHERE j.role = $1 AND j.worker = $2 AND j.subject = m.subject AND j.first_offset = m.first_offset
), replaced AS (
    -- Each once, whichever of the notes here share a record with it.
    DELETE FROM crash_journal j
    WHERE j.role = $1 AND j.worker <> $2 AND j.subject = ANY ($3) AND EXISTS (
        SELECT FROM mine m
        WHERE m.subject = j.subject AND m.first_offset <= j.last_offset AND m.last_offset >= j.first_offset)
    RETURNING j.worker, j.subject, j.first_offset, j.last_offset, j.crashes
), remainder AS (
    -- A gap begins with the old note, or behind one here; it ends before the next one here, or with the old note.
    SELECT r.worker, r.subject, r.crashes, s.first_offset,
           least(r.last_offset, (SELECT min(m.first_offset) - 1 FROM mine m
                                 WHERE m.subject = r.subject AND m.first_offset > s.first_offset)) AS last_offset
    FROM replaced r CROSS JOIN LATERAL (
        SELECT r.first_offset
        UNION
        SELECT m.last_offset + 1 FROM mine m
        WHERE m.subject = r.subject AND m.last_offset >= r.first_offset AND m.last_offset < r.last_offset
    ) AS s (first_offset)
    WHERE NOT EXISTS (
        SELECT FROM mine m
        WHERE m.subject = r.subject AND s.first_offset BETWEEN m.first_offset AND m.last_offset)
)
-- Sorted, so that all old notes are deleted before the first gap is inserted.
INSERT INTO crash_journal (role, worker, subject, first_offset, last_offset, crashes)
SELECT DISTINCT ON (worker, subject, first_offset) $1, worker, subject, first_offset, last_offset, crashes
FROM remainder ORDER BY worker, subject, first_offset, last_offset DESC
ON CONFLICT DO NOTHING;

-- name: end
-- Removes notes, and what others have left of them; a longer one that begins alike is still needed.
DELETE FROM crash_journal j USING unnest($3::text[], $4::bigint[], $5::bigint[]) AS n (subject, first_offset, last_offset)
WHERE j.role = $1 AND j.worker = $2 AND j.subject = n.subject
  AND j.first_offset BETWEEN n.first_offset AND n.last_offset AND j.last_offset <= n.last_offset;

-- name: leave
DELETE FROM crash_journal WHERE role = $1 AND worker = $2;

-- name: expire
DELETE FROM crash_journal WHERE role = $1 AND begun_at < now() - interval '1 day';
