//! Files in a system file: which file systems are mounted where, and who may use which paths.

use airox_bundle::system::{FILE_SYSTEM_INTERFACE, FILES_INTERFACE, Mount};
use airox_file_system::path::{check as check_path, is_within};
use airox_file_system::{FileGrant, MAX_GRANTS};

use crate::interfaces::{Member, Providers};
use crate::problem::{Kind, Problems};
use crate::source::Source;

/// Most file systems in a namespace.
const MAX_MOUNTS: usize = 16;

/// What one member has to do with files.
#[derive(Default)]
pub(crate) struct Storage {
    /// What it mounts, and which member provides it.
    pub mounts: Vec<(Mount, usize)>,
    /// What it may use.
    pub files: Vec<FileGrant>,
}

/// For each member: its mounts and its files.
pub(crate) fn check(
    members: &[Member<'_>],
    providers: &Providers,
    source: &Source,
    problems: &mut Problems,
) -> Vec<Storage> {
    let mut all: Vec<Storage> = members
        .iter()
        .map(|member| Storage { mounts: mounts(members, member, source, problems), files: Vec::new() })
        .collect();
    for (index, member) in members.iter().enumerate() {
        let service = providers[index].iter().find(|(interface, _)| interface == FILES_INTERFACE);
        let mounts = service.map(|(_, service)| all[*service].mounts.as_slice());
        all[index].files = grants(member, mounts, source, problems);
    }
    all
}

/// Who calls whom, file systems included.
pub(crate) fn with_mounts(providers: &Providers, storage: &[Storage]) -> Providers {
    let each = providers.iter().zip(storage);
    each.map(|(uses, storage)| {
        let mounted = storage.mounts.iter().map(|(_, provider)| (FILE_SYSTEM_INTERFACE.to_owned(), *provider));
        uses.iter().cloned().chain(mounted).collect()
    })
    .collect()
}

fn mounts(
    members: &[Member<'_>],
    member: &Member<'_>,
    source: &Source,
    problems: &mut Problems,
) -> Vec<(Mount, usize)> {
    let mut mounts: Vec<(Mount, usize)> = Vec::new();
    for (path, provider) in &member.entry.mounts {
        let found = members.iter().position(|other| other.name() == provider.value);
        let found = found.filter(|index| members[*index].provides(FILE_SYSTEM_INTERFACE));
        let reason = if !member.provides(FILES_INTERFACE) && !member.provides(FILE_SYSTEM_INTERFACE) {
            format!(
                "`{}` provides neither `{FILES_INTERFACE}` nor `{FILE_SYSTEM_INTERFACE}`, so it mounts nothing",
                member.name()
            )
        } else if let Err(error) = check_path(&path.value) {
            format!("`{}`: {error}", path.value)
        } else if found.is_none() {
            format!("no component `{}` provides `{FILE_SYSTEM_INTERFACE}`", provider.value)
        } else if mounts.iter().any(|(mount, _)| mount.provider == provider.value) {
            format!("`{}` is mounted twice", provider.value)
        } else if mounts.len() >= MAX_MOUNTS {
            format!("more than {MAX_MOUNTS} file systems")
        } else {
            let mount = Mount { path: path.value.clone(), provider: provider.value.clone() };
            mounts.extend(found.map(|index| (mount, index)));
            continue;
        };
        problems.add(Kind::BadMount, source, &path.span, reason);
    }
    mounts
}

/// `mounts` are those of the file service that the member uses, if it uses one.
fn grants(
    member: &Member<'_>,
    mounts: Option<&[(Mount, usize)]>,
    source: &Source,
    problems: &mut Problems,
) -> Vec<FileGrant> {
    let mut grants = Vec::new();
    for text in &member.entry.files {
        let reason = match (FileGrant::parse(&text.value), mounts) {
            (_, None) => format!("`{}` does not use `{FILES_INTERFACE}`", member.name()),
            (Err(error), _) => format!("`{}`: {error}; write `/PATH`, `/PATH:r` or `/PATH:rw`", text.value),
            (Ok(_), _) if grants.len() >= MAX_GRANTS => format!("more than {MAX_GRANTS} paths"),
            (Ok(grant), Some(mounts)) => {
                let meets = |mount: &Mount| is_within(&grant.path, &mount.path) || is_within(&mount.path, &grant.path);
                if mounts.iter().any(|(mount, _)| meets(mount)) {
                    grants.push(grant);
                    continue;
                }
                format!("no file system is mounted at `{}`, above it or below it", grant.path)
            }
        };
        problems.add(Kind::BadFiles, source, &text.span, reason);
    }
    grants
}
