"""`seda db doctor`, the views of `seda db`, and `seda maintain`: what a database in use needs."""
