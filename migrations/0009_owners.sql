-- Whose a job and a section are, what a source asked of a job before it requested it, and what was erased for good.

CREATE TABLE job_owners (
    job_id     text PRIMARY KEY,
    source     text,
    claimed_at timestamptz,
    erased_at  timestamptz
);
COMMENT ON COLUMN job_owners.source IS 'NULL with claimed_at: requests without a source, a tenant of their own';
COMMENT ON COLUMN job_owners.claimed_at IS 'NULL: not requested yet; commands that came before lock the row';
COMMENT ON COLUMN job_owners.erased_at IS 'The job is never rendered again';

CREATE TABLE early_commands (
    job_id              text NOT NULL,
    source              text,
    cancel_event_id     uuid,
    cancel_requested_at timestamptz,
    cancel_reason       text,
    erased_at           timestamptz
);
COMMENT ON TABLE early_commands IS 'In force for the job if this very source requests it';
CREATE UNIQUE INDEX early_commands_of_a_source ON early_commands (job_id, coalesce('=' || source, ''));

CREATE TABLE erased_posters (
    job_id       text NOT NULL,
    poster_index integer NOT NULL,
    erased_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (job_id, poster_index)
);
COMMENT ON TABLE erased_posters IS 'Never rendered again, also where their rows and topics are long gone';
INSERT INTO erased_posters
    SELECT job_id, poster_index, erased_at FROM template_poster_results WHERE erased_at IS NOT NULL;

-- Which rows refer to an object: erasing one source's row keeps what another's needs.
CREATE INDEX results_of_object ON template_poster_results (object_key) WHERE object_key IS NOT NULL;

-- What a poster asks for besides its batch, so that a replay asks for the same.
ALTER TABLE template_poster_results ADD COLUMN output jsonb;

