-- Templates may have 1 MiB of HTML. The old constraint goes and the new one comes without reading the rows: all of them
-- are smaller.

ALTER TABLE templates
    DROP CONSTRAINT templates_html_content_check,
    ADD CONSTRAINT templates_html_content_check CHECK (octet_length(html_content) <= 1024 * 1024) NOT VALID;
ALTER TABLE template_drafts
    DROP CONSTRAINT template_drafts_html_content_check,
    ADD CONSTRAINT template_drafts_html_content_check CHECK (octet_length(html_content) <= 1024 * 1024) NOT VALID;
