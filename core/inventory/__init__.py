"""Inventory: products, what they are made of, lots, where they lie and how they move."""
