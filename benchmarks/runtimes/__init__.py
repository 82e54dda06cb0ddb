"""The runtimes that clients run on: one file each."""
