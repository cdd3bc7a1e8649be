//! `cargo xtask size`: lines of kernel code, and the bytes of everything that is built.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::elf::{self, Sizes};
use crate::system;
use crate::workspace::Workspace;

const SYSTEM: &str = "qemu";
/// The most lines the kernel should have.
const KERNEL_GOAL: usize = 8_000;

/// Prints the tables.
pub fn size(workspace: &Workspace) -> Result<()> {
    println!("kernel lines (without comments, blank lines and tests)");
    let mut total = 0;
    for room in ["kernel/abi/src", "kernel/core/src", "kernel/src"] {
        let lines = count_folder(&workspace.root.join(room))?;
        println!("  {room:<20} {lines:>6}");
        total += lines;
    }
    println!("  {:<20} {total:>6}   (goal: at most {KERNEL_GOAL})", "together");

    let built = system::build(workspace, SYSTEM)?;
    println!("\n{:<20} {:>9} {:>9} {:>9} {:>9}", "bytes", "text", "constants", "data", "zeroed");
    print_sizes("kernel", &built.kernel)?;
    for name in &built.compiled.programs {
        print_sizes(name, &built.programs.join(name))?;
    }
    println!("\nimage {}: {} bytes", built.image.display(), fs::metadata(&built.image)?.len());
    Ok(())
}

fn print_sizes(name: &str, file: &Path) -> Result<()> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let Sizes { text, constants, data, zeroed } = elf::sizes(&bytes)?;
    println!("{name:<20} {text:>9} {constants:>9} {data:>9} {zeroed:>9}");
    Ok(())
}

fn count_folder(folder: &Path) -> Result<usize> {
    let mut lines = 0;
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let path: PathBuf = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "tests" {
                lines += count_folder(&path)?;
            }
        } else if name.ends_with(".rs") {
            lines += count_lines(&fs::read_to_string(&path)?);
        }
    }
    Ok(lines)
}

/// Lines with code on them. A module under `#[cfg(test)]` does not count; it ends at the closing brace in the
/// column it began in, as rustfmt writes it.
fn count_lines(text: &str) -> usize {
    let mut count = 0;
    let mut lines = text.lines().peekable();
    let mut in_comment = false;
    while let Some(line) = lines.next() {
        let code = line.trim();
        if in_comment {
            in_comment = !code.contains("*/");
            continue;
        }
        if code.starts_with("/*") {
            in_comment = !code.contains("*/");
            continue;
        }
        if code.is_empty() || code.starts_with("//") {
            continue;
        }
        if code == "#[cfg(test)]" {
            let indentation = line.len() - line.trim_start().len();
            let end = format!("{}}}", " ".repeat(indentation));
            let is_block = lines.peek().is_some_and(|next| next.trim_end().ends_with('{'));
            lines.next();
            while is_block && lines.next().is_some_and(|line| line != end) {}
            continue;
        }
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_blank_lines_and_tests_do_not_count() {
        let text = "\
//! Module.

/* long
   comment */
fn one() {
    // why
    two(); // counts
}

#[cfg(test)]
use something;

#[cfg(test)]
mod tests {
    fn three() {
    }
}
const FOUR: u32 = 4;
";
        assert_eq!(count_lines(text), 4);
    }
}
