"""Production: work orders, what was made of them, and the lines they run on."""
