"""Values every layer shares: errors, records, ARNs, S3 URIs, the clock. Imports no other layer."""
