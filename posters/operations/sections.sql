-- name: before
SELECT s.section IS NOT NULL AS is_owned, s.source
FROM (SELECT $1::text AS section) AS named LEFT JOIN template_sections s ON s.section = named.section
WHERE s.section IS NOT NULL OR EXISTS (SELECT FROM templates t WHERE t.section = $1);

-- name: own
INSERT INTO template_sections (section, source) VALUES ($1, $2)
ON CONFLICT (section) DO UPDATE
SET source = excluded.source, is_shared = false, is_private = false, updated_at = now();
