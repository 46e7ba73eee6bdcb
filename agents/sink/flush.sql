-- One flush: all rows of a batch, in one transaction and one round trip. `posters setup` creates the functions under names
-- that end in a digest of this file ({version}), so that sinks of several builds work side by side, each with its own, and
-- so that no session keeps anything: a connection pooler may run each transaction in another one. Each argument is an
-- array of objects whose names are the columns of the table; each has a key at most once. They are json and not jsonb,
-- because building jsonb only to unpack it costs time.
--
-- Rules:
--   * a poster's state only moves up in (generation, status_rank, attempt), and the first outcome of a generation stays;
--   * every writer locks the job's row first, so that it counts all committed rows;
--   * rows are written in the order of their keys, so that two sinks never deadlock.

CREATE OR REPLACE FUNCTION job_status_{version}(
    total integer, completed integer, failed integer, cancelled integer, begun boolean)
RETURNS text LANGUAGE sql IMMUTABLE
RETURN CASE
    WHEN total > 0 AND completed + failed + cancelled >= total THEN
        CASE WHEN cancelled > 0 THEN 'cancelled' WHEN completed = 0 THEN 'failed' ELSE 'completed' END
    WHEN begun THEN 'processing'
    ELSE 'queued'
END;

CREATE OR REPLACE FUNCTION flush_batch_{version}(
    p_jobs json, p_posters json, p_cancels json, p_logs json, p_count_bytes boolean)
RETURNS jsonb LANGUAGE plpgsql
-- A row locked by another transaction gives an UnavailableError, so that the wait is declared.
SET lock_timeout = '5s'
-- Tables grow from nothing to millions of rows during a session; an early generic plan would be kept.
SET plan_cache_mode = force_custom_plan
-- Rows are found by key, and those that are needed are recent, so in memory.
SET random_page_cost = 1.1
SET jit = off
AS $$
DECLARE
    requests   template_generation_jobs[] :=
        ARRAY(SELECT r FROM json_populate_recordset(NULL::template_generation_jobs, p_jobs) AS r);
    states     template_poster_results[] :=
        ARRAY(SELECT n FROM json_populate_recordset(NULL::template_poster_results, p_posters) AS n);
    cancels    template_generation_jobs[] :=
        ARRAY(SELECT c FROM json_populate_recordset(NULL::template_generation_jobs, p_cancels) AS c);
    lines      template_generation_logs[] :=
        ARRAY(SELECT l FROM json_populate_recordset(NULL::template_generation_logs, p_logs) AS l);
    known      text[];  -- jobs that have a row once this is done
    begun      text[];  -- jobs whose request is new
    moved_in   text[];  -- the jobs and
    moved      integer[];  -- indexes of the posters whose state moved
    pinned_in  text[];  -- the jobs and
    pinned     integer[];  -- indexes of those that only learned their template version
    stale      text[];  -- jobs with states that moved nothing: a redelivery, perhaps after a crash before job-events
    recounted  text[];  -- jobs whose posters or total changed
    revised    text[];  -- jobs whose counts or status changed
    conflicts  integer := 0;
    logged     integer;
