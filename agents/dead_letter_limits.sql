-- name: blown
SELECT reason FROM blown_fuses WHERE role = $1 AND build = $2;

-- name: blow
INSERT INTO blown_fuses (role, build, reason) VALUES ($1, $2, $3)
ON CONFLICT (role) DO UPDATE SET build = excluded.build, reason = excluded.reason, blown_at = now()
RETURNING role;
