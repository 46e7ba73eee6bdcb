"""The limits of the contract, each with its unit in its name."""

JOB_ID_MAX_CHARACTERS = 80
ENTITY_ID_MAX_BYTES = 128
SOURCE_MAX_CHARACTERS = 64
CUSTOM_DATA_MAX_BYTES = 64 * 1024
CUSTOM_DATA_MAX_DEPTH = 16
METADATA_MAX_BYTES = 4 * 1024
BATCH_MAX_POSTERS = 500
"""Of one event; a larger job is several of them."""
JOB_MAX_POSTERS = 100_000
REQUEST_MAX_BYTES = 900 * 1024
"""An event on `poster-requests` as a whole; what bounds a batch of large posters."""
BULK_ABOVE_POSTERS = 10
TEMPLATE_HTML_MAX_BYTES = 1024 * 1024
PLACEHOLDERS_MAX_BYTES = 512 * 1024
"""What a template's placeholders take as JSON, with all that was declared of them."""
TEMPLATE_NAME_MAX_CHARACTERS = 200
SIDE_MAX_CSS_PIXELS = 8_192
SIDE_MAX_DEVICE_PIXELS = 16_383
"""WebP cannot hold a longer side; Chromium returns an empty image without an error."""
AREA_MAX_DEVICE_PIXELS = 64_000_000
SCALE_MIN = 0.5
SCALE_MAX = 4.0
VARIANTS_MAX = 8
VARIANT_NAME_MAX_CHARACTERS = 64
SELECTOR_MAX_CHARACTERS = 1_000
LOCALITY_MAX_CHARACTERS = 64
"""Of the name of a locale or a time zone."""
ASSETS_MAX = 50
NUMBER_MAX = 2**31 - 1
"""Of indexes, parts, totals, versions and sides: what an integer column holds."""
INTEGER_MIN = -(2**63)
INTEGER_MAX = 2**64 - 1
"""Integers fit 64 bits, signed or unsigned; the largest that every JSON reader of ours keeps exactly."""
