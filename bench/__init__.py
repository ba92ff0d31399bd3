"""Speed against peers: every figure of docs/benchmarks.md, each by one command, `python -m bench NAME`."""
