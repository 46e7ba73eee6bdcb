-- Which records the workers have in flight. What a worker leaves here was in flight when it crashed. Unlogged: it is
-- written for every batch, and a crash of the database itself may forget it.

CREATE UNLOGGED TABLE crash_journal (
    role         text NOT NULL,
    subject      text NOT NULL,
    first_offset bigint NOT NULL,
    last_offset  bigint NOT NULL,
    worker       text NOT NULL,
    crashes      integer NOT NULL DEFAULT 0,
    begun_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (role, subject, first_offset, worker)
);
COMMENT ON COLUMN crash_journal.subject IS 'A partition as topic/number, or a poster as job_id/index/generation';
COMMENT ON COLUMN crash_journal.first_offset IS 'The range of offsets of a partition; 0 to 0 for a poster';
COMMENT ON COLUMN crash_journal.crashes IS 'Workers that ended before this one while the record was in flight';
