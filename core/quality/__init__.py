"""Quality: what was checked and what was found."""
