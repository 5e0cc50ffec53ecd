"""When two values of a field are the same: kinds and their normal forms.

A CRM gives back `"41"` for the 41 it was sent, and a datetime in another zone.
Two values are equal if their normal forms under one kind are equal (mapping.md 5);
what we last wrote is kept as a keyed hash of that same normal form.
"""
