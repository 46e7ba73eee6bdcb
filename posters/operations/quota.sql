-- name: use_of_day
-- Posters and bytes of each source on the day $1, those with the most first.
SELECT source, coalesce(sum(used) FILTER (WHERE quota = 'posters'), 0)::bigint AS posters,
       coalesce(sum(used) FILTER (WHERE quota = 'bytes'), 0)::bigint AS bytes, sum(refused)::bigint AS refused
FROM quota_use WHERE day = $1 GROUP BY source ORDER BY posters DESC, bytes DESC, source NULLS FIRST;
