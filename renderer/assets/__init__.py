"""Network assets of documents (images, style sheets, fonts): SSRF guard, HTTP client and cache, content limits."""
