"""Before and after under one slider: the page's element, and files that hold a page with their pictures."""
