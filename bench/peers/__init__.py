"""Other renderers on the same Chromium with the same documents; measured on demand, because they need Node and npm."""
