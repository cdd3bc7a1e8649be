//! `cargo xtask fs`: the files of a volume, without a machine.

mod disk;
mod files;
#[cfg(test)]
mod tests;

use std::fs::OpenOptions;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use airox_persistent::{Error, Format, Mounted, Settings, Volume};
use anyhow::{Context, Result, bail, ensure};

use disk::{Access, FileDisk};

/// A mounted image.
type Mount = Volume<FileDisk>;

/// Arguments of `fs`.
#[derive(clap::Args)]
pub struct VolumeArguments {
    #[command(subcommand)]
    command: Command,
}

/// The image a command works on.
#[derive(clap::Args)]
struct Image {
    /// A plain image file, or a disk with partitions
    image: PathBuf,
    /// The partition; by default "AIROX data" or "data"
    #[arg(long)]
    partition: Option<String>,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Make an empty volume
    Mkfs {
        #[command(flatten)]
        image: Image,
        /// Make the image file, of this size: a number of bytes, or with K, M or G
        #[arg(long, value_parser = parse_size)]
        size: Option<u64>,
        /// Name of the volume
        #[arg(long, default_value = "airox")]
        label: String,
        /// Even if there is a volume already; all its files are lost
        #[arg(long)]
        force: bool,
    },
    /// List a directory
    Ls {
        #[command(flatten)]
        image: Image,
        #[arg(default_value = "/")]
        path: String,
        /// With everything below
        #[arg(long, short)]
        recursive: bool,
    },
    /// Copy a file or a directory of this computer into the volume
    Put {
        #[command(flatten)]
        image: Image,
        source: PathBuf,
        /// Where to; an existing directory takes it under its own name
        path: String,
    },
    /// Copy a file or a directory of the volume to this computer
    Get {
        #[command(flatten)]
        image: Image,
        path: String,
        /// Where to; an existing directory takes it under its own name
        #[arg(default_value = ".")]
        target: PathBuf,
    },
    /// Show a file
    Cat {
        #[command(flatten)]
        image: Image,
        path: String,
    },
    /// Make a directory, and those above it that are missing
    Mkdir {
        #[command(flatten)]
        image: Image,
        path: String,
    },
    /// Remove a file or an empty directory
    Rm {
        #[command(flatten)]
        image: Image,
        path: String,
        /// With everything below
        #[arg(long, short)]
        recursive: bool,
    },
    /// Verify every checksum and everything that has to agree; names what is damaged
    Check {
        #[command(flatten)]
        image: Image,
    },
}

/// Carries out an `fs` command.
pub fn volume(arguments: &VolumeArguments) -> Result<ExitCode> {
    match &arguments.command {
        Command::Mkfs { image, size, label, force } => mkfs(image, *size, label, *force)?,
        Command::Ls { image, path, recursive } => {
            let list = read(image, |volume| files::list(volume, path, *recursive))?;
            print!("{list}");
        }
        Command::Put { image, source, path } => write(image, |volume| files::put(volume, source, path))?,
        Command::Get { image, path, target } => read(image, |volume| files::get(volume, path, target))?,
        Command::Cat { image, path } => read(image, |volume| {
            let node = files::find(volume, path)?;
            files::copy_out(volume, node, path, &mut std::io::stdout().lock())
        })?,
        Command::Mkdir { image, path } => write(image, |volume| files::make_directories(volume, path).map(drop))?,
        Command::Rm { image, path, recursive } => write(image, |volume| files::remove(volume, path, *recursive))?,
        Command::Check { image } => return check(image),
    }
    Ok(ExitCode::SUCCESS)
}

fn mkfs(image: &Image, size: Option<u64>, label: &str, force: bool) -> Result<()> {
    let name = image.image.display();
    if let Some(size) = size {
        let file = OpenOptions::new().write(true).create_new(true).open(&image.image);
        let file = file.with_context(|| format!("cannot make {name}; without --size an existing image is used"))?;
        file.set_len(size)?;
    }
    let open = |access| FileDisk::open(&image.image, image.partition.as_deref(), access);
    if !force {
        match Volume::mount(open(Access::Read)?, Settings::default()) {
            Err(Error::NotFormatted) => {}
            Err(Error::Device(error)) => bail!("{name}: {error}"),
            _ => bail!("{name} has a volume already; --force makes a new one, and all its files are lost"),
        }
    }
    let half = || u128::from(RandomState::new().build_hasher().finish());
    let format = Format { volume: half() << 64 | half(), label, log_blocks: None, now: now() };
    let made = Volume::format(open(Access::Write)?, &format);
    made.map(drop).with_context(|| format!("cannot make a volume on {name}"))
}

fn check(image: &Image) -> Result<ExitCode> {
    let name = image.image.display();
    let (mut volume, mounted) = mount(image, Access::Read)?;
    let report = volume.check().with_context(|| name.to_string())?;
    let usage = volume.usage();
    println!(
        "{} files, {} directories, {} MiB of data; {} of {} MiB free",
        report.files,
        report.directories,
        report.data_blocks / 256,
        usage.free / 256,
        usage.blocks / 256
    );
    if mounted.batches > 0 {
        println!("it was not unmounted: {} synchronisations are in its log", mounted.batches);
    }
    if let Some(block) = mounted.cut_short {
        println!("block {block}: the last synchronisation was cut short, its changes are gone");
    }
    for problem in &report.problems {
        println!("{problem}");
    }
    match report.problem_count {
        0 => println!("no damage"),
        count => println!("{count} problems"),
    }
    Ok(if report.problem_count == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn mount(image: &Image, access: Access) -> Result<(Mount, Mounted)> {
    let disk = FileDisk::open(&image.image, image.partition.as_deref(), access)?;
    let (mut volume, mounted) =
        Volume::mount(disk, Settings::default()).with_context(|| format!("cannot mount {}", image.image.display()))?;
    volume.set_time(now());
    Ok((volume, mounted))
}

fn read<T>(image: &Image, action: impl FnOnce(&mut Mount) -> Result<T>) -> Result<T> {
    action(&mut mount(image, Access::Read)?.0)
}

fn write<T>(image: &Image, action: impl FnOnce(&mut Mount) -> Result<T>) -> Result<T> {
    let (mut volume, _) = mount(image, Access::Write)?;
    let result = action(&mut volume);
    // What was done before an error stays done.
    let (_, unmounted) = volume.unmount();
    let value = result?;
    unmounted.with_context(|| format!("cannot write {}", image.image.display()))?;
    Ok(value)
}

/// Nanoseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// A number of bytes, perhaps with a unit.
fn parse_size(text: &str) -> Result<u64> {
    let digits = text.trim_end_matches(['K', 'M', 'G']);
    let unit = match &text[digits.len()..] {
        "" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        _ => bail!("a size is a number, perhaps with K, M or G after it"),
    };
    let number: u64 = digits.parse().context("a size is a number, perhaps with K, M or G after it")?;
    let size = number.checked_mul(unit).context("that is too large")?;
    ensure!(size > 0, "that is too small");
    Ok(size)
}

/// Prints to a stream; a closed one is not an error of the volume.
fn say(out: &mut impl Write, bytes: &[u8]) -> Result<()> {
    out.write_all(bytes).context("cannot write what was read")
}

fn is_existing_directory(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_dir())
}
