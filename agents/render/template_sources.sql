-- name: find_source
SELECT html_content, javascript FROM templates WHERE id = $1
UNION ALL
SELECT html_content, javascript FROM template_drafts WHERE id = $1
LIMIT 1;
