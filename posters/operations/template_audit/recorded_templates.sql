-- name: versions
-- Of the versions after ($2, $3), in order: the active ones, or with $1 all that requests can name.
SELECT id FROM templates
 WHERE (is_active OR $1 AND archived_at IS NULL) AND (section, version) > ($2, $3)
 ORDER BY section, version LIMIT $4;

-- name: last_posters
-- The last completed poster of each of the versions $1 among the newest $2 jobs. One with a request of its own goes before
-- one of a batch, of which the output that it may have had alone is not recorded.
SELECT DISTINCT ON (r.template_version_id) r.template_version_id, r.job_id, r.poster_index, r.custom_data, r.images,
       r.assets, j.input_data -> 'output' AS output, j.total_count > 1 AS of_batch
  FROM (SELECT job_id, input_data, total_count, created_at FROM template_generation_jobs
         ORDER BY created_at DESC, job_id LIMIT $2) AS j
 CROSS JOIN LATERAL (
       SELECT p.* FROM template_poster_results p
        WHERE p.job_id = j.job_id AND p.status = 'completed' AND p.erased_at IS NULL AND p.requested_at IS NOT NULL
          AND p.template_version_id = ANY ($1::uuid[])
        ORDER BY p.poster_index LIMIT 1) AS r
 ORDER BY r.template_version_id, j.total_count > 1, j.created_at DESC, j.job_id;

-- name: poster
SELECT r.template_version_id, r.job_id, r.poster_index, r.custom_data, r.images, r.assets,
       j.input_data -> 'output' AS output, j.total_count > 1 AS of_batch
  FROM template_poster_results r JOIN template_generation_jobs j USING (job_id)
 WHERE r.job_id = $1 AND r.poster_index = $2 AND r.template_version_id = $3 AND r.status = 'completed'
   AND r.erased_at IS NULL AND r.requested_at IS NOT NULL;
