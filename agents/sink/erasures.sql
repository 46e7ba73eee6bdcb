-- name: record
INSERT INTO poster_erasures (event_id, job_id, section, entity_id, source, requested_at)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING;

-- name: recorded
SELECT event_id, job_id, section, entity_id, source, requested_at, answered_at FROM poster_erasures
WHERE answered_at IS NULL OR $1
ORDER BY requested_at, event_id;

-- name: expire
DELETE FROM poster_erasures WHERE answered_at IS NOT NULL AND requested_at < now() - interval '1 day';

-- name: of_job
-- Posters of a job and the source $2 that have ended and are not erased yet.
SELECT job_id, poster_index, entity_id, generation, attempt, template_version_id, section, template_version, metadata,
       object_key, images
FROM template_poster_results
WHERE job_id = $1 AND status_rank = 2 AND erased_at IS NULL AND source IS NOT DISTINCT FROM $2
ORDER BY poster_index LIMIT 500;

-- name: of_entity
-- The same of an entity and the source $4, requested before $3. The section of a poster that failed early is only in its
-- request.
SELECT r.job_id, r.poster_index, r.entity_id, r.generation, r.attempt, r.template_version_id, r.section,
       r.template_version, r.metadata, r.object_key, r.images
FROM template_poster_results r JOIN template_generation_jobs j USING (job_id)
WHERE r.entity_id = $2 AND r.created_at <= $3 AND r.status_rank = 2 AND r.erased_at IS NULL
  AND r.source IS NOT DISTINCT FROM $4
  AND coalesce(r.section = $1, j.template_id = $1 || '_latest' OR starts_with(j.template_id, $1 || '@'))
ORDER BY r.job_id, r.poster_index LIMIT 500;

-- name: open_of_job
SELECT count(*) FROM template_poster_results WHERE job_id = $1 AND status_rank < 2 AND source IS NOT DISTINCT FROM $2;

-- name: open_of_entity
SELECT count(*) FROM template_poster_results
WHERE entity_id = $2 AND created_at <= $3 AND status_rank < 2 AND coalesce(section = $1, true)
  AND source IS NOT DISTINCT FROM $4;

-- name: ended_up_to
-- The generation up to which all posters of a job have ended; no row while some have not, or are not known yet.
SELECT max(r.generation) AS generation
FROM template_poster_results r JOIN template_generation_jobs j USING (job_id)
WHERE r.job_id = $1
GROUP BY j.job_id HAVING bool_and(r.status_rank = 2) AND count(*) >= j.total_count;

-- name: later_keys_of_entity
-- Objects of the entity that posters requested after $3 rely on.
SELECT DISTINCT image ->> 'object_key' AS object_key
FROM template_poster_results r CROSS JOIN LATERAL jsonb_array_elements(r.images) AS image
WHERE r.entity_id = $2 AND r.section = $1 AND r.created_at > $3 AND r.source IS NOT DISTINCT FROM $4;

-- name: commands_section
-- Whether a source may command a section, and so erase its previews, of which nobody knows whose they are.
SELECT coalesce((SELECT is_shared OR source IS NOT DISTINCT FROM $2 FROM template_sections WHERE section = $1), true)
       AS allowed;

-- name: forget
-- Posters are never rendered again from here on, and their data are emptied. Locks the jobs' rows first, as every writer
-- does. The last poster of a job takes the job's data with it.
WITH requested AS (
    SELECT job_id, poster_index FROM unnest($1::text[], $2::integer[]) AS w (job_id, poster_index)
), locked AS (
    SELECT job_id FROM template_generation_jobs
    WHERE job_id IN (SELECT job_id FROM requested) ORDER BY job_id FOR NO KEY UPDATE
), tombstones AS (
    INSERT INTO erased_posters (job_id, poster_index) SELECT job_id, poster_index FROM requested
    ORDER BY job_id, poster_index ON CONFLICT DO NOTHING
), emptied AS (
    UPDATE template_poster_results r SET custom_data = '{}', output = NULL, updated_at = now()
    FROM requested w JOIN locked USING (job_id)
    WHERE r.job_id = w.job_id AND r.poster_index = w.poster_index
)
UPDATE template_generation_jobs j SET input_data = '{}', updated_at = now()
FROM locked
WHERE j.job_id = locked.job_id AND NOT EXISTS (
    SELECT FROM template_poster_results r
    WHERE r.job_id = j.job_id AND r.erased_at IS NULL AND (r.job_id, r.poster_index) NOT IN (SELECT * FROM requested));

-- name: mark
-- Posters are erased: their objects are deleted, and that was published.
WITH requested AS (
    SELECT job_id, poster_index FROM unnest($1::text[], $2::integer[]) AS w (job_id, poster_index)
), locked AS (
    SELECT job_id FROM template_generation_jobs
    WHERE job_id IN (SELECT job_id FROM requested) ORDER BY job_id FOR NO KEY UPDATE
)
UPDATE template_poster_results r SET custom_data = '{}', output = NULL, erased_at = now(), updated_at = now()
FROM requested w JOIN locked USING (job_id)
WHERE r.job_id = w.job_id AND r.poster_index = w.poster_index;

-- name: answered
UPDATE poster_erasures SET answered_at = coalesce(answered_at, now()) WHERE event_id = $1;
