"""Commands: parse, build, call, print."""
