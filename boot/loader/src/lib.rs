//! The AIROX loader: UEFI and BIOS entries that meet the bootloader_api contract.
#![no_std]
#![forbid(unsafe_code)]
