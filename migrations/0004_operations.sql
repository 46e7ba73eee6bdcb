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