BEGIN
    known := ARRAY(
        SELECT job_id FROM unnest(requests) UNION SELECT job_id FROM unnest(states)
        UNION SELECT job_id FROM unnest(cancels));

    -- 1 Job rows: from the request, or a stub (total_count 0) where a poster's state or a cancel arrives first.
    WITH inserted AS (
        INSERT INTO template_generation_jobs (job_id, total_count, template_id, input_data, metadata, source, deadline,
                                              requested_at, recorded_at, created_at, revision)
        SELECT k.job_id, coalesce(r.total_count, 0), r.template_id, coalesce(r.input_data, '{}'),
               coalesce(r.metadata, '{}'), r.source, r.deadline, r.requested_at,
               CASE WHEN r.job_id IS NOT NULL THEN now() END, coalesce(r.requested_at, now()),
               CASE WHEN r.job_id IS NOT NULL THEN 1 ELSE 0 END
        FROM unnest(known) AS k (job_id) LEFT JOIN unnest(requests) AS r USING (job_id)
        ORDER BY k.job_id
        ON CONFLICT (job_id) DO NOTHING
        RETURNING job_id, revision
    )
    SELECT coalesce(array_agg(job_id), '{}') INTO begun FROM inserted WHERE revision = 1;

    -- 2 The lock. Statements after it see every other sink's committed rows of these jobs.
    PERFORM FROM template_generation_jobs
    WHERE job_id = ANY (known || ARRAY(SELECT job_id FROM unnest(lines)))
    ORDER BY job_id FOR NO KEY UPDATE;

    -- 3 The request of a job that was a stub so far; a part with a larger total.
    WITH filled AS (
        UPDATE template_generation_jobs j
        SET total_count = greatest(j.total_count, r.total_count), revision = j.revision + 1, revised_at = now(),
            template_id = CASE WHEN j.recorded_at IS NULL THEN r.template_id ELSE j.template_id END,
            input_data = CASE WHEN j.recorded_at IS NULL THEN r.input_data ELSE j.input_data END,
            metadata = CASE WHEN j.recorded_at IS NULL THEN r.metadata ELSE j.metadata END,
            source = CASE WHEN j.recorded_at IS NULL THEN r.source ELSE j.source END,
            deadline = CASE WHEN j.recorded_at IS NULL THEN r.deadline ELSE j.deadline END,
            requested_at = coalesce(j.requested_at, r.requested_at),
            created_at = CASE WHEN j.recorded_at IS NULL THEN r.requested_at ELSE j.created_at END,
            recorded_at = coalesce(j.recorded_at, now()), updated_at = now()
        FROM unnest(requests) AS r
        WHERE j.job_id = r.job_id AND (j.recorded_at IS NULL OR j.total_count < r.total_count)
        RETURNING j.job_id
    )
    SELECT begun || coalesce(array_agg(job_id), '{}') INTO begun FROM filled;

    -- 4 What only the request has of a poster, where a later event arrived first.
    UPDATE template_poster_results t
    SET entity_id = n.entity_id, metadata = n.metadata,
        custom_data = CASE WHEN t.erased_at IS NULL THEN n.custom_data ELSE '{}' END,
        output = CASE WHEN t.erased_at IS NULL THEN n.output END, source = n.source,
        requested_at = n.requested_at, created_at = n.created_at, updated_at = now()
    FROM unnest(states) AS n
    WHERE n.requested_at IS NOT NULL AND t.requested_at IS NULL
      AND t.job_id = n.job_id AND t.poster_index = n.poster_index;

    -- 5 The version a poster is pinned to, where it arrives after a state without it.
    WITH filled AS (
        UPDATE template_poster_results t
        SET template_version_id = n.template_version_id, section = n.section,
            template_version = n.template_version, updated_at = now()
        FROM unnest(states) AS n
        WHERE n.template_version_id IS NOT NULL AND t.template_version_id IS NULL
          AND t.job_id = n.job_id AND t.poster_index = n.poster_index AND t.generation = n.generation
          AND (t.status_rank = 2 OR (t.status_rank, t.attempt) >= (status_rank(n.status), n.attempt))
        RETURNING t.job_id, t.poster_index
    )
    SELECT coalesce(array_agg(job_id), '{}'), coalesce(array_agg(poster_index), '{}')
    INTO pinned_in, pinned FROM filled;

    -- 6 The states. The first condition skips states that would move nothing, at no cost; the last one is the rule itself.
    WITH written AS (
        INSERT INTO template_poster_results AS t
            (job_id, poster_index, entity_id, status, generation, attempt, event_id, output_url, object_key, sha256,
             size_bytes, width, height, format, template_version_id, section, template_version, generation_time_ms,
             queue_time_ms, cached, degraded, warnings, assets, images, error_code, error_message, custom_data, output,
             metadata, source, requested_at, finished_at, outcome_topic, outcome_partition, outcome_offset, created_at)
        SELECT n.job_id, n.poster_index, n.entity_id, n.status, n.generation, n.attempt, n.event_id, n.output_url,
               n.object_key, n.sha256, n.size_bytes, n.width, n.height, n.format, n.template_version_id, n.section,
               n.template_version, n.generation_time_ms, n.queue_time_ms, n.cached, n.degraded, n.warnings, n.assets,
               n.images, n.error_code, n.error_message, n.custom_data, n.output, n.metadata, n.source, n.requested_at,
               n.finished_at, n.outcome_topic, n.outcome_partition, n.outcome_offset, n.created_at
        FROM unnest(states) AS n
        WHERE NOT EXISTS (
            SELECT FROM template_poster_results AS s
            WHERE s.job_id = n.job_id AND s.poster_index = n.poster_index
              AND (s.status_rank = 2 AND s.generation >= n.generation
                   OR (s.generation, s.status_rank, s.attempt) >= (n.generation, status_rank(n.status), n.attempt)))
        ORDER BY n.job_id, n.poster_index
        ON CONFLICT (job_id, poster_index) DO UPDATE
        SET status = excluded.status, generation = excluded.generation, attempt = excluded.attempt,
            event_id = excluded.event_id, output_url = excluded.output_url, object_key = excluded.object_key,
            sha256 = excluded.sha256, size_bytes = excluded.size_bytes, width = excluded.width,
            height = excluded.height, format = excluded.format,
            template_version_id = coalesce(excluded.template_version_id, t.template_version_id),
            section = coalesce(excluded.section, t.section),
            template_version = coalesce(excluded.template_version, t.template_version),
            generation_time_ms = excluded.generation_time_ms, queue_time_ms = excluded.queue_time_ms,
            cached = excluded.cached, degraded = excluded.degraded, warnings = excluded.warnings,
            assets = excluded.assets, images = excluded.images, error_code = excluded.error_code,
            error_message = excluded.error_message, finished_at = excluded.finished_at,
            outcome_topic = excluded.outcome_topic, outcome_partition = excluded.outcome_partition,
            outcome_offset = excluded.outcome_offset, updated_at = now(),
            erased_at = CASE WHEN excluded.generation = t.generation THEN t.erased_at END
        WHERE (t.status_rank < 2 OR excluded.generation > t.generation)
          AND (excluded.generation, status_rank(excluded.status), excluded.attempt)
                  > (t.generation, t.status_rank, t.attempt)
        RETURNING t.job_id, t.poster_index
    )
    SELECT coalesce(array_agg(job_id), '{}'), coalesce(array_agg(poster_index), '{}')
    INTO moved_in, moved FROM written;

    -- Bytes of new pictures, where a quota is set. A state moves once, so an outcome counts once, however often it comes.
    IF p_count_bytes AND cardinality(moved) > 0 THEN
        INSERT INTO quota_use AS u (day, quota, source, used)
        SELECT (t.finished_at AT TIME ZONE 'UTC')::date, 'bytes', t.source, sum(coalesce(i.bytes, t.size_bytes, 0))
        FROM unnest(moved_in, moved) AS w (job_id, poster_index)
        JOIN template_poster_results AS t USING (job_id, poster_index)
        CROSS JOIN LATERAL (SELECT sum((image ->> 'size_bytes')::bigint) AS bytes
                            FROM jsonb_array_elements(t.images) AS image) AS i
        WHERE t.status = 'completed' AND NOT t.cached AND t.finished_at IS NOT NULL
        GROUP BY 1, t.source ORDER BY 1, t.source
        ON CONFLICT (day, quota, coalesce('=' || source, '')) DO UPDATE SET used = u.used + excluded.used;
    END IF;

    -- 7 States that moved nothing, and among them outcomes that contradict the recorded one.
    IF cardinality(moved) < cardinality(states) THEN
        SELECT coalesce(array_agg(DISTINCT n.job_id) FILTER (WHERE p.job_id IS NULL), '{}'),
               count(*) FILTER (WHERE status_rank(n.status) = 2 AND s.generation = n.generation
                                  AND s.event_id <> n.event_id)
        INTO stale, conflicts
        FROM unnest(states) AS n
        JOIN template_poster_results AS s USING (job_id, poster_index)
        LEFT JOIN unnest(pinned_in, pinned) AS p (job_id, poster_index) USING (job_id, poster_index)
        WHERE NOT EXISTS (SELECT FROM unnest(moved_in, moved) AS w (job_id, poster_index)
                          WHERE w.job_id = n.job_id AND w.poster_index = n.poster_index);
    END IF;

    -- 8 Cancels cover what was requested until now; the same cancel delivered again covers no later replay.
    IF cardinality(cancels) > 0 THEN
        UPDATE template_generation_jobs j
        SET cancel_event_id = c.cancel_event_id, cancel_requested_at = c.cancel_requested_at,
            cancel_reason = c.cancel_reason, updated_at = now(),
            cancelled_up_to = (SELECT coalesce(max(t.generation), 0) FROM template_poster_results t
                               WHERE t.job_id = j.job_id)
        FROM unnest(cancels) AS c
        WHERE j.job_id = c.job_id AND j.cancel_event_id IS DISTINCT FROM c.cancel_event_id
          AND (j.cancel_requested_at IS NULL OR j.cancel_requested_at <= c.cancel_requested_at);
    END IF;

    -- 9 Counts and status, derived from the posters as they now are.
    recounted := ARRAY(SELECT unnest(begun) UNION SELECT unnest(moved_in));
    WITH changed AS (
        UPDATE template_generation_jobs j
        SET success_count = c.completed, failure_count = c.failed, cancelled_count = c.cancelled,
            status = job_status_{version}(j.total_count, c.completed, c.failed, c.cancelled, c.begun),
            finished_at = CASE WHEN j.total_count > 0 AND c.completed + c.failed + c.cancelled >= j.total_count
                               THEN c.finished_at END,
            revision = j.revision + 1, revised_at = now(), updated_at = now()
        FROM unnest(recounted) AS k (job_id)
        CROSS JOIN LATERAL (
            SELECT count(*) FILTER (WHERE t.status = 'completed')::integer AS completed,
                   count(*) FILTER (WHERE t.status = 'failed')::integer AS failed,
                   count(*) FILTER (WHERE t.status = 'cancelled')::integer AS cancelled,
                   bool_or(t.status_rank > 0) AS begun, max(t.finished_at) AS finished_at
            FROM template_poster_results t WHERE t.job_id = k.job_id) AS c
        WHERE j.job_id = k.job_id
          AND ((j.success_count, j.failure_count, j.cancelled_count, j.status) IS DISTINCT FROM
               (c.completed, c.failed, c.cancelled,
                job_status_{version}(j.total_count, c.completed, c.failed, c.cancelled, c.begun))
               -- A replay that began and ended within this batch: the counts are those of before.
               OR (j.finished_at < c.finished_at AND c.completed + c.failed + c.cancelled >= j.total_count))
        RETURNING j.job_id
    )
    SELECT begun || coalesce(array_agg(job_id), '{}') INTO revised FROM changed;

    -- 10 Log lines, once by event id: work that is repeated may log the same line with another time.
    INSERT INTO template_generation_logs (event_id, job_id, poster_index, level, code, message, details, source,
                                          created_at)
    SELECT l.event_id, l.job_id, l.poster_index, l.level, l.code, l.message, l.details, l.source, l.created_at
    FROM unnest(lines) AS l
    WHERE NOT EXISTS (SELECT FROM template_generation_logs AS s WHERE s.event_id = l.event_id)
    ORDER BY l.event_id
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS logged = ROW_COUNT;

    RETURN jsonb_build_object(
        'ended', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                      'status', t.status, 'error_code', t.error_code, 'single', coalesce(j.total_count = 1, false),
                      'seconds', extract(epoch FROM clock_timestamp() - t.requested_at))), '[]')
                  FROM unnest(moved_in, moved) AS w (job_id, poster_index)
                  JOIN template_poster_results AS t USING (job_id, poster_index)
                  LEFT JOIN template_generation_jobs AS j USING (job_id)
                  WHERE t.status_rank = 2),
        'moved', cardinality(moved), 'conflicts', conflicts, 'logged', logged,
        'jobs', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                     'job_id', j.job_id, 'status', j.status, 'total_count', j.total_count,
                     'success_count', j.success_count, 'failure_count', j.failure_count,
                     'cancelled_count', j.cancelled_count, 'revision', j.revision, 'revised_at', j.revised_at,
                     'metadata', j.metadata, 'source', j.source) ORDER BY j.job_id), '[]')
                 FROM template_generation_jobs j
                 WHERE j.job_id = ANY (revised || stale) AND j.total_count > 0),
        'cancelled', ARRAY(SELECT j.job_id FROM template_generation_jobs j
                           WHERE j.job_id = ANY (ARRAY(SELECT job_id FROM unnest(cancels) UNION ALL
                                                       SELECT job_id FROM unnest(requests)))
                             AND j.cancelled_up_to IS NOT NULL ORDER BY j.job_id));
END
$$;
