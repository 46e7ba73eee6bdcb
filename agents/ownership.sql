-- name: claim
SELECT * FROM claim_jobs($1::text[], $2::text[], $3::text[], $4::integer[], $5::integer[], $6::integer[], $7::uuid[],
                         $8::timestamptz[], $9::text[]);
