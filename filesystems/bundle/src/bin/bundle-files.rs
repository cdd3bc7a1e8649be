//! The program: the system bundle behind the interface `file-system`.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use airox_bundle::Bundle;
use airox_bundle_files::BundleFiles;
use airox_rt::abi::layout::PAGE_SIZE;
use airox_rt::{Region, Start, StartError, memory};

airox_rt::entry!(main);

fn main(start: &'static Start) -> Result<(), StartError> {
    let region = start.take::<Region>("bundle")?;
    let (pages, _, _) = region.region_info()?;
    let bytes = memory::map_constant(&region, (pages * PAGE_SIZE) as usize)?;
    let bundle = Bundle::parse(bytes).map_err(|_| StartError::Missing("bundle".into()))?;
    let bytes = &bytes[..bundle.length()];
    airox_file_server::serve(start, BundleFiles::new(&bundle, bytes), Some(bytes))
}
