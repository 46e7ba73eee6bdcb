-- name: forget_unclaimed
-- Early cancels from before $1, and rows of jobs that nobody has requested and nobody commands.
SELECT forget_unclaimed($1, $2::integer);

-- name: forget_quota_requests
WITH old AS (
    SELECT request FROM quota_requests WHERE day < $1 ORDER BY day LIMIT $2::integer
), deleted AS (
    DELETE FROM quota_requests q USING old WHERE q.request = old.request RETURNING 1
)
SELECT count(*) FROM deleted;

-- name: forget_quota_use
WITH old AS (
    SELECT ctid FROM quota_use WHERE day < $1 ORDER BY day LIMIT $2::integer
), deleted AS (
    DELETE FROM quota_use u USING old WHERE u.ctid = old.ctid RETURNING 1
)
SELECT count(*) FROM deleted;

-- name: forget_finished_replays
WITH old AS (
    SELECT event_id FROM finished_replays WHERE finished_at < $1 ORDER BY finished_at LIMIT $2::integer
), deleted AS (
    DELETE FROM finished_replays f USING old WHERE f.event_id = old.event_id RETURNING 1
)
SELECT count(*) FROM deleted;
