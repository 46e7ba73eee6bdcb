-- Posters without an outcome that the sink cancels or fails, one page at a time: those after ($1, $2), 1,000 at most.
-- `ended_at` becomes the time of the outcome: the same row always gets the same one, so that the event is the same.

-- name: cancelled
SELECT r.job_id, r.poster_index, r.entity_id, r.generation, r.attempt, r.template_version_id, r.section,
       r.template_version, r.metadata, r.source, greatest(j.cancel_requested_at, r.created_at) AS ended_at
FROM template_poster_results r JOIN template_generation_jobs j USING (job_id)
WHERE (r.job_id, r.poster_index) > ($1, $2) AND r.job_id = ANY ($3::text[]) AND r.status_rank < 2
  AND r.generation <= j.cancelled_up_to
ORDER BY r.job_id, r.poster_index LIMIT 1000;

-- name: replayed
-- Cancelled jobs whose cancel covers later generations too.
SELECT job_id, cancelled_up_to, cancel_requested_at, cancel_reason, source FROM template_generation_jobs
WHERE job_id = ANY ($1::text[]) AND cancelled_up_to > 0 ORDER BY job_id;

-- name: incomplete
-- Posters of open jobs that no part has brought within $3 of the first one. A job may claim any number of posters, so
-- only the first ten thousand missing ones are listed; once those have ended, the next ones are.
WITH missing AS (
    SELECT j.job_id, i AS poster_index, j.metadata, j.source, j.recorded_at + $3::interval AS ended_at
    FROM template_generation_jobs j
    CROSS JOIN LATERAL (SELECT count(*) AS known FROM template_poster_results r WHERE r.job_id = j.job_id) AS c
    CROSS JOIN LATERAL generate_series(0, least(j.total_count - 1, c.known + 9999)) AS i
    WHERE j.status IN ('queued', 'processing') AND j.recorded_at < now() - $3::interval AND c.known < j.total_count
      AND j.job_id >= $1
)
SELECT m.job_id, m.poster_index::integer, 'unknown' AS entity_id, 0 AS generation, 1 AS attempt,
       NULL::uuid AS template_version_id, NULL AS section, NULL::integer AS template_version, m.metadata, m.source,
       m.ended_at
FROM missing m
WHERE (m.job_id, m.poster_index) > ($1, $2)
  -- Row by row on purpose: with NOT EXISTS the planner would read all results.
  AND (SELECT r.poster_index FROM template_poster_results r
       WHERE r.job_id = m.job_id AND r.poster_index = m.poster_index) IS NULL
ORDER BY m.job_id, m.poster_index LIMIT 1000;

-- name: expired
SELECT r.job_id, r.poster_index, r.entity_id, r.generation, r.attempt, r.template_version_id, r.section,
       r.template_version, r.metadata, r.source, j.deadline AS ended_at
FROM template_generation_jobs j JOIN template_poster_results r USING (job_id)
WHERE (r.job_id, r.poster_index) > ($1, $2) AND j.status IN ('queued', 'processing') AND j.deadline < now()
  AND r.status_rank < 2
ORDER BY r.job_id, r.poster_index LIMIT 1000;

-- name: stale
SELECT r.job_id, r.poster_index, r.entity_id, r.generation, r.attempt, r.template_version_id, r.section,
       r.template_version, r.metadata, r.source, r.updated_at + $3::interval AS ended_at
FROM template_poster_results r
WHERE (r.job_id, r.poster_index) > ($1, $2) AND r.status_rank < 2 AND r.updated_at < now() - $3::interval
  AND NOT EXISTS (SELECT FROM template_generation_jobs j WHERE j.job_id = r.job_id AND j.deadline < now())
ORDER BY r.job_id, r.poster_index LIMIT 1000;
