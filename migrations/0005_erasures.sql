-- What is to be erased. A request to erase stays in force for a day: news of older posters may still be under way.

CREATE TABLE poster_erasures (
    event_id     uuid PRIMARY KEY,
    job_id       text,
    section      text,
    entity_id    text,
    source       text,
    requested_at timestamptz NOT NULL,
    answered_at  timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now(),
    CHECK (job_id IS NOT NULL OR section IS NOT NULL AND entity_id IS NOT NULL)
);
COMMENT ON COLUMN poster_erasures.requested_at IS 'The broker''s time of the request: later posters are not meant';
COMMENT ON COLUMN poster_erasures.answered_at IS 'When the first poster.erased was published';

ALTER TABLE template_poster_results ADD COLUMN erased_at timestamptz;
COMMENT ON COLUMN template_poster_results.erased_at IS 'When the images were deleted and custom_data was emptied';

CREATE INDEX results_of_entity ON template_poster_results (entity_id);
