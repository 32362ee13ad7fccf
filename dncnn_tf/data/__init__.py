"""Training data: named sets, patches, degradations and the pipeline that joins them."""
