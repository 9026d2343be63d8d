"""Forms opened from several panels, as sheets over the content; never a modal dialog."""
