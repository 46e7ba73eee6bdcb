-- name: recorded
SELECT job_id, entity_id, status, generation_time_ms, error_message FROM template_poster_results
 WHERE job_id = ANY($1);

-- name: site
SELECT p.job_id, t.poster_url FROM testimonials_testimonial t JOIN posters_poster p ON p.id = t.poster_id;
