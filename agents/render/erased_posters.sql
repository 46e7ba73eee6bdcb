-- name: contains
SELECT EXISTS (SELECT FROM erased_posters WHERE job_id = $1 AND poster_index = $2);
