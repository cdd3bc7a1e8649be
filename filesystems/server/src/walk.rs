//! From paths to nodes.

use airox_file_system::{FileError, FileSystem, Node, path};

/// The node at a path.
///
/// # Errors
/// As [`FileSystem::lookup`] and [`path::components`].
pub fn find<F: FileSystem>(files: &mut F, at: &str) -> Result<Node, FileError> {
    let mut node = files.root();
    for name in path::components(at)? {
        node = files.lookup(node, name)?;
    }
    Ok(node)
}

/// The directory that a path is in, and its name there.
///
/// # Errors
/// As [`find`]; [`FileError::Busy`]: it is the root, which is always there and in nothing.
pub fn parent<'a, F: FileSystem>(files: &mut F, at: &'a str) -> Result<(Node, &'a str), FileError> {
    path::check(at)?;
    let (directory, name) = path::split(at).ok_or(FileError::Busy)?;
    Ok((find(files, directory)?, name))
}
