-- What operators and guards decided: roles that stand still because of too many dead letters, and what became of dead
-- letters. A dead letter is named by where its record came from, so that one set aside twice is replayed once.

CREATE TABLE blown_fuses (
    role     text PRIMARY KEY,
    build    text NOT NULL,
    reason   text NOT NULL,
    blown_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN blown_fuses.build IS 'Another build takes no notice of the row: it may be the remedy';

CREATE TABLE dead_letter_actions (
    role         text NOT NULL,
    topic        text NOT NULL,
    "partition"  integer NOT NULL,
    "offset"     bigint NOT NULL,
    "timestamp"  bigint NOT NULL,
    action       text NOT NULL CHECK (action IN ('replayed', 'dropped')),
    acted_by     text NOT NULL,
    acted_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (role, topic, "partition", "offset", "timestamp")
);
COMMENT ON COLUMN dead_letter_actions."timestamp" IS
    'The record''s time in milliseconds: a topic that was made anew counts its offsets from 0 again';

-- Drops the log's partitions of days that ended more than `days_kept` days ago, and lines as old that no day's partition
-- took; returns how many partitions. Runs with the owner's rights, like `make_log_partitions`.
CREATE FUNCTION retire_log_partitions(days_kept integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    first_kept date := (now() AT TIME ZONE 'UTC')::date - days_kept;
    part       text;
    retired    integer := 0;
BEGIN
    IF days_kept < 1 THEN
        RAISE EXCEPTION 'at least one day of the log is kept, not %', days_kept;
    END IF;
    FOR part IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'template_generation_logs'::regclass AND c.relname ~ '^template_generation_logs_[0-9]{8}$'
          AND to_date(right(c.relname, 8), 'YYYYMMDD') < first_kept
        ORDER BY c.relname
    LOOP
        EXECUTE format('DROP TABLE %I', part);
        retired := retired + 1;
    END LOOP;
    DELETE FROM template_generation_logs_default WHERE created_at < first_kept::timestamp AT TIME ZONE 'UTC';
    RETURN retired;
END
$$;
REVOKE EXECUTE ON FUNCTION retire_log_partitions(integer) FROM PUBLIC;
