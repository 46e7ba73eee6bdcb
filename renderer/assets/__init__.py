"""The only way to the network that documents have: their images, style sheets and fonts, fetched by us."""
