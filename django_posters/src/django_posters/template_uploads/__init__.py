"""Commands to the templates role: upload, activate, archive, describe and preview templates."""
