-- Templates and what the templates role keeps beside them. A row of `templates` is one version of a section's
-- template; its HTML never changes. Versions count per section: `<section>@3`.

CREATE FUNCTION touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
$$;

CREATE TABLE templates (
    id           uuid PRIMARY KEY,
    section      text NOT NULL CHECK (section ~ '^[a-z0-9][a-z0-9_-]{0,62}$' AND section NOT LIKE '%\_latest'),
    name         text NOT NULL CHECK (length(name) <= 200),
    version      integer NOT NULL CHECK (version > 0),
    html_content text NOT NULL CHECK (octet_length(html_content) <= 512 * 1024),
    html_sha256  text NOT NULL CHECK (html_sha256 ~ '^[0-9a-f]{64}$'),
    width        integer NOT NULL CHECK (width > 0),
    height       integer NOT NULL CHECK (height > 0),
    output       jsonb NOT NULL DEFAULT '{}',
    javascript   boolean NOT NULL DEFAULT false,
    warnings     jsonb NOT NULL DEFAULT '[]',
    is_active    boolean NOT NULL DEFAULT false,
    archived_at  timestamptz,
    command_id   uuid UNIQUE,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (section, version),
    CHECK (NOT (is_active AND archived_at IS NOT NULL))
);
COMMENT ON COLUMN templates.command_id IS 'The command that made this version: its redelivery makes no other';

CREATE UNIQUE INDEX templates_one_active_a_section ON templates (section) WHERE is_active;
-- The same section, name and HTML again is the existing version. Not unique: an update may change the size alone.
CREATE INDEX templates_same_upload ON templates (section, name, html_sha256, version DESC);

CREATE TRIGGER templates_touch BEFORE UPDATE ON templates FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

CREATE TABLE template_placeholders (
    template_id   uuid NOT NULL REFERENCES templates ON DELETE CASCADE,
    position      integer NOT NULL,
    name          text NOT NULL,
    data_type     text NOT NULL CHECK (data_type IN
        ('text', 'number', 'url', 'image', 'color', 'date', 'boolean', 'rating', 'list', 'object')),
    required      boolean NOT NULL,
    default_value jsonb,
    sample_value  jsonb,
    description   text NOT NULL DEFAULT '',
    PRIMARY KEY (template_id, name)
);

-- `<section>_latest` means the newest `active_from` not after the request's broker timestamp. `active_from` is the
-- broker timestamp of the command; no two activations of a section share one.
CREATE TABLE template_activations (
    section     text NOT NULL,
    version_id  uuid NOT NULL REFERENCES templates ON DELETE CASCADE,
    active_from timestamptz NOT NULL,
    PRIMARY KEY (section, active_from)
);
CREATE INDEX template_activations_of_a_version ON template_activations (version_id, active_from);

-- HTML of previews that nobody saved yet; render events name it by id.
CREATE TABLE template_drafts (
    id           uuid PRIMARY KEY,
    html_content text NOT NULL CHECK (octet_length(html_content) <= 512 * 1024),
    javascript   boolean NOT NULL DEFAULT false,
    created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX template_drafts_oldest ON template_drafts (created_at);
