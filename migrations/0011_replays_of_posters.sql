-- Replays of one poster of a job, and event ids of replays that were carried out.

ALTER TABLE poster_replays ADD COLUMN poster_index integer, ADD COLUMN generation integer;
COMMENT ON COLUMN poster_replays.poster_index IS 'Only this poster; NULL: all posters of the job';
COMMENT ON COLUMN poster_replays.generation IS 'The generation in which that poster had ended, which is made again; NULL: it has not ended yet';

CREATE TABLE finished_replays (
    event_id    uuid PRIMARY KEY,
    finished_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE finished_replays IS 'A request to replay that is delivered again is not carried out again';
CREATE INDEX finished_replays_by_age ON finished_replays (finished_at);
