"""Pictures of a template file, drawn in this process."""
