"""Mapping files: from YAML to decisions about fields. Pure: no clock, no network.

`load` reads files and finds what is wrong with them, `apply` maps one record.
"""
