"""Leadbridge: webhooks of new leads in, 6sense's answer back into the CRM."""
