//! A look at everything: that each cluster is in one chain, files are as long as their chains, and directories where they say they are.

use airox_driver_traits::block::BlockDevice;
use airox_file_system::{Checked, FileError, Kind};
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::ControlFlow;

use crate::directory::{Directory, Found};
use crate::layout::FIRST;
use crate::table::Link;
use crate::volume::{FatFiles, ROOT};

/// Most clusters of a volume that can be checked: there is a bit for each.
const MOST: u32 = 16 << 20;

/// What was seen so far.
struct Seen {
    clusters: Vec<u8>,
    found: Checked,
}

impl Seen {
    /// Notes a cluster; says whether it is the first time.
    fn is_new(&mut self, cluster: u32) -> bool {
        let Some(byte) = self.clusters.get_mut((cluster / 8) as usize) else {
            return false;
        };
        let bit = 1 << (cluster % 8);
        let new = *byte & bit == 0;
        *byte |= bit;
        new
    }

    fn problem(&mut self, what: impl FnOnce() -> String) {
        self.found.problems += 1;
        if self.found.first_problem.is_none() {
            self.found.first_problem = Some(what());
        }
    }
}

impl<D: BlockDevice> FatFiles<D> {
    pub(crate) fn check_volume(&mut self) -> Result<Checked, FileError> {
        if self.layout.clusters() > MOST {
            return Err(FileError::NotSupported);
        }
        let clusters = vec![0; (self.layout.last / 8 + 1) as usize];
        let mut seen = Seen { clusters, found: Checked::default() };
        let root = self.directory(airox_file_system::Node(ROOT))?;
        if let Some(first) = root.first {
            self.see_chain(&mut seen, first, "/")?;
        }
        let mut open = vec![(root, String::new())];
        while let Some((directory, path)) = open.pop() {
            let mut entries = Vec::new();
            let listed = self.entries(directory, 0, |found| {
                entries.push(found);
                ControlFlow::<()>::Continue(())
            });
            match listed {
                Err(FileError::Corrupt { .. }) => seen.problem(|| format!("{path}/: the directory is damaged")),
                listed => drop(listed?),
            }
            for found in entries {
                let path = format!("{path}/{}", found.name);
                if self.see(&mut seen, directory, &found, &path)? {
                    let node = self.node_at(found.place()).0;
                    open.push((Directory { node, first: Some(found.entry.first()) }, path));
                }
            }
        }
        let mut lost = 0;
        for cluster in FIRST..=self.layout.last {
            let used = matches!(self.link(cluster)?, Link::Next(_) | Link::End);
            lost += u64::from(used && seen.is_new(cluster));
        }
        if lost > 0 {
            seen.problem(|| format!("{lost} clusters belong to nothing"));
        }
        Ok(seen.found)
    }

    /// Looks at an entry; says whether it is a directory that can be looked into.
    fn see(&mut self, seen: &mut Seen, parent: Directory, found: &Found, path: &str) -> Result<bool, FileError> {
        if found.entry.kind() == Kind::Directory {
            seen.found.directories += 1;
            return match self.check_parent(found, parent) {
                Ok(()) => Ok(self.see_chain(seen, found.entry.first(), path)?.is_some()),
                Err(FileError::Corrupt { .. }) => {
                    seen.problem(|| format!("{path}: it is not the directory that it leads to"));
                    Ok(false)
                }
                Err(error) => Err(error),
            };
        }
        seen.found.files += 1;
        let needed = self.layout.clusters_for(found.entry.size());
        let have = match found.entry.first() {
            0 => Some(0),
            first => self.see_chain(seen, first, path)?,
        };
        if have.is_some_and(|have| have < needed) {
            seen.problem(|| format!("{path}: its end is missing"));
        }
        Ok(false)
    }

    /// Goes along a chain; returns its length, or `None` if something is wrong with it.
    fn see_chain(&mut self, seen: &mut Seen, first: u32, path: &str) -> Result<Option<u32>, FileError> {
        let (mut cluster, mut length) = (first, 0);
        loop {
            if !self.layout.has(cluster) {
                seen.problem(|| format!("{path}: cluster {cluster} is not on the volume"));
                return Ok(None);
            }
            if !seen.is_new(cluster) {
                seen.problem(|| format!("{path}: cluster {cluster} is somewhere else, too"));
                return Ok(None);
            }
            length += 1;
            match self.link(cluster)? {
                Link::Next(next) => cluster = next,
                Link::End => return Ok(Some(length)),
                Link::Free | Link::Other => {
                    seen.problem(|| format!("{path}: its chain breaks off at cluster {cluster}"));
                    return Ok(None);
                }
            }
        }
    }
}
