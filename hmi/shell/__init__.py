"""The frame around every panel: header, rail, tabs, action bar, bands, sheets and messages."""
