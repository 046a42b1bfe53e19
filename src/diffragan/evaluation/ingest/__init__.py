"""What a page shows of a scan that was ingested."""
