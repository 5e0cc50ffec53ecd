"""The figures of the service, measured on this machine: `python -m bench`."""
