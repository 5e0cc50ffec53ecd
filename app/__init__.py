"""Leadbridge: webhooks of new leads in, 6sense's answer back into the CRM."""

__version__ = "0.1.0"
