-- What each process may do and no more, as roles without a login: give them to the users that the processes connect as.
-- Run by the owner of the tables (`posters setup --grants`); safe to repeat.

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['intake', 'render', 'retry', 'templates', 'sink', 'operator'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', 'posters_' || name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- another database of this server has it already
        END;
    END LOOP;
END
$$;

DO $$
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO posters_intake, posters_render, posters_retry, posters_templates, '
                   'posters_sink, posters_operator', current_schema());
END
$$;

-- These functions run with the owner's rights. Temporary tables are looked up last: looked up first, as by default, one that
-- the caller has made would stand for ours, and its triggers would have the owner's rights.
DO $$
DECLARE
    owners regprocedure;
BEGIN
    FOREACH owners IN ARRAY ARRAY[
        'claim_jobs(text[], text[], text[], integer[], integer[], integer[], uuid[], timestamptz[], text[])',
        'count_posters(uuid[], text[], date[], integer[], bigint[], bigint[])',
        'forget_unclaimed(timestamp with time zone, integer)',
        'make_log_partitions(integer, integer)', 'retire_log_partitions(integer)']::regprocedure[]
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', owners, current_schema());
    END LOOP;
END
$$;

GRANT SELECT, INSERT, UPDATE ON blown_fuses
    TO posters_intake, posters_render, posters_retry, posters_templates, posters_sink;

GRANT SELECT, INSERT, UPDATE, DELETE ON crash_journal
    TO posters_intake, posters_render, posters_retry, posters_templates, posters_sink;

GRANT SELECT ON templates, template_drafts, erased_posters TO posters_render;

GRANT SELECT, INSERT, UPDATE, DELETE ON templates, template_placeholders, template_activations, template_drafts
    TO posters_templates;
GRANT SELECT, INSERT, UPDATE ON template_sections TO posters_templates, posters_operator;

GRANT SELECT, INSERT, UPDATE ON template_generation_jobs, template_poster_results TO posters_sink;
GRANT SELECT, INSERT ON template_generation_logs TO posters_sink;
GRANT SELECT, INSERT, UPDATE, DELETE ON poster_erasures, erased_objects, poster_replays, finished_replays TO posters_sink;
GRANT SELECT, INSERT ON erased_posters TO posters_sink;
GRANT SELECT ON template_sections TO posters_sink;
GRANT EXECUTE ON FUNCTION claim_jobs(
    text[], text[], text[], integer[], integer[], integer[], uuid[], timestamptz[], text[])
    TO posters_intake, posters_sink;
GRANT EXECUTE ON FUNCTION count_posters(uuid[], text[], date[], integer[], bigint[], bigint[]) TO posters_intake;
GRANT SELECT, INSERT, UPDATE, DELETE ON quota_use TO posters_sink;
GRANT SELECT, DELETE ON quota_requests TO posters_sink;
GRANT EXECUTE ON FUNCTION forget_unclaimed(timestamptz, integer) TO posters_sink;
GRANT EXECUTE ON FUNCTION make_log_partitions(integer, integer), retire_log_partitions(integer) TO posters_sink;

GRANT SELECT ON templates, template_placeholders, template_activations, template_generation_jobs,
    template_poster_results, template_generation_logs, poster_erasures, blown_fuses, dead_letter_actions, crash_journal,
    posters_migrations, job_owners, early_commands, erased_posters, erased_objects, poster_replays, finished_replays,
    quota_use, quota_requests
    TO posters_operator;
GRANT INSERT ON dead_letter_actions TO posters_operator;
GRANT DELETE ON blown_fuses TO posters_operator;
