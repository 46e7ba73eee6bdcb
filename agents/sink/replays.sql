-- name: record
INSERT INTO poster_replays (event_id, job_id, source, failed_only, poster_index, requested_at)
SELECT $1, $2, $3, $4, $5::integer, $6
WHERE NOT EXISTS (SELECT FROM finished_replays f WHERE f.event_id = $1)
ON CONFLICT DO NOTHING;

-- name: pin
-- A site can ask to replay a poster before its outcome is written here. The generation is recorded first, so that a repeat
-- does not replay the next one.
UPDATE poster_replays r SET generation = p.generation
FROM template_poster_results p
WHERE r.poster_index IS NOT NULL AND r.generation IS NULL
  AND p.job_id = r.job_id AND p.poster_index = r.poster_index AND p.status_rank = 2;

-- name: recorded
SELECT r.event_id, r.job_id, r.source, r.failed_only, r.poster_index, r.generation, r.requested_at, r.created_at,
       j.template_id, j.input_data, j.total_count, j.deadline
FROM poster_replays r JOIN template_generation_jobs j USING (job_id)
WHERE j.recorded_at IS NOT NULL AND (r.poster_index IS NULL OR r.generation IS NOT NULL) ORDER BY r.created_at, r.event_id;

-- name: ended
-- The posters of a job that had ended when the replay was recorded, after index $3; of each what a request says of it. A
-- poster that was replayed since is not among them, so that a repeat does not replay it again. With an index $6 only that
-- poster, as long as it is in generation $7.
SELECT r.poster_index, r.generation, r.entity_id, r.custom_data, r.metadata, r.output,
       r.section || '@' || r.template_version AS template
FROM template_poster_results r
WHERE r.job_id = $1 AND r.poster_index > $3 AND r.status_rank = 2 AND r.erased_at IS NULL
  AND CASE WHEN $6::integer IS NULL THEN r.updated_at <= $2 ELSE r.poster_index = $6 AND r.generation = $7::integer END
  AND (NOT $4 OR r.status = 'failed') AND r.requested_at IS NOT NULL AND r.generation < $5
  AND NOT EXISTS (SELECT FROM erased_posters e WHERE e.job_id = r.job_id AND e.poster_index = r.poster_index)
ORDER BY r.poster_index LIMIT 500;

-- name: done
WITH finished AS (DELETE FROM poster_replays WHERE event_id = $1 RETURNING event_id)
INSERT INTO finished_replays (event_id) SELECT event_id FROM finished ON CONFLICT DO NOTHING;

-- name: expire
-- Jobs that never came, and posters that never ended.
DELETE FROM poster_replays WHERE created_at < now() - interval '1 day';
