"""The `seda` command: run the suite, look after its database, call it and look inside."""
