-- name: note
-- Committed before anybody asks who needs these objects. Again where an erasure is repeated.
INSERT INTO erased_objects (object_key, event_id, job_id, source, requested_at)
SELECT key, $5::uuid, $2::text, $3::text, $4::timestamptz FROM unnest($1::text[]) AS key
ORDER BY key
ON CONFLICT (object_key, event_id) DO UPDATE SET noted_at = now();

-- name: needed
-- Which of the objects $1 other posters rely on than those that are erased: of other sources than $3, or of other jobs than
-- $2 and requested after $4. Posters that share an image share all of them, so the first one finds the row.
WITH needing AS (
    SELECT r.object_key, r.images FROM template_poster_results r
    WHERE r.object_key = ANY ($1::text[]) AND r.erased_at IS NULL AND r.job_id IS DISTINCT FROM $2
      AND (r.source IS DISTINCT FROM $3 OR r.created_at > $4)
)
SELECT object_key FROM needing
UNION
SELECT image ->> 'object_key' FROM needing CROSS JOIN LATERAL jsonb_array_elements(images) AS image;

-- name: shown
-- Posters after ($1, $2) that need objects which were deleted: those that `needed` would have named.
SELECT DISTINCT r.job_id, r.poster_index, r.generation, r.source,
       ARRAY(SELECT r.object_key UNION
             SELECT image ->> 'object_key' FROM jsonb_array_elements(r.images) AS image) AS keys
FROM erased_objects e JOIN template_poster_results r ON r.object_key = e.object_key
WHERE (r.job_id, r.poster_index) > ($1, $2::integer) AND r.status = 'completed' AND r.requested_at IS NOT NULL
  AND r.erased_at IS NULL AND r.job_id IS DISTINCT FROM e.job_id
  AND (r.source IS DISTINCT FROM e.source OR r.created_at > e.requested_at)
ORDER BY r.job_id, r.poster_index LIMIT 100;

-- name: restore
-- A replay of one poster, as if its site had asked for it.
INSERT INTO poster_replays (event_id, job_id, source, failed_only, poster_index, generation, requested_at)
SELECT $1, $2, $3, false, $4::integer, $5::integer, now()
WHERE NOT EXISTS (SELECT FROM finished_replays f WHERE f.event_id = $1)
ON CONFLICT DO NOTHING;

-- name: settle
-- These objects exist again, or still. A sink that is slow may not have deleted one yet, for less than $2.
DELETE FROM erased_objects WHERE object_key = ANY ($1::text[]) AND noted_at < now() - $2::interval;

-- name: forget
DELETE FROM erased_objects WHERE noted_at < now() - $1::interval;