CREATE TABLE poster_replays (
    event_id     uuid PRIMARY KEY,
    job_id       text NOT NULL,
    source       text,
    failed_only  boolean NOT NULL,
    requested_at timestamptz NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE poster_replays IS 'Requests of sites to replay a job; a row is deleted once its posters are requested';

CREATE TABLE template_sections (
    section    text PRIMARY KEY,
    source     text,
    is_shared  boolean NOT NULL DEFAULT false,
    is_private boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE template_sections IS 'A section without a row is from before owners: it is everybody''s';
COMMENT ON COLUMN template_sections.is_shared IS 'Commands of every source are executed';
COMMENT ON COLUMN template_sections.is_private IS 'Requests of other sources do not find its templates';

-- Decides whose jobs are, for commands in their order, and returns of each how its source stands to its job:
-- `own`, `foreign`, or `unknown` where nobody has requested the job. A job belongs to the source that requests it first;
-- of jobs from before this table, to the one of their row. `at` counts the commands from 1.
--
-- The row of a job that is not claimed is locked by whoever claims it or commands it, in the order of job ids. So a claim
-- sees every command that came before it, and a command every claim.
--
-- Runs with the owner's rights: intake reads no table of jobs.
CREATE FUNCTION claim_jobs(
    p_jobs text[], p_sources text[], p_kinds text[], p_first integer[], p_last integer[], p_generations integer[],
    p_event_ids uuid[], p_times timestamptz[], p_reasons text[])
RETURNS TABLE (
    "position" bigint, standing text, owner text, erased_at timestamptz, erased_indexes integer[], recorded integer,
    cancel_event_id uuid, cancel_requested_at timestamptz, cancel_reason text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
SET lock_timeout = '5s' SET plan_cache_mode = force_custom_plan SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    command record;
BEGIN
    INSERT INTO job_owners AS o (job_id, source, claimed_at)
    SELECT DISTINCT ON (c.job_id) c.job_id,
           CASE WHEN j.job_id IS NOT NULL THEN j.source WHEN c.kind = 'request' THEN c.source END,
           CASE WHEN j.job_id IS NOT NULL THEN j.recorded_at WHEN c.kind = 'request' THEN now() END
    FROM unnest(p_jobs, p_sources, p_kinds) WITH ORDINALITY AS c (job_id, source, kind, at)
    LEFT JOIN template_generation_jobs j ON j.job_id = c.job_id AND j.recorded_at IS NOT NULL
    WHERE NOT EXISTS (SELECT FROM job_owners k WHERE k.job_id = c.job_id AND k.claimed_at IS NOT NULL)
    ORDER BY c.job_id, c.kind <> 'request', c.at
    ON CONFLICT (job_id) DO UPDATE SET source = excluded.source, claimed_at = excluded.claimed_at
    WHERE o.claimed_at IS NULL AND excluded.claimed_at IS NOT NULL;

    IF p_kinds && ARRAY['cancel', 'erase'] THEN
        FOR command IN
            SELECT c.*, o.claimed_at, o.source AS owner
            FROM unnest(p_jobs, p_sources, p_kinds, p_event_ids, p_times, p_reasons) WITH ORDINALITY
                AS c (job_id, source, kind, event_id, requested_at, reason, at)
            JOIN job_owners o USING (job_id)
            WHERE c.kind IN ('cancel', 'erase') AND (o.claimed_at IS NULL OR o.source IS NOT DISTINCT FROM c.source)
            ORDER BY c.job_id, c.at
        LOOP
            IF command.claimed_at IS NULL THEN
                INSERT INTO early_commands AS e
                    (job_id, source, cancel_event_id, cancel_requested_at, cancel_reason, erased_at)
                SELECT command.job_id, command.source,
                       CASE WHEN command.kind = 'cancel' THEN command.event_id END,
                       CASE WHEN command.kind = 'cancel' THEN command.requested_at END,
                       CASE WHEN command.kind = 'cancel' THEN command.reason END,
                       CASE WHEN command.kind = 'erase' THEN command.requested_at END
                ON CONFLICT (job_id, coalesce('=' || source, '')) DO UPDATE
                SET cancel_event_id = coalesce(e.cancel_event_id, excluded.cancel_event_id),
                    cancel_requested_at = coalesce(e.cancel_requested_at, excluded.cancel_requested_at),
                    cancel_reason = CASE WHEN e.cancel_event_id IS NULL THEN excluded.cancel_reason
                                         ELSE e.cancel_reason END,
                    erased_at = coalesce(e.erased_at, excluded.erased_at);
            ELSIF command.kind = 'erase' THEN
                UPDATE job_owners o SET erased_at = command.requested_at
                WHERE o.job_id = command.job_id AND o.erased_at IS NULL;
            END IF;
        END LOOP;
    END IF;

    RETURN QUERY
    SELECT c.at,
           CASE WHEN o.claimed_at IS NULL THEN 'unknown'
                WHEN o.source IS NOT DISTINCT FROM c.source THEN 'own' ELSE 'foreign' END,
           o.source, coalesce(o.erased_at, e.erased_at),
           ARRAY(SELECT p.poster_index FROM erased_posters p
                 WHERE p.job_id = c.job_id AND p.poster_index BETWEEN c.first AND c.last),
           CASE WHEN c.generation > 0 THEN
                coalesce((SELECT max(r.generation) FROM template_poster_results r
                          WHERE r.job_id = c.job_id AND r.poster_index BETWEEN c.first AND c.last), 0)
                ELSE 0 END,
           e.cancel_event_id, e.cancel_requested_at, e.cancel_reason
    FROM unnest(p_jobs, p_sources, p_first, p_last, p_generations) WITH ORDINALITY
        AS c (job_id, source, first, last, generation, at)
    JOIN job_owners o USING (job_id)
    LEFT JOIN early_commands e
        ON e.job_id = o.job_id AND o.claimed_at IS NOT NULL AND e.source IS NOT DISTINCT FROM o.source
    ORDER BY c.at;
END
$$;
REVOKE EXECUTE ON FUNCTION claim_jobs(
    text[], text[], text[], integer[], integer[], integer[], uuid[], timestamptz[], text[]) FROM PUBLIC;
