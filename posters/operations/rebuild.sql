-- The rebuilt tables stand in the schema posters_rebuild, the recorded ones in the one that is found first.
-- What is compared is what the events say: not when a row was written, how often its counts changed on the way, nor which
-- of two events that say the same came first.

-- name: begin
DROP SCHEMA IF EXISTS posters_rebuild CASCADE;
CREATE SCHEMA posters_rebuild;

-- name: keep_owners
-- The topics do not say who was first where records have different keys. What was erased is emptied at the end.
INSERT INTO posters_rebuild.job_owners (job_id, source, claimed_at)
    SELECT job_id, source, claimed_at FROM job_owners;
INSERT INTO posters_rebuild.job_owners (job_id, source, claimed_at)
    SELECT job_id, source, recorded_at FROM template_generation_jobs WHERE recorded_at IS NOT NULL
    ON CONFLICT (job_id) DO UPDATE SET source = excluded.source, claimed_at = excluded.claimed_at
    WHERE job_owners.claimed_at IS NULL;
INSERT INTO posters_rebuild.early_commands (job_id, source, cancel_event_id, cancel_requested_at, cancel_reason)
    SELECT job_id, source, cancel_event_id, cancel_requested_at, cancel_reason FROM early_commands;

-- name: keep_erased
-- The topics may still hold what was erased, and do not say what that has cancelled. A poster whose row is lost is erased
-- all the same; one that is being erased is not marked yet.
UPDATE posters_rebuild.template_poster_results n SET custom_data = '{}', output = NULL, erased_at = o.erased_at
    FROM template_poster_results o
    WHERE o.job_id = n.job_id AND o.poster_index = n.poster_index AND o.erased_at IS NOT NULL;
UPDATE posters_rebuild.template_poster_results n
    SET custom_data = '{}', output = NULL, erased_at = CASE WHEN o.job_id IS NULL THEN e.erased_at ELSE o.erased_at END
    FROM erased_posters e LEFT JOIN template_poster_results o USING (job_id, poster_index)
    WHERE e.job_id = n.job_id AND e.poster_index = n.poster_index;
UPDATE posters_rebuild.template_generation_jobs n SET input_data = '{}'
    WHERE EXISTS (SELECT FROM erased_posters e WHERE e.job_id = n.job_id) AND NOT EXISTS (
        SELECT FROM posters_rebuild.template_poster_results r WHERE r.job_id = n.job_id AND NOT EXISTS (
            SELECT FROM erased_posters e WHERE e.job_id = r.job_id AND e.poster_index = r.poster_index));
UPDATE posters_rebuild.template_generation_jobs n SET input_data = '{}'
    FROM template_generation_jobs o
    WHERE o.job_id = n.job_id AND o.input_data = '{}' AND EXISTS (
        SELECT FROM template_poster_results r WHERE r.job_id = o.job_id AND r.erased_at IS NOT NULL);
UPDATE posters_rebuild.template_generation_jobs n
    SET cancel_event_id = o.cancel_event_id, cancel_requested_at = o.cancel_requested_at,
        cancel_reason = o.cancel_reason, cancelled_up_to = o.cancelled_up_to
    FROM template_generation_jobs o
    WHERE o.job_id = n.job_id AND n.cancel_event_id IS NULL AND (
        EXISTS (SELECT FROM job_owners w WHERE w.job_id = o.job_id AND w.erased_at IS NOT NULL)
        OR EXISTS (SELECT FROM early_commands e WHERE e.job_id = o.job_id AND e.erased_at IS NOT NULL));

-- name: job_differences
WITH recorded AS (
    SELECT job_id, status, total_count, success_count, failure_count, cancelled_count, template_id, input_data, metadata,
           source, deadline, requested_at, cancel_requested_at, cancel_reason, finished_at
    FROM template_generation_jobs WHERE job_id IN (
        SELECT job_id FROM posters_rebuild.template_generation_jobs WHERE recorded_at IS NOT NULL)
), rebuilt AS (
    SELECT job_id, status, total_count, success_count, failure_count, cancelled_count, template_id, input_data, metadata,
           source, deadline, requested_at, cancel_requested_at, cancel_reason, finished_at
    FROM posters_rebuild.template_generation_jobs WHERE recorded_at IS NOT NULL
)
SELECT DISTINCT job_id FROM ((TABLE recorded EXCEPT TABLE rebuilt) UNION ALL (TABLE rebuilt EXCEPT TABLE recorded)) AS d;

