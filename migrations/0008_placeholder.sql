-- Nothing. Migrations are counted without gaps.
SELECT 1;
