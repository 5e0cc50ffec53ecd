"""The stand-in for Marketo: identity, the lead database, limits, activities."""
