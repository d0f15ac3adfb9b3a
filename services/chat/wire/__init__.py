"""Between the contract's messages and chat's own values; the only place that knows both."""
