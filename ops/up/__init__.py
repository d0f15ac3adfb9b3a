"""`seda up`: the whole suite as child processes of one supervisor, with nothing left behind."""