-- name: poster_differences
WITH recorded AS (
    SELECT r.job_id, r.poster_index, r.entity_id, r.status, r.generation, r.attempt, r.output_url, r.object_key, r.sha256,
           r.size_bytes, r.width, r.height, r.format, r.template_version_id, r.section, r.template_version,
           r.generation_time_ms, r.queue_time_ms, r.cached, r.degraded, r.warnings, r.assets, r.images, r.error_code,
           r.error_message, r.custom_data, r.metadata, r.source, r.requested_at, r.finished_at, r.outcome_topic,
           r.outcome_partition, r.outcome_offset, CASE WHEN r.status_rank = 2 THEN r.event_id END
    FROM template_poster_results r WHERE job_id IN (
        SELECT job_id FROM posters_rebuild.template_generation_jobs WHERE recorded_at IS NOT NULL)
), rebuilt AS (
    SELECT r.job_id, r.poster_index, r.entity_id, r.status, r.generation, r.attempt, r.output_url, r.object_key, r.sha256,
           r.size_bytes, r.width, r.height, r.format, r.template_version_id, r.section, r.template_version,
           r.generation_time_ms, r.queue_time_ms, r.cached, r.degraded, r.warnings, r.assets, r.images, r.error_code,
           r.error_message, r.custom_data, r.metadata, r.source, r.requested_at, r.finished_at, r.outcome_topic,
           r.outcome_partition, r.outcome_offset, CASE WHEN r.status_rank = 2 THEN r.event_id END
    FROM posters_rebuild.template_poster_results r WHERE job_id IN (
        SELECT job_id FROM posters_rebuild.template_generation_jobs WHERE recorded_at IS NOT NULL)
)
SELECT DISTINCT job_id FROM ((TABLE recorded EXCEPT TABLE rebuilt) UNION ALL (TABLE rebuilt EXCEPT TABLE recorded)) AS d;

-- name: log_differences
-- Lines that the retention has dropped are no difference, and lines of operators may stand under no job.
SELECT DISTINCT job_id FROM (
    SELECT event_id, job_id, poster_index, level, code, message, details, source
    FROM posters_rebuild.template_generation_logs
    WHERE created_at >= coalesce((SELECT min(created_at) FROM template_generation_logs), 'infinity')
    EXCEPT SELECT event_id, job_id, poster_index, level, code, message, details, source FROM template_generation_logs) AS d;

-- name: size
SELECT (SELECT count(*) FROM posters_rebuild.template_generation_jobs) AS jobs,
       (SELECT count(*) FROM posters_rebuild.template_poster_results) AS posters,
       (SELECT count(*) FROM posters_rebuild.template_generation_logs) AS lines;

-- name: replace
-- Jobs whose request the topics still hold are taken over as they were rebuilt; older ones stay as they are.
LOCK TABLE template_generation_jobs, template_poster_results IN SHARE ROW EXCLUSIVE MODE;
CREATE TEMPORARY TABLE taken_over ON COMMIT DROP AS
    SELECT job_id FROM posters_rebuild.template_generation_jobs WHERE recorded_at IS NOT NULL;
-- Sites drop revisions lower than they know: the new ones go on from the old ones.
UPDATE posters_rebuild.template_generation_jobs n SET revision = o.revision + n.revision
    FROM template_generation_jobs o WHERE o.job_id = n.job_id;
DELETE FROM template_poster_results WHERE job_id IN (SELECT job_id FROM taken_over);
DELETE FROM template_generation_jobs WHERE job_id IN (SELECT job_id FROM taken_over);
INSERT INTO template_generation_jobs
    SELECT * FROM posters_rebuild.template_generation_jobs WHERE job_id IN (SELECT job_id FROM taken_over);
INSERT INTO template_poster_results (
    job_id, poster_index, entity_id, status, generation, attempt, event_id, output_url, object_key, sha256, size_bytes,
    width, height, format, template_version_id, section, template_version, generation_time_ms, queue_time_ms,
    cached, degraded, warnings, assets, images, error_code, error_message, custom_data, output, metadata, source,
    requested_at, finished_at, outcome_topic, outcome_partition, outcome_offset, erased_at, created_at, updated_at)
    SELECT job_id, poster_index, entity_id, status, generation, attempt, event_id, output_url, object_key, sha256,
        size_bytes, width, height, format, template_version_id, section, template_version,
        generation_time_ms, queue_time_ms, cached, degraded, warnings, assets, images, error_code,
        error_message, custom_data, output, metadata, source, requested_at, finished_at, outcome_topic,
        outcome_partition, outcome_offset, erased_at, created_at, updated_at
    FROM posters_rebuild.template_poster_results WHERE job_id IN (SELECT job_id FROM taken_over);
INSERT INTO template_generation_logs SELECT n.* FROM posters_rebuild.template_generation_logs n
    WHERE NOT EXISTS (SELECT FROM template_generation_logs o WHERE o.event_id = n.event_id);
