"""Where things are kept: records, objects, job logs, work directories. No rules live here."""
