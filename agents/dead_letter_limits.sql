-- name: exceeded_reason
SELECT reason FROM blown_fuses WHERE role = $1 AND build = $2;

-- name: save_exceeded
INSERT INTO blown_fuses (role, build, reason) VALUES ($1, $2, $3)
ON CONFLICT (role) DO UPDATE SET build = excluded.build, reason = excluded.reason, blown_at = now()
RETURNING role;

-- name: save_reopened
-- Only operators may delete rows. No build has an empty name, so the row no longer counts.
UPDATE blown_fuses SET build = '' WHERE role = $1 AND build = $2 RETURNING role;
