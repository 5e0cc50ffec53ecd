"""The outside world over real HTTP: a stand-in for 6sense and Marketo.

One port, each system under its own paths, stateful, resettable, with scripted
faults. It follows the vendors' contracts and imports nothing of the service.
`python -m sandbox --port 9100` serves it; docs/sandbox.md describes it.
"""
