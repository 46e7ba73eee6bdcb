-- Whether a value of another type is refused (true), or the type is a guess from how the template uses the value.
ALTER TABLE template_placeholders ADD COLUMN exact boolean NOT NULL DEFAULT true;
