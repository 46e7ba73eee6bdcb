-- Logs, a partition a day (UTC). `created_at` is the event's own time; a row's identity is `event_id` alone.

CREATE TABLE template_generation_logs (
    event_id     uuid NOT NULL,
    job_id       text NOT NULL,
    poster_index integer,
    level        text NOT NULL CHECK (level IN ('INFO', 'WARNING', 'ERROR')),
    code         text NOT NULL,
    message      text NOT NULL,
    details      jsonb NOT NULL DEFAULT '{}',
    source       text,
    created_at   timestamptz NOT NULL,
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (event_id, created_at)
) PARTITION BY RANGE (created_at);

CREATE INDEX logs_of_a_job ON template_generation_logs (job_id, created_at);
CREATE INDEX logs_errors ON template_generation_logs (created_at DESC) WHERE level = 'ERROR';
CREATE INDEX logs_time ON template_generation_logs USING brin (created_at) WITH (pages_per_range = 32);

-- Takes what no day's partition takes, so that an insert never fails.
CREATE TABLE template_generation_logs_default PARTITION OF template_generation_logs DEFAULT;

-- Makes the partitions from `days_back` days ago to `days_ahead` days from now that are missing, moves rows that the
-- default partition holds for them, and returns how many it made. Runs with the owner's rights: the sink owns no table.
CREATE FUNCTION make_log_partitions(days_back integer, days_ahead integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    day  date;
    part text;
    made integer := 0;
BEGIN
    FOR day IN
        SELECT (now() AT TIME ZONE 'UTC')::date + ahead FROM generate_series(-days_back, days_ahead) AS ahead
    LOOP
        part := 'template_generation_logs_' || to_char(day, 'YYYYMMDD');
        CONTINUE WHEN to_regclass(part) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I (LIKE template_generation_logs INCLUDING ALL)', part);
        EXECUTE format(
            'WITH moved AS (
                 DELETE FROM template_generation_logs_default WHERE created_at >= %L AND created_at < %L RETURNING *
             ) INSERT INTO %I SELECT * FROM moved',
            day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC', part);
        EXECUTE format(
            'ALTER TABLE template_generation_logs ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            part, day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;
REVOKE EXECUTE ON FUNCTION make_log_partitions(integer, integer) FROM PUBLIC;

-- A week back: what the topics still hold may be read again.
SELECT make_log_partitions(7, 7);
