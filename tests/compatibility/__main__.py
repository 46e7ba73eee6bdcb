"""`python -m tests.compatibility`: write docs/compatibility.md."""

from tests.compatibility.page import write_document

write_document()
