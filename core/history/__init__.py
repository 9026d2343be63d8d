"""Values as they were: the recent past in memory."""
