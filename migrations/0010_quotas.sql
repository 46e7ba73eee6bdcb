-- Quotas: what a source has used of a day, in UTC. And what may be deleted of commands that came before their job.

CREATE TABLE quota_use (
    day     date NOT NULL,
    quota   text NOT NULL CHECK (quota IN ('posters', 'bytes')),
    source  text,
    used    bigint NOT NULL DEFAULT 0,
    refused bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
COMMENT ON TABLE quota_use IS 'Counted while a quota is set. Posters: by the day of their request; bytes: by that of their outcome';
COMMENT ON COLUMN quota_use.source IS 'NULL: requests without a source, a tenant of their own';
COMMENT ON COLUMN quota_use.refused IS 'Posters that failed with the code `quota`, whichever refused them; in the row of `posters`';
CREATE UNIQUE INDEX quota_use_of_a_source ON quota_use (day, quota, coalesce('=' || source, ''));

CREATE TABLE quota_requests (
    request uuid PRIMARY KEY,
    day     date NOT NULL,
    granted integer NOT NULL,
    quota   text,
    number  bigint
);
COMMENT ON TABLE quota_requests IS 'What was decided on a request: one that is delivered again is not counted again';
COMMENT ON COLUMN quota_requests.request IS 'A digest of its bytes and its generation';
COMMENT ON COLUMN quota_requests.granted IS 'So many of its posters, the first ones, are made; `quota` and its `number` refused the others';
CREATE INDEX quota_requests_by_day ON quota_requests (day);

-- Counts posters of requests, in their order, and returns of each how many of them are made: the first ones, as far as the
-- quotas reach. A limit of NULL is none. A request that was decided before is answered as it was.
--
-- Whoever counts a source's posters of a day locks the row first, in the order of the key, so the count is exact for any
-- number of processes. The sink counts bytes in rows of its own and is not waited for.
--
-- Runs with the owner's rights: intake cannot change what is counted.
CREATE FUNCTION count_posters(
    p_requests uuid[], p_sources text[], p_days date[], p_counts integer[], p_posters bigint[], p_bytes bigint[])
RETURNS TABLE ("position" bigint, granted integer, quota text, number bigint, is_new boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
SET lock_timeout = '5s' SET plan_cache_mode = force_custom_plan SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    fresh uuid[];
BEGIN
    INSERT INTO quota_use (day, quota, source)
    SELECT DISTINCT c.day, 'posters', c.source FROM unnest(p_sources, p_days) AS c (source, day)
    ORDER BY c.day, c.source
    ON CONFLICT (day, quota, coalesce('=' || source, '')) DO NOTHING;

    PERFORM FROM quota_use u
    WHERE u.quota = 'posters' AND (u.day, coalesce('=' || u.source, '')) IN (
        SELECT c.day, coalesce('=' || c.source, '') FROM unnest(p_sources, p_days) AS c (source, day))
    ORDER BY u.day, u.source FOR NO KEY UPDATE;

    WITH asked AS (
        SELECT DISTINCT ON (c.request) c.*
        FROM unnest(p_requests, p_sources, p_days, p_counts, p_posters, p_bytes) WITH ORDINALITY
            AS c (request, source, day, posters, posters_limit, bytes_limit, at)
        WHERE NOT EXISTS (SELECT FROM quota_requests q WHERE q.request = c.request)
        ORDER BY c.request, c.at
    ), left_over AS (
        SELECT a.*, coalesce(b.used >= a.bytes_limit, false) AS is_full,
               a.posters_limit - p.used - (sum(a.posters) OVER earlier - a.posters) AS room
        FROM asked a
        JOIN quota_use p ON p.day = a.day AND p.quota = 'posters'
            AND coalesce('=' || p.source, '') = coalesce('=' || a.source, '')
        -- Without a row nothing is stored yet, of which a limit of 0 is full as well.
        LEFT JOIN LATERAL (
            SELECT coalesce((SELECT u.used FROM quota_use u WHERE u.day = a.day AND u.quota = 'bytes'
                               AND coalesce('=' || u.source, '') = coalesce('=' || a.source, '')), 0) AS used) b ON true
        WINDOW earlier AS (PARTITION BY a.day, a.source ORDER BY a.at)
    ), decided AS (
        SELECT l.*, CASE WHEN l.is_full THEN 0 ELSE least(l.posters, greatest(0, coalesce(l.room, l.posters))) END AS granted
        FROM left_over l
    ), written AS (
        INSERT INTO quota_requests (request, day, granted, quota, number)
        SELECT d.request, d.day, d.granted, CASE WHEN d.is_full THEN 'bytes' WHEN d.granted < d.posters THEN 'posters' END,
               CASE WHEN d.is_full THEN d.bytes_limit WHEN d.granted < d.posters THEN d.posters_limit END
        FROM decided d ORDER BY d.request
        ON CONFLICT (request) DO NOTHING
        RETURNING request, quota
    ), changed AS (
        SELECT d.day, d.source, sum(d.granted) AS granted, sum(d.posters - d.granted) AS refused
        FROM decided d JOIN written USING (request) GROUP BY d.day, d.source
    ), counted AS (
        UPDATE quota_use u SET used = u.used + c.granted, refused = u.refused + c.refused
        FROM changed c
        WHERE u.day = c.day AND u.quota = 'posters' AND coalesce('=' || u.source, '') = coalesce('=' || c.source, '')
    )
    SELECT coalesce(array_agg(request), '{}') INTO fresh FROM written;

    RETURN QUERY
    SELECT c.at, q.granted, q.quota, q.number,
           q.request = ANY (fresh) AND c.at = min(c.at) OVER (PARTITION BY c.request)
    FROM unnest(p_requests) WITH ORDINALITY AS c (request, at) JOIN quota_requests q USING (request)
    ORDER BY c.at;
END
$$;
REVOKE EXECUTE ON FUNCTION count_posters(uuid[], text[], date[], integer[], bigint[], bigint[]) FROM PUBLIC;

-- Finds rows that only lock a job which nobody has requested.
CREATE INDEX job_owners_unclaimed ON job_owners (job_id) WHERE claimed_at IS NULL;
CREATE INDEX early_cancels_by_age ON early_commands (cancel_requested_at) WHERE erased_at IS NULL;

-- Deletes up to p_limit early cancels from before p_before, and as many rows of jobs that nobody has requested and nobody
-- commands; returns how many. A claimed job, an erasure and what a transaction has locked are never deleted. Where a command
-- comes at this moment, its early command stays without such a row, and the next claim or command makes one again.
--
-- Runs with the owner's rights: nobody else deletes owners.
CREATE FUNCTION forget_unclaimed(p_before timestamptz, p_limit integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
SET lock_timeout = '5s' SET plan_cache_mode = force_custom_plan SET jit = off
AS $$
DECLARE
    cancels integer;
    owners  integer;
BEGIN
    DELETE FROM early_commands e WHERE e.ctid = ANY (ARRAY(
        SELECT c.ctid FROM early_commands c
        WHERE c.erased_at IS NULL AND c.cancel_requested_at < p_before
        ORDER BY c.cancel_requested_at LIMIT p_limit FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS cancels = ROW_COUNT;

    DELETE FROM job_owners o WHERE o.ctid = ANY (ARRAY(
        SELECT w.ctid FROM job_owners w
        WHERE w.claimed_at IS NULL AND w.erased_at IS NULL
          AND NOT EXISTS (SELECT FROM early_commands e WHERE e.job_id = w.job_id)
        LIMIT p_limit FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS owners = ROW_COUNT;
    RETURN cancels + owners;
END
$$;
REVOKE EXECUTE ON FUNCTION forget_unclaimed(timestamptz, integer) FROM PUBLIC;
