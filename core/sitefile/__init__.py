"""The site file: one validated description of a plant, compared with the database, applied to it and written back from it.

``read`` (files → SiteFile) · ``plan`` (what would change) · ``apply`` (change it, one transaction) · ``export`` (database → files).
"""
