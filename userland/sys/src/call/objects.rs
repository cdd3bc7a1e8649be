//! Ports, signals, regions and quotas.

use super::{address, address_mut, arg, handle};
use crate::stub::simple;
use airox_abi::{Error, Handle, MapFlags, QuotaLimits, RegionKind, SystemCall};

/// Makes a port; `label` is its interface's id, for debuggers.
pub fn port_create(quota: Handle, label: u64) -> Result<Handle, Error> {
    simple(SystemCall::PortCreate, [arg(quota), label, 0, 0, 0, 0]).map(|values| handle(values[0]))
}

/// Binds a signal to a port, so that receivers also get its bits; `Handle::NONE` unbinds.
pub fn port_bind(port: Handle, signal: Handle) -> Result<(), Error> {
    simple(SystemCall::PortBind, [arg(port), arg(signal), 0, 0, 0, 0]).map(drop)
}

/// Makes a signal.
pub fn signal_create(quota: Handle) -> Result<Handle, Error> {
    simple(SystemCall::SignalCreate, [arg(quota), 0, 0, 0, 0, 0]).map(|values| handle(values[0]))
}

/// Makes a region of zeroed RAM of so many pages.
pub fn region_create(quota: Handle, pages: u64, kind: RegionKind) -> Result<Handle, Error> {
    let arguments = [arg(quota), pages, kind as u64, 0, 0, 0];
    simple(SystemCall::RegionCreate, arguments).map(|values| handle(values[0]))
}

/// Maps `pages` of a region, from page `offset` on, at `address` of a process (`NONE`: this one). An
/// address in use is refused, so this never replaces memory in use.
pub fn region_map(
    region: Handle,
    process: Handle,
    address: u64,
    offset: u64,
    pages: u64,
    flags: MapFlags,
) -> Result<(), Error> {
    let flags = u64::from(flags.bits());
    let arguments = [arg(region), arg(process), address, offset, pages, flags];
    simple(SystemCall::RegionMap, arguments).map(drop)
}

/// Maps zeroed RAM at `address` of a process (`NONE`: this one), charged to a quota (`NONE`: this program's). It lasts as long as the mapping:
/// nobody has a handle to it.
pub fn memory_map(quota: Handle, process: Handle, address: u64, pages: u64, flags: MapFlags) -> Result<(), Error> {
    let arguments = [arg(quota), arg(process), address, pages, u64::from(flags.bits()), 0];
    simple(SystemCall::MemoryMap, arguments).map(drop)
}

/// Removes the whole mapping that starts at `address` of a process (`NONE`: this one).
///
/// # Safety
/// If the process is this one, no reference into the mapping may be alive.
pub unsafe fn region_unmap(process: Handle, address: u64) -> Result<(), Error> {
    simple(SystemCall::RegionUnmap, [arg(process), address, 0, 0, 0, 0]).map(drop)
}

/// Pages, kind and (with [`Rights::DMA`], else 0) physical address of a region.
pub fn region_info(region: Handle) -> Result<(u64, RegionKind, u64), Error> {
    let [pages, kind, physical, _] = simple(SystemCall::RegionInfo, [arg(region), 0, 0, 0, 0, 0])?;
    let kind = RegionKind::from_code(kind).ok_or(Error::WrongType)?;
    Ok((pages, kind, physical))
}

/// Carves a child out of a quota.
pub fn quota_create(parent: Handle, limits: &QuotaLimits) -> Result<Handle, Error> {
    let arguments = [arg(parent), address(limits), 0, 0, 0, 0];
    simple(SystemCall::QuotaCreate, arguments).map(|values| handle(values[0]))
}

/// Limits and use of a quota (`NONE`: this process's).
pub fn quota_info(quota: Handle) -> Result<(QuotaLimits, QuotaLimits), Error> {
    let mut both = [QuotaLimits::default(); 2];
    simple(SystemCall::QuotaInfo, [arg(quota), address_mut(&mut both), 0, 0, 0, 0])?;
    Ok((both[0], both[1]))
}
