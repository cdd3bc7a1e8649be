//! The boot sector: where everything is.

use airox_driver_traits::block::{BlockError, Geometry};
use core::fmt;

use crate::bytes::{get_u16, get_u32};

/// Bytes of a boot sector that say something, whatever the size of sectors.
pub const BOOT_BYTES: usize = 512;
/// Number of the first cluster.
pub const FIRST: u32 = 2;

/// Why there are no files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotMounted {
    /// It is something else than FAT.
    NotFat,
    /// It is FAT, but says something that cannot be.
    Damaged(&'static str),
    /// The disk failed.
    Device(BlockError),
}

impl fmt::Display for NotMounted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotMounted::NotFat => formatter.write_str("there is no FAT volume on it"),
            NotMounted::Damaged(what) => write!(formatter, "its FAT volume is damaged: {what}"),
            NotMounted::Device(error) => error.fmt(formatter),
        }
    }
}

impl core::error::Error for NotMounted {}

impl From<BlockError> for NotMounted {
    fn from(error: BlockError) -> NotMounted {
        NotMounted::Device(error)
    }
}

/// How wide the table's entries are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// 12 bits.
    Fat12,
    /// 16 bits.
    Fat16,
    /// 28 bits of 32.
    Fat32,
}

impl Width {
    /// Bits of an entry.
    #[must_use]
    pub const fn bits(self) -> u64 {
        match self {
            Width::Fat12 => 12,
            Width::Fat16 => 16,
            Width::Fat32 => 32,
        }
    }

    /// All bits that count.
    #[must_use]
    pub const fn mask(self) -> u32 {
        match self {
            Width::Fat12 => 0xfff,
            Width::Fat16 => 0xffff,
            Width::Fat32 => 0x0fff_ffff,
        }
    }
}

/// Where the root directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// At a place of its own, in bytes, and so many of them.
    Fixed(u64, u64),
    /// In a chain that begins with this cluster.
    Chain(u32),
}

/// A volume's layout. Places are in bytes from its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// How wide the table's entries are.
    pub width: Width,
    /// Bytes of a sector.
    pub sector: u32,
    /// Bytes of a cluster.
    pub cluster: u32,
    /// The table that is read.
    pub table: u64,
    /// Bytes of a table.
    pub table_bytes: u64,
    /// Tables that are written, from that one on.
    pub copies: u32,
    /// The root directory.
    pub root: Root,
    /// The first cluster's place.
    pub data: u64,
    /// The last cluster's number.
    pub last: u32,
    /// The place of the sector that says how much is free, if there is one.
    pub info: Option<u64>,
}

