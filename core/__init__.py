"""The station without a screen: drivers, database, rules and services. Never imports Qt."""
