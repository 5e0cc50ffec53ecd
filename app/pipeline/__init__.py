"""The changes of state: bytes → runs, and the pumps that carry runs to their end."""
