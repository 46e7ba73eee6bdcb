-- name: job
SELECT job_id, status, total_count, success_count, failure_count, cancelled_count, revision, created_at, updated_at
  FROM template_generation_jobs WHERE job_id = $1;

-- name: ended
SELECT poster_index, generation, section || '@' || template_version AS template, source
  FROM template_poster_results WHERE job_id = $1 AND status = ANY ($2::text[]) AND erased_at IS NULL
 ORDER BY poster_index;

-- name: posters
SELECT poster_index, entity_id, status, generation_time_ms, output_url, error_code, error_message
  FROM template_poster_results WHERE job_id = $1 ORDER BY poster_index LIMIT $2;