impl Layout {
    /// What a boot sector says, if it fits itself and the disk.
    ///
    /// # Errors
    /// [`NotMounted`].
    pub fn parse(boot: &[u8], disk: Geometry) -> Result<Layout, NotMounted> {
        let byte = |at: usize| boot.get(at).copied().unwrap_or(0);
        let (sector, sectors_per_cluster, tables) = (u32::from(get_u16(boot, 11)), u32::from(byte(13)), byte(16));
        let is_fat = matches!(byte(0), 0xeb | 0xe9)
            && get_u16(boot, 510) == 0xaa55
            && matches!(sector, 512 | 1024 | 2048 | 4096)
            && sectors_per_cluster.is_power_of_two()
            && byte(21) >= 0xf0
            && matches!(tables, 1 | 2);
        if !is_fat {
            return Err(NotMounted::NotFat);
        }
        if disk.block_size == 0 || !sector.is_multiple_of(disk.block_size) {
            return Err(NotMounted::Damaged("its sectors are smaller than the disk's blocks"));
        }
        let (reserved, root_entries) = (u64::from(get_u16(boot, 14)), u64::from(get_u16(boot, 17)));
        let either = |short: u16, long: u32| if short == 0 { long } else { u32::from(short) };
        let total = either(get_u16(boot, 19), get_u32(boot, 32));
        let wide = get_u16(boot, 22) == 0;
        let table_sectors = u64::from(either(get_u16(boot, 22), get_u32(boot, 36)));
        if disk.bytes().is_none_or(|bytes| u64::from(total) * u64::from(sector) > bytes) {
            return Err(NotMounted::Damaged("it is larger than its disk"));
        }
        let root_bytes = root_entries * 32;
        let data = reserved + table_sectors * u64::from(tables) + root_bytes.div_ceil(u64::from(sector));
        let clusters = u64::from(total).saturating_sub(data) / u64::from(sectors_per_cluster);
        if reserved == 0 || clusters == 0 || clusters > 0x0fff_fff5 {
            return Err(NotMounted::Damaged("it has no room for files"));
        }
        let width = match clusters {
            _ if wide => Width::Fat32,
            0..4_085 => Width::Fat12,
            4_085..65_525 => Width::Fat16,
            _ => return Err(NotMounted::Damaged("its table is too narrow")),
        };
        if table_sectors * u64::from(sector) * 8 / width.bits() < clusters + u64::from(FIRST) {
            return Err(NotMounted::Damaged("its table is too short"));
        }
        let bytes = |sectors: u64| sectors * u64::from(sector);
        let layout = Layout {
            width,
            sector,
            cluster: sector * sectors_per_cluster,
            table: bytes(reserved),
            table_bytes: bytes(table_sectors),
            copies: u32::from(tables),
            root: Root::Fixed(bytes(reserved + table_sectors * u64::from(tables)), root_bytes),
            data: bytes(data),
            last: clusters as u32 + FIRST - 1,
            info: None,
        };
        if wide { layout.widened(boot, reserved, root_entries) } else { layout.checked_root() }
    }

    fn checked_root(self) -> Result<Layout, NotMounted> {
        match self.root {
            Root::Fixed(_, 0) => Err(NotMounted::Damaged("it has no root directory")),
            Root::Chain(first) if !(FIRST..=self.last).contains(&first) => {
                Err(NotMounted::Damaged("its root directory is not on it"))
            }
            _ => Ok(self),
        }
    }

    /// With what only FAT32 has.
    fn widened(self, boot: &[u8], reserved: u64, root_entries: u64) -> Result<Layout, NotMounted> {
        let (flags, version, info) = (get_u16(boot, 40), get_u16(boot, 42), u64::from(get_u16(boot, 48)));
        if version != 0 || root_entries != 0 {
            return Err(NotMounted::Damaged("it is of an unknown version"));
        }
        // Bit 7: only one of the tables is in use, this one.
        let (active, copies) = if flags & 0x80 == 0 { (0, self.copies) } else { (u32::from(flags & 15), 1) };
        if active >= self.copies {
            return Err(NotMounted::Damaged("the table in use is not there"));
        }
        let layout = Layout {
            table: self.table + u64::from(active) * self.table_bytes,
            copies,
            root: Root::Chain(get_u32(boot, 44)),
            info: (1..reserved).contains(&info).then(|| info * u64::from(self.sector)),
            ..self
        };
        layout.checked_root()
    }

    /// Whether there is a cluster of this number.
    #[must_use]
    pub fn has(&self, cluster: u32) -> bool {
        (FIRST..=self.last).contains(&cluster)
    }

    /// How many clusters there are.
    #[must_use]
    pub fn clusters(&self) -> u32 {
        self.last - FIRST + 1
    }

    /// Where a cluster is; one of those that there are.
    #[must_use]
    pub fn place_of(&self, cluster: u32) -> u64 {
        self.data + u64::from(cluster.saturating_sub(FIRST)) * u64::from(self.cluster)
    }

    /// Clusters that so many bytes take.
    #[must_use]
    pub fn clusters_for(&self, bytes: u64) -> u32 {
        u32::try_from(bytes.div_ceil(u64::from(self.cluster))).unwrap_or(u32::MAX)
    }
}
