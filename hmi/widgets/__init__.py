"""Reusable widgets: each takes its data by one method, knows no service, and paints itself where its content is live."""
