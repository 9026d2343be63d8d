"""Equipment: the plant from enterprise to work unit, its sources and tags, units of measure and machine states."""
