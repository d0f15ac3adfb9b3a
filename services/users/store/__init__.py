"""The SQL of the users service: its tables are used nowhere else."""
