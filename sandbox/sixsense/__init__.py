"""The stand-in for 6sense: its real paths, tokens, limits, credits, answers."""
