-- name: count
SELECT * FROM count_posters($1::uuid[], $2::text[], $3::date[], $4::integer[], $5::bigint[], $6::bigint[]);
