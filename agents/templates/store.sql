-- name: find_same_upload
SELECT id FROM templates WHERE section = $1 AND name = $2 AND html_sha256 = $3 ORDER BY version DESC LIMIT 1;

-- name: find_by_command
SELECT id FROM templates WHERE command_id = $1;

-- name: find_by_id
SELECT id FROM templates WHERE section = $1 AND id = $2;

-- name: find_by_number
SELECT id FROM templates WHERE section = $1 AND version = $2;

-- name: find_active
SELECT id FROM templates WHERE section = $1 AND is_active;

-- name: lock_section
-- One command of a section at a time, whichever process it reached; released with the transaction.
SELECT pg_advisory_xact_lock(hashtextextended('posters.templates.' || $1, 0));

-- name: insert_version
INSERT INTO templates (id, section, name, version, html_content, html_sha256, width, height, output, javascript,
                       warnings, command_id)
SELECT $1, $2, $3, coalesce(max(version), 0) + 1, $4, $5, $6, $7, $8, $9, $10, $11 FROM templates WHERE section = $2;

-- name: insert_placeholder
INSERT INTO template_placeholders (template_id, position, name, data_type, required, default_value, sample_value,
                                   description, exact)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: deactivate_section
UPDATE templates SET is_active = false WHERE section = $1 AND is_active AND id <> $2 RETURNING id;

-- name: activate
UPDATE templates SET is_active = true, archived_at = NULL WHERE id = $1;

-- name: insert_activation
-- Two commands of one millisecond keep their order: the later one counts from a microsecond after the earlier.
INSERT INTO template_activations (section, version_id, active_from)
SELECT $1, $2, greatest($3, max(active_from) + interval '1 microsecond') FROM template_activations WHERE section = $1;

-- name: newest_activation
SELECT version_id, active_from FROM template_activations WHERE section = $1 ORDER BY active_from DESC LIMIT 1;

-- name: archive
UPDATE templates SET is_active = false, archived_at = coalesce(archived_at, $2) WHERE id = $1;

-- name: insert_draft
INSERT INTO template_drafts (id, html_content, javascript) VALUES ($1, $2, $3)
ON CONFLICT (id) DO UPDATE SET created_at = now();

-- name: delete_old_drafts
DELETE FROM template_drafts WHERE created_at < now() - interval '1 day';

-- name: describe
SELECT t.id, t.section, s.source AS owner, coalesce(s.is_shared, true) AS is_shared,
       coalesce(s.is_private, false) AS is_private, t.name, t.version, t.html_content, t.html_sha256, t.width, t.height, t.output, t.javascript,
       t.warnings, t.is_active, t.archived_at,
       (SELECT coalesce(array_agg(a.active_from ORDER BY a.active_from), '{}') FROM template_activations a
         WHERE a.version_id = t.id) AS activations,
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'name', p.name, 'data_type', p.data_type, 'required', p.required, 'default', p.default_value,
                   'sample_value', p.sample_value, 'description', p.description, 'exact', p.exact) ORDER BY p.position), '[]')
          FROM template_placeholders p WHERE p.template_id = t.id) AS placeholders
  FROM templates t LEFT JOIN template_sections s ON s.section = t.section WHERE t.id = $1;

-- name: section
-- No row where nobody has uploaded to the section; without an owner where it is from before there were any.
SELECT s.section IS NOT NULL AS is_owned, s.source, coalesce(s.is_shared, true) AS is_shared,
       coalesce(s.is_private, false) AS is_private
FROM (SELECT $1::text AS section) AS named LEFT JOIN template_sections s ON s.section = named.section
WHERE s.section IS NOT NULL OR EXISTS (SELECT FROM templates t WHERE t.section = $1);

-- name: save_section
INSERT INTO template_sections (section, source, is_shared, is_private) VALUES ($1, $2, $3, $4)
ON CONFLICT (section) DO UPDATE
SET is_shared = excluded.is_shared, is_private = excluded.is_private, updated_at = now();

-- name: versions
SELECT id FROM templates WHERE section = $1 ORDER BY version;
