"""`seda call`: any method of a running server, found by reflection, with JSON in and out."""
