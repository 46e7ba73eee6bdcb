-- Objects that were erased a short while ago: the completion of an equal poster, which shares one, may be on its way.

CREATE TABLE erased_objects (
    object_key   text NOT NULL,
    event_id     uuid NOT NULL,
    job_id       text,
    source       text,
    requested_at timestamptz NOT NULL,
    noted_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (object_key, event_id)
);
COMMENT ON TABLE erased_objects IS 'Objects that are deleted; who needs one nevertheless has its poster made again';
COMMENT ON COLUMN erased_objects.event_id IS 'The request to erase, like job_id, source and requested_at';
COMMENT ON COLUMN erased_objects.noted_at IS 'Before the object was deleted';
CREATE INDEX erased_objects_by_age ON erased_objects (noted_at);
