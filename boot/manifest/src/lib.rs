//! component.toml and system files: schema and the rules a system must keep.
