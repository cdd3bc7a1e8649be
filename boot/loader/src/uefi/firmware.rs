//! UEFI boot services as a [`Firmware`].
//!
//! Firmware interrupts run on the loader's stack, and `core` is compiled with the red zone, so interrupts stay
//! off while loader code runs. Firmware turns them on inside its calls and leaves them on: every call is made
//! through [`call`], which turns them off again.

use airox_loader::fault;
use airox_loader::firmware::{FileError, Firmware, PAGE_SIZE};
use airox_loader::framebuffer::Framebuffer;
use airox_loader::memory_map::{MapFull, MemoryMap};
use bootloader_api::info::MemoryRegionKind;
use uefi::boot::{self, AllocateType, MemoryType};
use uefi::mem::memory_map::MemoryMap as _;
use uefi::proto::media::file::{Directory, File, FileAttribute, FileMode, RegularFile};
use uefi::table::cfg::ConfigTableEntry;
use uefi::{CStr16, Status, system};

/// Longest path the loader opens, in characters, with the final 0.
const MAXIMUM_PATH: usize = 64;

/// Calls firmware, and turns interrupts off behind it.
pub fn call<R>(service: impl FnOnce() -> R) -> R {
    let result = service();
    x86_64::instructions::interrupts::disable();
    result
}

/// The boot volume and the memory of a UEFI machine.
pub struct UefiFirmware {
    root: Directory,
    framebuffer: Option<Framebuffer>,
}

impl UefiFirmware {
    /// Opens the volume the loader was loaded from.
    pub fn new(framebuffer: Option<Framebuffer>) -> Result<Self, Status> {
        // Else firmware resets the machine after five minutes in front of an error message.
        let _ = call(|| boot::set_watchdog_timer(0, 0x1_0000, None));
        let root = call(|| {
            let mut volume = boot::get_image_file_system(boot::image_handle())?;
            volume.open_volume()
        });
        Ok(Self { root: root.map_err(|error| error.status())?, framebuffer })
    }

    fn open(&mut self, path: &str) -> Result<RegularFile, FileError> {
        let mut name = [0_u8; MAXIMUM_PATH];
        let name = name.get_mut(..path.len()).ok_or(FileError::Unreadable("its path is too long"))?;
        name.copy_from_slice(path.as_bytes());
        for byte in name.iter_mut().filter(|byte| **byte == b'/') {
            *byte = b'\\';
        }
        let mut buffer = [0; MAXIMUM_PATH];
        let name = core::str::from_utf8(name)
            .ok()
            .and_then(|name| CStr16::from_str_with_buf(name, &mut buffer).ok())
            .ok_or(FileError::Unreadable("its path is not a file name"))?;
        let opened =
            call(|| self.root.open(name, FileMode::Read, FileAttribute::empty())).map_err(|error| {
                match error.status() {
                    Status::NOT_FOUND => FileError::Missing,
                    status => unreadable(status),
                }
            })?;
        call(|| opened.into_regular_file()).ok_or(FileError::Unreadable("it is a directory"))
    }
}

fn unreadable(status: Status) -> FileError {
    FileError::Unreadable(match status {
        Status::DEVICE_ERROR => "the device reported an error",
        Status::VOLUME_CORRUPTED => "the file system is damaged",
        Status::NO_MEDIA | Status::MEDIA_CHANGED => "the medium was removed",
        _ => "the firmware reported an error",
    })
}

// SAFETY: (1) UEFI identity-maps all memory on x86; (2) `allocate_pages` hands out whole pages once, and
// nothing frees them; (3) `leave` reports loader data, which all of it is, as usable.
unsafe impl Firmware for UefiFirmware {
    fn allocate(&mut self, pages: u64) -> Option<u64> {
        let pages = usize::try_from(pages).ok()?;
        call(|| boot::allocate_pages(AllocateType::AnyPages, MemoryType::LOADER_DATA, pages))
            .ok()
            .map(|start| start.as_ptr() as u64)
    }

    fn file_length(&mut self, path: &str) -> Result<u64, FileError> {
        let mut file = self.open(path)?;
        call(|| {
            file.set_position(RegularFile::END_OF_FILE)?;
            let length = file.get_position();
            drop(file);
            length
        })
        .map_err(|error| unreadable(error.status()))
    }

    fn read_file(&mut self, path: &str, buffer: &mut [u8]) -> Result<(), FileError> {
        let mut file = self.open(path)?;
        let mut done = 0;
        while done < buffer.len() {
            let read = call(|| file.read(&mut buffer[done..])).map_err(|error| unreadable(error.status()))?;
            if read == 0 {
                return Err(FileError::Unreadable("it ends early"));
            }
            done += read;
        }
        call(|| drop(file));
        Ok(())
    }

    fn memory_end(&mut self) -> u64 {
        let Ok(map) = call(|| boot::memory_map(MemoryType::LOADER_DATA)) else {
            return 0;
        };
        let end = map
            .entries()
            .filter(|entry| is_memory(entry.ty))
            .map(|entry| entry.phys_start + entry.page_count * PAGE_SIZE)
            .max();
        call(|| drop(map));
        end.unwrap_or(0)
    }

    fn rsdp(&mut self) -> Option<u64> {
        call(|| {
            system::with_config_table(|tables| {
                let find = |guid| tables.iter().find(|table| table.guid == guid);
                find(ConfigTableEntry::ACPI2_GUID)
                    .or_else(|| find(ConfigTableEntry::ACPI_GUID))
                    .map(|table| table.address as u64)
            })
        })
    }

    fn framebuffer(&self) -> Option<Framebuffer> {
        self.framebuffer
    }

    fn leave(self, map: &mut MemoryMap) -> Result<(), MapFull> {
        call(|| drop(self.root));
        // SAFETY: the volume was the last open protocol; nothing of the boot services is used below.
        let firmware_map = call(|| unsafe { boot::exit_boot_services(None) });
        // SAFETY: firmware is left, so its handlers are no longer needed.
        unsafe { fault::install() };
        for entry in firmware_map.entries() {
            map.add(entry.phys_start, entry.page_count.saturating_mul(PAGE_SIZE), kind(entry.ty))?;
        }
        Ok(())
    }
}

/// Whether memory of this type is RAM, or read like RAM (tables, code that stays).
fn is_memory(memory: MemoryType) -> bool {
    !matches!(memory, MemoryType::RESERVED | MemoryType::MMIO | MemoryType::MMIO_PORT_SPACE | MemoryType::UNUSABLE)
}

/// What becomes of memory of this type once firmware is left.
fn kind(memory: MemoryType) -> MemoryRegionKind {
    match memory {
        MemoryType::CONVENTIONAL
        | MemoryType::LOADER_CODE
        | MemoryType::LOADER_DATA
        | MemoryType::BOOT_SERVICES_CODE
        | MemoryType::BOOT_SERVICES_DATA => MemoryRegionKind::Usable,
        other => MemoryRegionKind::UnknownUefi(other.0),
    }
}
