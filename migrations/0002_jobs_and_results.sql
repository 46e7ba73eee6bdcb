-- Jobs and the posters in them. The sink is the only writer; it locks the job's row before it touches its posters.
-- There is no foreign key between them on purpose: a poster's news may arrive before its job's request.

CREATE FUNCTION status_rank(status text) RETURNS smallint LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN CASE status
        WHEN 'queued' THEN 0 WHEN 'processing' THEN 1
        WHEN 'completed' THEN 2 WHEN 'failed' THEN 2 WHEN 'cancelled' THEN 2
    END;

CREATE TABLE template_generation_jobs (
    job_id              text PRIMARY KEY,
    status              text NOT NULL DEFAULT 'queued'
        CHECK (status IN ('queued', 'processing', 'completed', 'failed', 'cancelled')),
    total_count         integer NOT NULL DEFAULT 0 CHECK (total_count >= 0),
    success_count       integer NOT NULL DEFAULT 0 CHECK (success_count >= 0),
    failure_count       integer NOT NULL DEFAULT 0 CHECK (failure_count >= 0),
    cancelled_count     integer NOT NULL DEFAULT 0 CHECK (cancelled_count >= 0),
    revision            integer NOT NULL DEFAULT 0,
    revised_at          timestamptz NOT NULL DEFAULT now(),
    template_id         text,
    input_data          jsonb NOT NULL DEFAULT '{}',
    metadata            jsonb NOT NULL DEFAULT '{}',
    source              text,
    deadline            timestamptz,
    requested_at        timestamptz,
    recorded_at         timestamptz,
    cancel_event_id     uuid,
    cancel_requested_at timestamptz,
    cancel_reason       text,
    cancelled_up_to     integer,
    finished_at         timestamptz,
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 70);
COMMENT ON COLUMN template_generation_jobs.total_count IS '0: the request has not been seen yet';
COMMENT ON COLUMN template_generation_jobs.revision IS 'Rises with every change of the counts or the status';
COMMENT ON COLUMN template_generation_jobs.template_id IS 'As requested: an alias, a version or a version''s id';
COMMENT ON COLUMN template_generation_jobs.requested_at IS 'The broker''s time of the first request';
COMMENT ON COLUMN template_generation_jobs.recorded_at IS 'When the sink wrote the first request; NULL: not seen yet';
COMMENT ON COLUMN template_generation_jobs.cancelled_up_to IS 'Posters of this generation and below are cancelled';

CREATE INDEX jobs_newest ON template_generation_jobs (created_at DESC, job_id);
CREATE INDEX jobs_open ON template_generation_jobs (recorded_at) WHERE status IN ('queued', 'processing');
CREATE INDEX jobs_open_with_deadline ON template_generation_jobs (deadline)
    WHERE status IN ('queued', 'processing') AND deadline IS NOT NULL;

-- Only for updates that do not say it themselves: the sink does, and calling a function for each row costs it a tenth.
CREATE TRIGGER jobs_touch BEFORE UPDATE ON template_generation_jobs
    FOR EACH ROW WHEN (old.updated_at = new.updated_at) EXECUTE FUNCTION touch_updated_at();

CREATE TABLE template_poster_results (
    job_id              text NOT NULL,
    poster_index        integer NOT NULL CHECK (poster_index >= 0),
    entity_id           text NOT NULL DEFAULT 'unknown',
    status              text NOT NULL CHECK (status IN ('queued', 'processing', 'completed', 'failed', 'cancelled')),
    status_rank         smallint GENERATED ALWAYS AS (status_rank(status)) STORED,
    generation          integer NOT NULL DEFAULT 0 CHECK (generation >= 0),
    attempt             integer NOT NULL DEFAULT 1 CHECK (attempt > 0),
    event_id            uuid NOT NULL,
    output_url          text,
    object_key          text,
    sha256              text,
    size_bytes          bigint,
    width               integer,
    height              integer,
    format              text,
    template_version_id uuid,
    section             text,
    template_version    integer,
    generation_time_ms  integer,
    queue_time_ms       integer,
    cached              boolean NOT NULL DEFAULT false,
    degraded            boolean NOT NULL DEFAULT false,
    warnings            jsonb NOT NULL DEFAULT '[]',
    assets              jsonb NOT NULL DEFAULT '[]',
    images              jsonb NOT NULL DEFAULT '[]',
    error_code          text,
    error_message       text,
    custom_data         jsonb NOT NULL DEFAULT '{}',
    metadata            jsonb NOT NULL DEFAULT '{}',
    source              text,
    requested_at        timestamptz,
    finished_at         timestamptz,
    outcome_topic       text,
    outcome_partition   integer,
    outcome_offset      bigint,
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (job_id, poster_index),
    CHECK (status <> 'completed' OR (output_url IS NOT NULL AND object_key IS NOT NULL AND sha256 IS NOT NULL)),
    CHECK (status <> 'failed' OR error_code IS NOT NULL)
) WITH (fillfactor = 85);
COMMENT ON COLUMN template_poster_results.event_id IS 'The event that put the row into its state';
COMMENT ON COLUMN template_poster_results.requested_at IS
    'The broker''s time of the request; NULL: known from later events only, custom_data is still to come';
COMMENT ON COLUMN template_poster_results.outcome_offset IS 'Where the outcome stands in its topic and partition';

CREATE INDEX results_open ON template_poster_results (updated_at) WHERE status_rank < 2;

CREATE TRIGGER results_touch BEFORE UPDATE ON template_poster_results
    FOR EACH ROW WHEN (old.updated_at = new.updated_at) EXECUTE FUNCTION touch_updated_at();
