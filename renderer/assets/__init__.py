"""Network assets of documents (images, sheets, fonts, scripts): SSRF guard, HTTP client and cache, content limits."""
