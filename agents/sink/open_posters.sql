-- Posters without an outcome that the sink cancels or fails, one page of 1,000 at a time, and the jobs that lack some.
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
-- Open jobs with posters that no part has brought within $3 of the first one: those after ($1, $2), at most $4. What a
-- job costs is what it has sent: the posters that it only declares are counted by subtraction.
SELECT j.job_id, j.recorded_at AS since, c.known, j.total_count - c.known AS missing
FROM template_generation_jobs j
CROSS JOIN LATERAL (SELECT count(*)::integer AS known FROM template_poster_results r
                    WHERE r.job_id = j.job_id AND r.poster_index < j.total_count) AS c
WHERE j.status IN ('queued', 'processing') AND j.recorded_at < now() - $3::interval
  AND (j.recorded_at, j.job_id) > ($1, $2) AND j.cancelled_up_to IS NULL AND j.total_count <= $5
  AND c.known < j.total_count
ORDER BY j.recorded_at, j.job_id LIMIT $4;

-- name: abandoned
-- Open jobs that were cancelled before all of their posters came: those after ($1, $2), at most $3.
SELECT j.job_id, j.recorded_at AS since, c.known, j.total_count - c.known AS missing
FROM template_generation_jobs j
CROSS JOIN LATERAL (SELECT count(*)::integer AS known FROM template_poster_results r
                    WHERE r.job_id = j.job_id AND r.poster_index < j.total_count) AS c
WHERE j.status IN ('queued', 'processing') AND (j.recorded_at, j.job_id) > ($1, $2)
  AND j.cancelled_up_to IS NOT NULL AND j.total_count <= $4 AND c.known < j.total_count
ORDER BY j.recorded_at, j.job_id LIMIT $3;

-- name: missing
-- The posters that no part has brought of jobs $1: of each the first $4 with an index from $2 to $3. Their outcome is
-- dated $5 after the first part, or where that is null, as the cancel.
SELECT j.job_id, m.poster_index, 'unknown' AS entity_id, 0 AS generation, 1 AS attempt,
       NULL::uuid AS template_version_id, NULL AS section, NULL::integer AS template_version, j.metadata, j.source,
       coalesce(j.recorded_at + $5::interval, j.cancel_requested_at) AS ended_at
FROM unnest($1::text[], $2::integer[], $3::integer[], $4::integer[]) WITH ORDINALITY
    AS share (job_id, first, last, posters, number)
JOIN template_generation_jobs j USING (job_id)
CROSS JOIN LATERAL (
    SELECT i AS poster_index FROM generate_series(share.first, least(share.last, j.total_count - 1)) AS i
    -- Row by row on purpose: with NOT EXISTS the planner would read all results.
    WHERE (SELECT r.poster_index FROM template_poster_results r
           WHERE r.job_id = share.job_id AND r.poster_index = i) IS NULL
    ORDER BY i LIMIT share.posters) AS m
ORDER BY share.number, m.poster_index;

-- name: oversized
-- Locks open jobs of more than $2 posters, which only earlier builds accepted, where parts are missing after $1 or the
-- job is cancelled.
SELECT j.job_id, j.total_count FROM template_generation_jobs j
WHERE j.status IN ('queued', 'processing') AND j.total_count > $2
  AND (j.recorded_at < now() - $1::interval OR j.cancelled_up_to IS NOT NULL)
  AND (SELECT count(*) FROM template_poster_results r WHERE r.job_id = j.job_id) < j.total_count
ORDER BY j.job_id LIMIT 100 FOR NO KEY UPDATE OF j;

-- name: close
-- Lowers the total of jobs $1 to the posters that came. A statement after the lock, so that it counts all of them.
UPDATE template_generation_jobs j
SET total_count = greatest(1, c.known), success_count = c.completed, failure_count = c.failed,
    cancelled_count = c.cancelled,
    status = CASE WHEN c.completed + c.failed + c.cancelled < greatest(1, c.known) THEN j.status
                  WHEN c.cancelled > 0 THEN 'cancelled' WHEN c.completed = 0 THEN 'failed' ELSE 'completed' END,
    finished_at = CASE WHEN c.completed + c.failed + c.cancelled >= greatest(1, c.known) THEN c.finished_at END,
    revision = j.revision + 1, revised_at = now(), updated_at = now()
FROM unnest($1::text[]) AS k (job_id)
CROSS JOIN LATERAL (
    SELECT count(*)::integer AS known, count(*) FILTER (WHERE t.status = 'completed')::integer AS completed,
           count(*) FILTER (WHERE t.status = 'failed')::integer AS failed,
           count(*) FILTER (WHERE t.status = 'cancelled')::integer AS cancelled, max(t.finished_at) AS finished_at
    FROM template_poster_results t WHERE t.job_id = k.job_id) AS c
WHERE j.job_id = k.job_id
RETURNING j.job_id, j.status, j.total_count, j.success_count, j.failure_count, j.cancelled_count, j.revision,
          j.revised_at, j.metadata, j.source;

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
