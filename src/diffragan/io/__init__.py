"""The only code that opens files; every writer leaves the old file or the whole new one."""
